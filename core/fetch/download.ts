import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { canLoad } from '../kong/version-choice.ts';
import type { RandomSource } from '../random-source.ts';
import { VaultError } from '../vault/errors.ts';
import { type Manifest, verifyManifest } from '../vault/manifest.ts';
import type { VerificationKey } from '../vault/signer.ts';
import {
  type Currency,
  type CurrencyDemand,
  describeCurrency,
  judgeCurrency,
  requireCurrency,
  type Verdict,
} from './currency.ts';
import { StandbyError } from './errors.ts';
import type { ReceivedGrant } from './grant-request.ts';
import { describeRequestFailure, type Fetch, fetchDirectly, type HttpResponse } from './http-client.ts';
import { type OpenOutput, type OutputFile, openOutputFile } from './output-file.ts';
import { spentBuffers } from './spent-buffers.ts';
import { readStatusOfGrant } from './status-reading.ts';
import { readVaultRefusal } from './vault-refusal.ts';

/** Which content of a granted file is acceptable. */
export interface ContentWish {
  /** Content that Kong refused: not downloaded again. Lower-case hex. */
  readonly refusedSha256?: string | undefined;
  /**
   * The only content that is accepted, where a particular revision was asked for; how old that is does not
   * matter. Lower-case hex.
   */
  readonly wantedSha256?: string | undefined;
  /** As in `CurrencyDemand`. */
  readonly mayLag?: boolean | undefined;
}

/** A file that was verified and stored. */
export interface Downloaded {
  /** What its signature says of it. */
  readonly manifest: Manifest;
  /** The same as it was signed: by it the file can be verified later, wherever it is. */
  readonly signedManifest: string;
  readonly currency: Currency;
}

/** Where the file of a grant comes from. */
export interface FileSource {
  /**
   * Downloads and verifies a file, and stores it for Kong.
   *
   * @throws StandbyError; its cause is the signal's reason when that ended the download
   */
  download(
    grant: Pick<ReceivedGrant, 'url' | 'statusUrl' | 'kongVersion'>,
    content: ContentWish,
    signal?: AbortSignal,
  ): Promise<Downloaded>;
}

/** The vault's files, verified, each stored at `output`. */
export function vaultFileSource(
  settings: Omit<DownloadRequest, keyof ContentWish | 'url' | 'statusUrl' | 'grantedVersion' | 'signal'>,
): FileSource {
  return {
    download: ({ url, statusUrl, kongVersion: grantedVersion }, content, signal) =>
      downloadVerified({ ...settings, ...content, url, statusUrl, grantedVersion, signal }),
  };
}

export interface DownloadRequest extends ContentWish, CurrencyDemand {
  /** Presigned; a secret. */
  readonly url: string;
  /** The same for what the last check noted. @default the grant has none */
  readonly statusUrl?: string | undefined;
  /** Keys of which one must have signed the file's manifest, and the status. */
  readonly trusted: readonly VerificationKey[];
  readonly controlPlane: string;
  /** Full version of the data plane that will load the file. */
  readonly kongVersion: string;
  /** The version that the granted file was made for. @default any that the data plane can load */
  readonly grantedVersion?: string | undefined;
  /**
   * The only revision that is accepted, where a person has asked for it by its number; how old it is does not
   * matter, and is said. @default whatever is granted
   */
  readonly wantedRevision?: number | undefined;
  /** Where the file goes; what is there stays until the new one is verified. */
  readonly output: string;
  /** A larger file is refused, whatever its manifest says. Bytes. */
  readonly maxBytes: number;
  /** For the whole download. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Names the temporary file. */
  readonly random: RandomSource;
  /** @default without a proxy */
  readonly fetch?: Fetch | undefined;
  /** @default a file on disk */
  readonly openOutput?: OpenOutput | undefined;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads a published file and verifies it on the way; only a file that passes every check appears at
 * `output`, at once and whole, with mode 0600. The status is asked for side by side with it, and says whether
 * it is the newest.
 *
 * @throws StandbyError
 */
export async function downloadVerified(request: DownloadRequest): Promise<Downloaded> {
  const { timeoutMs, clock, fetch = fetchDirectly, wantedSha256 } = request;
  const signal = clock.deadline(timeoutMs, request.signal);
  const ending = new AbortController();
  const end = () => ending.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  try {
    const status =
      wantedSha256 === undefined
        ? readStatusOfGrant({ ...request, fetch, signal: ending.signal })
        : undefined;
    const judge = async (manifest: Manifest) => {
      const reading = await status;
      if (signal.aborted) {
        throw new StandbyError('unreachable', 'the download was interrupted. Try again', {
          cause: signal.reason,
        });
      }
      return reading === undefined ? undefined : judgeCurrency(manifest, reading);
    };
    return await downloadCurrent({ ...request, signal }, judge);
  } finally {
    // Where the file has failed, nobody waits for its status any more.
    end();
    signal.removeEventListener('abort', end);
  }
}

/** A file that is older than the status says is asked for once more: it may just have been replaced. */
async function downloadCurrent(
  request: DownloadRequest,
  judge: (manifest: Manifest) => Promise<Verdict | undefined>,
): Promise<Downloaded> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await requestFile(request);
    try {
      const { manifest, signedManifest } = await requireTrustedManifest(response, request);
      const verdict = await judge(manifest);
      const isAskedFor = request.wantedRevision !== undefined;
      if (verdict?.is === 'older' && attempt === 1 && !isAskedFor) {
        response.discard();
        continue;
      }
      const currency =
        verdict === undefined
          ? {}
          : isAskedFor
            ? describeCurrency(verdict)
            : requireCurrency(verdict, request, request.clock.now());
      await storeVerified(response, manifest, request);
      return { manifest, signedManifest, currency };
    } catch (error) {
      response.discard();
      throw error;
    }
  }
}

async function requestFile(request: DownloadRequest): Promise<HttpResponse> {
  const { url, fetch = fetchDirectly, signal } = request;
  let response: HttpResponse;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new StandbyError(
      'unreachable',
      `the vault at ${new URL(url).host} did not answer (${describeRequestFailure(error)})`,
      {
        cause: error,
      },
    );
  }
  if (response.status === 200) {
    return response;
  }
  throw await readVaultRefusal(response, request.clock.now());
}

/** Kong loads the file, and it is the one that was granted. */
function requireVersion(
  { kongVersion }: Manifest,
  request: Pick<DownloadRequest, 'kongVersion' | 'grantedVersion'>,
): void {
  // A file for newer nodes may have fields that this one refuses, and with them the whole file.
  if (!canLoad(request.kongVersion, kongVersion)) {
    throw new StandbyError(
      'verification',
      `the file was made for Kong ${kongVersion}, and Kong ${request.kongVersion} cannot load it`,
      { part: 'version' },
    );
  }
  // Nor may the file of another version stand in its place: it may be of years ago, and load as well.
  if (request.grantedVersion !== undefined && kongVersion !== request.grantedVersion) {
    throw new StandbyError(
      'verification',
      `the file was made for Kong ${kongVersion}, and stands in the place of the one for Kong ${request.grantedVersion}`,
      { part: 'version' },
    );
  }
}

async function requireTrustedManifest(
  response: HttpResponse,
  request: DownloadRequest,
): Promise<Pick<Downloaded, 'manifest' | 'signedManifest'>> {
  const jws = response.headers.get('x-amz-meta-manifest');
  if (jws === null) {
    throw new StandbyError('verification', 'the file has no manifest: it was not published by Lifeboat', {
      part: 'signature',
    });
  }
  const manifest = await verifyManifest(jws, request.trusted).catch((error: unknown) => {
    if (error instanceof VaultError) {
      throw new StandbyError('verification', error.message, { cause: error, part: 'signature' });
    }
    throw error;
  });
  // A good file of another control plane must not come up as this one.
  if (manifest.controlPlane !== request.controlPlane) {
    throw new StandbyError(
      'verification',
      `the file belongs to control plane "${manifest.controlPlane}", not to "${request.controlPlane}"`,
      { part: 'owner' },
    );
  }
  requireVersion(manifest, request);
  // The vault must not choose which of the old files, which are all signed, the node gets.
  if (request.wantedSha256 !== undefined && manifest.sha256 !== request.wantedSha256) {
    throw new StandbyError(
      'verification',
      `the vault returned revision ${manifest.revision}, not the requested one`,
    );
  }
  if (request.wantedRevision !== undefined && manifest.revision !== request.wantedRevision) {
    throw new StandbyError(
      'verification',
      `the vault returned revision ${manifest.revision}, and revision ${request.wantedRevision} was asked for`,
    );
  }
  if (manifest.size > request.maxBytes) {
    throw new StandbyError(
      'verification',
      `the file has ${manifest.size} bytes, more than the allowed ${request.maxBytes} (--max-bytes)`,
    );
  }
  if (manifest.sha256 === request.refusedSha256) {
    throw new StandbyError(
      'refused',
      `the vault still has revision ${manifest.revision}, which Kong did not load. Standby tries again when there is another revision`,
    );
  }
  return { manifest, signedManifest: jws };
}

async function storeVerified(
  response: HttpResponse,
  manifest: Manifest,
  { output, timeoutMs, clock, random, openOutput }: DownloadRequest,
): Promise<void> {
  const file = await (openOutput ?? (() => openOutputFile({ output, timeoutMs, clock, random })))();
  try {
    await receive(response, manifest, file);
    await file.complete();
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

async function receive(response: HttpResponse, manifest: Manifest, file: OutputFile): Promise<void> {
  const sha256 = createHash('sha256');
  const spend = spentBuffers();
  let size = 0;
  for await (const piece of readPieces(response)) {
    size += piece.length;
    // An answer without an end must not fill the disk: the signed size is the limit.
    if (size > manifest.size) {
      throw new StandbyError(
        'verification',
        `the file is longer than the ${manifest.size} bytes that its manifest states`,
        { part: 'content' },
      );
    }
    sha256.update(piece);
    await file.write(piece);
    spend(piece.length);
  }
  if (size < manifest.size) {
    throw new StandbyError(
      'unreachable',
      `the download was interrupted after ${size} of ${manifest.size} bytes. Try again`,
    );
  }
  if (sha256.digest('hex') !== manifest.sha256) {
    throw new StandbyError(
      'verification',
      'the file’s SHA-256 is not the one in its manifest: the file was changed after it was signed',
      { part: 'content' },
    );
  }
}

/** The content, inflated as its Content-Encoding says. */
async function* readPieces(response: HttpResponse): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body;
  } catch (error) {
    throw new StandbyError(
      'unreachable',
      `the download was interrupted (${describeRequestFailure(error)}). Try again`,
      {
        cause: error,
      },
    );
  }
}
