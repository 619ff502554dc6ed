import type { Manifest } from '../vault/manifest.ts';
import type { FileSource } from './download.ts';
import { StandbyError } from './errors.ts';
import type { GrantSource } from './grant-source.ts';

export interface FetchParts {
  /** Asked in order. */
  readonly grants: readonly GrantSource[];
  readonly files: FileSource;
}

/**
 * What a new data plane does: it asks for a grant, downloads the file, verifies it and stores it. Where that
 * fails, it does the same with the next source.
 *
 * @throws StandbyError with the code of the last failure, and the messages of all
 */
export async function fetchConfig({ grants, files }: FetchParts): Promise<Manifest> {
  const failures: StandbyError[] = [];
  for (const source of grants) {
    try {
      return await files.download(await source.requestGrant(undefined), {});
    } catch (error) {
      if (!(error instanceof StandbyError)) {
        throw error;
      }
      failures.push(error);
      // No other source helps when the file cannot be written.
      if (error.code === 'output') {
        break;
      }
    }
  }
  const last = failures.at(-1);
  throw new StandbyError(
    last?.code ?? 'unreachable',
    last === undefined
      ? 'no endpoint is given: name one with --endpoint'
      : failures.map(({ message }) => message).join('; then '),
    { cause: last },
  );
}
