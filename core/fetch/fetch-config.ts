import type { Manifest } from '../vault/manifest.ts';
import { type DownloadRequest, downloadVerified } from './download.ts';
import { StandbyError } from './errors.ts';
import { type GrantRequest, type ReceivedGrant, requestGrant } from './grant-request.ts';

/** Where a grant can be had, and with what proof. */
export interface GrantSource extends Pick<GrantRequest, 'endpoint' | 'lambdaEndpoint'> {
  /** Anew for each request: credentials of a machine's role come late and expire. Rejects with StandbyError `denied`. */
  authentication(): Promise<GrantRequest['authentication']>;
}

export interface FetchRequest
  extends Omit<GrantRequest, 'timeoutMs' | 'endpoint' | 'lambdaEndpoint' | 'authentication'>,
    Omit<DownloadRequest, 'url'> {
  /** Tried in order. */
  readonly sources: readonly GrantSource[];
}

/**
 * What a new data plane does: asks for a grant, downloads, verifies, stores. Where that fails, the same with the next source.
 *
 * @throws StandbyError with the code of the last failure, and the words of all
 */
export async function fetchConfig(request: FetchRequest): Promise<Manifest> {
  const failures: StandbyError[] = [];
  for (const source of request.sources) {
    try {
      return await fetchFrom(source, request);
    } catch (error) {
      if (!(error instanceof StandbyError)) {
        throw error;
      }
      failures.push(error);
      // Wherever the file comes from, it would not be written.
      if (error.code === 'output') {
        break;
      }
    }
  }
  const last = failures.at(-1);
  throw new StandbyError(
    last?.code ?? 'unreachable',
    last === undefined
      ? 'there is no endpoint to ask'
      : failures.map(({ message }) => message).join('; then '),
    { cause: last },
  );
}

async function fetchFrom(source: GrantSource, { sources: _, ...request }: FetchRequest): Promise<Manifest> {
  const grant = await requestGrantFrom(source, {
    ...request,
    timeoutMs: Math.min(request.timeoutMs, 30_000),
  });
  return downloadVerified({ ...request, url: grant.url });
}

/**
 * Asks a source for a grant, with a proof made for this request.
 *
 * @throws StandbyError as `requestGrant`; `denied` also when the proof does not come in time
 */
export async function requestGrantFrom(
  source: GrantSource,
  request: Omit<GrantRequest, 'endpoint' | 'lambdaEndpoint' | 'authentication'>,
): Promise<ReceivedGrant> {
  const { timeoutMs, clock, signal } = request;
  const end = clock.deadline(timeoutMs, signal);
  // A credential service that takes connections and stays silent must hold up neither the next endpoint nor the end.
  const authentication = await Promise.race([source.authentication(), tooLate(end, timeoutMs)]);
  return requestGrant({ ...request, ...source, authentication });
}

function tooLate(end: AbortSignal, timeoutMs: number): Promise<never> {
  return new Promise((_, reject) => {
    const refuse = () =>
      reject(
        new StandbyError(
          'denied',
          `no AWS credentials came within ${timeoutMs / 1000} s: can this machine reach the service that gives them (STS, instance or container metadata)?`,
          { cause: end.reason },
        ),
      );
    if (end.aborted) {
      refuse();
    } else {
      end.addEventListener('abort', refuse, { once: true });
    }
  });
}
