/** Where `lifeboat fetch` puts a file, and what it says of it. */
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { CodedError } from '../core/coded-error.ts';
import { readErrorCode } from '../core/error-code.ts';
import { formatAge } from '../core/fetch/currency.ts';
import type { Downloaded } from '../core/fetch/download.ts';
import { StandbyError } from '../core/fetch/errors.ts';
import { type HeldFile, holdFile, holdUntilComplete } from '../core/fetch/held-file.ts';
import { writeForImport } from '../core/fetch/import-file.ts';
import { type OpenOutput, openOutputFile } from '../core/fetch/output-file.ts';
import { systemRandom } from '../core/random-source.ts';
import { formatSavedManifest, savedManifestPath } from '../core/vault/saved-manifest.ts';
import { warn } from './warn.ts';

/** As an option's value: the file goes to standard output. */
export const standardOutput = '-';

export interface FetchTarget {
  /** An absolute path, or `standardOutput`. */
  readonly output: string;
  /** For the whole download. */
  readonly timeoutMs: number;
  readonly forImport?: true;
}

/**
 * Fetches a file to where it is to go.
 *
 * @param fetchTo fetches and verifies it, and completes the output that it has opened
 * @throws StandbyError
 */
export function fetchToTarget<Result extends Downloaded>(
  target: FetchTarget,
  fetchTo: (openOutput: OpenOutput) => Promise<Result>,
): Promise<Result> {
  return target.forImport === true
    ? fetchForImport(target, fetchTo)
    : fetchTo(outputOf(target, target.output));
}

/** @param path of the file, or `standardOutput` */
function outputOf({ timeoutMs }: FetchTarget, path: string): OpenOutput {
  return path === standardOutput
    ? holdUntilComplete(tmpdir(), systemRandom, writeToStandardOutput)
    : () => openOutputFile({ output: path, timeoutMs, clock: systemClock, random: systemRandom });
}

/** Who closes the pipe early (`| head`) wants no more of it: that is no failure, as everywhere else. */
async function writeToStandardOutput(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) {
    const error = await new Promise<Error | null | undefined>((resolve) => {
      process.stdout.write(piece, resolve);
    });
    const code = readErrorCode(error);
    if (code === 'EPIPE') {
      return;
    }
    if (error) {
      throw new StandbyError(
        'output',
        `standard output cannot be written (${code ?? error.name}): what it has got is not the whole file`,
        { cause: error },
      );
    }
  }
}

/** The signature is of the published file, so that this is verified first, and held until it is written. */
async function fetchForImport<Result extends Downloaded>(
  target: FetchTarget,
  fetchTo: (openOutput: OpenOutput) => Promise<Result>,
): Promise<Result> {
  const directory = target.output === standardOutput ? tmpdir() : dirname(target.output);
  let held: HeldFile | undefined;
  try {
    const downloaded = await fetchTo(async () => {
      const file = await holdFile(directory, systemRandom);
      held = file;
      return { write: file.write, complete: async () => undefined, abandon: file.close };
    });
    if (held === undefined) {
      throw new Error('a file was verified that was not written');
    }
    const expiring = await writeForImport(held.read(), outputOf(target, target.output));
    if (expiring > 0) {
      warn(
        `${expiring} entities have a ttl, which kong config db_import drops: they would be valid for ever. Set it again after ` +
          'the import, as docs/runbook.md says ("Filling a rebuilt control plane from the vault")',
      );
    }
    return downloaded;
  } finally {
    await held?.close();
  }
}

/**
 * Saves the manifest beside the file. A data plane boots without it: where it cannot be saved, that is said,
 * and is no failure.
 *
 * @returns where it is; undefined where it was not saved
 */
export async function saveManifest(
  target: FetchTarget,
  { signedManifest }: Downloaded,
): Promise<string | undefined> {
  const path = savedManifestPath(target.output);
  try {
    const file = await outputOf(target, path)();
    try {
      await file.write(Buffer.from(formatSavedManifest(signedManifest)));
      await file.complete();
    } catch (error) {
      await file.abandon();
      throw error;
    }
    return path;
  } catch (error) {
    if (!(error instanceof CodedError)) {
      throw error;
    }
    warn(`the manifest was not saved, and the file was: ${error.message}`);
    return undefined;
  }
}

/** What a person is told of a file. */
export function describeFetched(
  { output, forImport }: FetchTarget,
  { manifest, currency }: Downloaded,
): string {
  const { revision, controlPlane, kongVersion, exportedAt, entities, size } = manifest;
  const { verifiedAt } = currency;
  const current =
    verifiedAt === undefined ? '' : ` as current ${formatAge(verifiedAt, systemClock.now())} before`;
  return (
    `${output === standardOutput ? 'standard output' : output}: revision ${revision} of control plane "${controlPlane}" for Kong ${kongVersion}, ` +
    `exported ${exportedAt.toISOString()}, ${entities['total']} entities, ${size} bytes, verified${current}${forImport === true ? '; written for kong config db_import' : ''}\n`
  );
}

/** How Kong is given the file; undefined for one that has no name. */
export function describeUse({ output, forImport }: FetchTarget): string | undefined {
  if (output === standardOutput) {
    return undefined;
  }
  const file = quoteForShell(output);
  return forImport === true
    ? `Give it to the new control plane after \`kong migrations bootstrap\`, with its settings and before it starts:\n  kong config db_import ${file}\n`
    : `Give it to a Kong that is to start with it:\n  KONG_DATABASE=off KONG_DECLARATIVE_CONFIG=${file} kong start\n` +
        'A running data plane gets it from `lifeboat standby`, without a restart.\n';
}

function quoteForShell(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
