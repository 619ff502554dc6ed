import type { Downloaded, FileSource } from './download.ts';
import { StandbyError } from './errors.ts';
import type { GrantSource } from './grant-source.ts';

export interface FetchParts {
  /** Asked in order. The first one is the vault's own region; others give copies, which may be behind. */
  readonly grants: readonly GrantSource[];
  readonly files: FileSource;
}

/**
 * What a new data plane does: it asks for a grant, downloads the file, verifies it and stores it. Where that
 * fails, it does the same with the next source.
 *
 * @throws StandbyError with the code of the last failure, and the messages of all
 */
export async function fetchConfig({ grants, files }: FetchParts): Promise<Downloaded> {
  const failures: StandbyError[] = [];
  for (const [index, source] of grants.entries()) {
    try {
      // Where one has answered with an old file, a copy of that is no better.
      const mayLag = index > 0 && !failures.some(({ code }) => code === 'outdated');
      return await files.download(await source.requestGrant(undefined), { mayLag });
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
