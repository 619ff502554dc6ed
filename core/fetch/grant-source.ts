import type { Clock } from '../clock.ts';
import { StandbyError } from './errors.ts';
import { type GrantRequest, nameEndpoint, type ReceivedGrant, requestGrant } from './grant-request.ts';
import { requestRevisionGrant } from './revision-grant-request.ts';

/** Where a data plane gets grants: for its own control plane and version, and no other. */
export interface GrantSource {
  /** What messages call it. @default it has no name */
  readonly name?: string | undefined;
  /**
   * @param versionId S3's id of a version of the file; undefined for the current one
   * @param signal gives up early; the error's cause is then its reason
   * @throws StandbyError `denied`, `no-file` or `unreachable`
   */
  requestGrant(versionId: string | undefined, signal?: AbortSignal): Promise<ReceivedGrant>;
}

/** An endpoint of Lifeboat, and how a request to it proves who asks. */
export interface GrantEndpoint extends Pick<GrantRequest, 'endpoint' | 'lambdaEndpoint'> {
  /**
   * Anew for each request: credentials of a machine's role come late and expire.
   *
   * @throws StandbyError `denied`
   */
  authenticate(): Promise<GrantRequest['authentication']>;
}

export type GrantSettings = Pick<
  GrantRequest,
  'controlPlane' | 'kongVersion' | 'timeoutMs' | 'clock' | 'random' | 'fetch'
>;

/** The grants of an endpoint. Credentials that do not come in time are `denied`. */
export function endpointGrantSource(endpoint: GrantEndpoint, settings: GrantSettings): GrantSource {
  const { timeoutMs, clock } = settings;
  return {
    name: nameEndpoint(endpoint.endpoint),
    async requestGrant(versionId, signal) {
      // A credential service that takes connections and stays silent must not hold up the next endpoint or
      // the end.
      const authentication = await Promise.race([
        endpoint.authenticate(),
        refuseAfter(timeoutMs, clock, signal),
      ]);
      return requestGrant({ ...settings, ...endpoint, versionId, authentication, signal });
    },
  };
}

/** The grants of one revision, which a person asks for at the HTTP API. */
export function revisionGrantSource(
  { endpoint, authenticate }: GrantEndpoint,
  revision: number,
  settings: GrantSettings,
): GrantSource {
  const { timeoutMs, clock } = settings;
  return {
    name: nameEndpoint(endpoint),
    async requestGrant(_versionId, signal) {
      const authentication = await Promise.race([authenticate(), refuseAfter(timeoutMs, clock, signal)]);
      if (authentication.by !== 'iam') {
        throw new StandbyError('denied', 'a revision is asked for with AWS credentials only');
      }
      return requestRevisionGrant({ ...settings, endpoint, authentication, revision, signal });
    },
  };
}

function refuseAfter(timeoutMs: number, clock: Clock, signal: AbortSignal | undefined): Promise<never> {
  const deadline = clock.deadline(timeoutMs, signal);
  return new Promise((_, reject) => {
    const refuse = () =>
      reject(
        new StandbyError(
          'denied',
          `no AWS credentials were received within ${timeoutMs / 1000} s: check that this machine can reach the service ` +
            'that issues them (STS, instance or container metadata)',
          { cause: deadline.reason },
        ),
      );
    if (deadline.aborted) {
      refuse();
    } else {
      deadline.addEventListener('abort', refuse, { once: true });
    }
  });
}
