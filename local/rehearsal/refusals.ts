import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { type DownloadRequest, downloadVerified } from '../../core/fetch/download.ts';
import { StandbyError, type StandbyErrorCode } from '../../core/fetch/errors.ts';
import { requestGrant } from '../../core/fetch/grant-request.ts';
import { systemRandom } from '../../core/random-source.ts';
import { statusKey } from '../../core/vault/config-file-name.ts';
import type { VerificationKey } from '../../core/vault/signer.ts';
import type { LocalSystem } from '../local-system.ts';
import { prolongUrl, redirectUrl, startTamperer } from './tampering.ts';

/** A data plane that must refuse what it gets. */
export interface NewDataPlane {
  readonly system: LocalSystem;
  /** The key that it has pinned. */
  readonly key: VerificationKey;
  readonly controlPlane: string;
  readonly dataPlaneVersion: string;
  /** Where a file would go. */
  readonly directory: string;
}

/** Whether it refuses the published file because the status speaks of a later one. */
export async function isRefusedAsOld(dataPlane: NewDataPlane): Promise<boolean> {
  const request = makeRequest(dataPlane);
  const { url, statusUrl } = await requestGrant(request);
  return isRefusedWith('outdated', { ...request, url, statusUrl });
}

/** Whether URLs that were changed, and a file that was changed on the way, are refused. */
export async function tryTampering(
  dataPlane: NewDataPlane,
): Promise<{ readonly url: boolean; readonly file: boolean }> {
  const request = makeRequest(dataPlane);
  const { url } = await requestGrant(request);
  const refusedWith = (code: StandbyErrorCode, tampered: string) =>
    isRefusedWith(code, { ...request, url: tampered });
  const tamperer = await startTamperer(url);
  try {
    return {
      url:
        (await refusedWith('denied', prolongUrl(url))) &&
        (await refusedWith('denied', redirectUrl(url, statusKey(dataPlane.controlPlane)))),
      file: await refusedWith('verification', tamperer.url),
    };
  } finally {
    await tamperer.stop();
  }
}

function makeRequest({ system, key, controlPlane, dataPlaneVersion, directory }: NewDataPlane) {
  return {
    endpoint: new URL(system.apiUrl),
    controlPlane,
    kongVersion: dataPlaneVersion,
    authentication: { by: 'iam', region: system.region, credentials: system.dataPlane } as const,
    timeoutMs: 10_000,
    clock: systemClock,
    random: systemRandom,
    trusted: [key],
    output: join(directory, 'never.json'),
    maxBytes: 2 ** 30,
  };
}

async function isRefusedWith(code: StandbyErrorCode, request: DownloadRequest): Promise<boolean> {
  try {
    await downloadVerified(request);
    return false;
  } catch (error) {
    return error instanceof StandbyError && error.code === code;
  }
}
