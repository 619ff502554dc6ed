import * as v from 'valibot';
import { type ApiAccess, ApiError, askApi } from './api-request.ts';
import { grantSchema, type ReceivedGrant } from './grant-request.ts';

export interface RevisionGrantRequest extends ApiAccess {
  /** Full version of the data plane that will load it. */
  readonly kongVersion: string;
  readonly revision: number;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

const largestAnswerBytes = 64 * 1024;

/**
 * Asks for a grant of a kept revision, as a person who has the right to it. What comes is verified as any
 * other file: nothing that is said here is believed.
 *
 * @throws ApiError, or StandbyError `denied` when the credentials or this machine's clock are of no use
 */
export async function requestRevisionGrant({
  kongVersion,
  revision,
  signal,
  ...access
}: RevisionGrantRequest): Promise<ReceivedGrant> {
  const text = await askApi(access, {
    method: 'GET',
    path: '/revision-grant',
    query: { version: kongVersion, revision: String(revision) },
    what: `revision ${revision}`,
    advice: 'Ask again',
    needs: ', which the right to inspect and that of a data plane do not hold (grantFetchRevision)',
    largestAnswerBytes,
    signal,
  });
  const grant = v.safeParse(v.pipe(v.string(), v.parseJson(), grantSchema), text);
  if (!grant.success) {
    throw new ApiError(
      'failed',
      `${access.endpoint.origin} answered, but the answer is not a grant: check --endpoint, and whether its stack is of the release of this command`,
    );
  }
  return grant.output;
}
