import { type ApiAccess, askApi } from './api-request.ts';

export interface InspectRequest extends ApiAccess {
  readonly view: 'status' | 'revisions' | 'revision' | 'verification' | 'diff';
  readonly query?: Readonly<Record<string, string>> | undefined;
}

/** Lambda answers with at most 6 MB. */
const largestAnswerBytes = 6 * 2 ** 20;

/**
 * Asks about a control plane's revisions.
 *
 * @returns the answer, JSON
 * @throws ApiError, or StandbyError `denied` when the credentials or this machine's clock are of no use
 */
export function inspectRevisions({ view, query, ...access }: InspectRequest): Promise<string> {
  return askApi(access, {
    method: 'GET',
    path: '/inspect',
    query: { view, ...query },
    what: view,
    advice: 'Ask again',
    largestAnswerBytes,
  });
}
