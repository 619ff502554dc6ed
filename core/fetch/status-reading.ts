import type { Clock } from '../clock.ts';
import type { ControlPlaneStatus } from '../vault/config-vault.ts';
import { VaultError } from '../vault/errors.ts';
import type { VerificationKey } from '../vault/signer.ts';
import { largestStatusBytes, verifyStatus } from '../vault/status.ts';
import { describeRequestFailure, type Fetch, readBodyText } from './http-client.ts';

/** What the last check of a control plane noted, or why nobody can tell. */
export type StatusReading =
  | { readonly status: ControlPlaneStatus; readonly missing?: undefined }
  | { readonly status?: undefined; readonly missing: string };

export interface StatusRequest {
  /** Presigned; a secret. @default the grant has none */
  readonly statusUrl?: string | undefined;
  /** Keys of which one must have signed it. */
  readonly trusted: readonly VerificationKey[];
  readonly controlPlane: string;
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** Gives up early. */
  readonly signal: AbortSignal;
}

/** The file waits no longer for it. */
export const statusTimeoutMs = 3_000;

/** Reads the status of a grant, if it can be had soon. It never fails: a file can be taken without it. */
export async function readStatusOfGrant(request: StatusRequest): Promise<StatusReading> {
  const { statusUrl, trusted, controlPlane, clock, fetch, signal } = request;
  if (statusUrl === undefined) {
    return { missing: 'the grant has no URL of the status, because the deployment is of an older release' };
  }
  try {
    const response = await fetch(statusUrl, { signal: clock.deadline(statusTimeoutMs, signal) });
    if (response.status !== 200) {
      response.discard();
      return { missing: `the vault answered ${response.status} to the request for the status` };
    }
    const { text, isCut } = await readBodyText(response, largestStatusBytes);
    return isCut
      ? { missing: `the status is larger than ${largestStatusBytes} bytes` }
      : { status: await verifyStatus(text, controlPlane, trusted) };
  } catch (error) {
    return {
      missing:
        error instanceof VaultError
          ? error.message
          : `the status was not received (${describeRequestFailure(error)})`,
    };
  }
}
