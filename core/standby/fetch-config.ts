import type { Manifest } from '../vault/manifest.ts';
import { type DownloadRequest, downloadVerified } from './download.ts';
import { type GrantRequest, requestGrant } from './grant-request.ts';

export type FetchRequest = Omit<GrantRequest, 'timeoutMs'> & Omit<DownloadRequest, 'url'>;

/**
 * What a new data plane does: asks for a grant, downloads, verifies, stores.
 *
 * @throws StandbyError
 */
export async function fetchConfig(request: FetchRequest): Promise<Manifest> {
  const grant = await requestGrant({ ...request, timeoutMs: Math.min(request.timeoutMs, 30_000) });
  return downloadVerified({ ...request, url: grant.url });
}
