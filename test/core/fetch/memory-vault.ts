import { judgeCurrency, requireCurrency } from '../../../core/fetch/currency.ts';
import type { ContentWish, Downloaded, FileSource } from '../../../core/fetch/download.ts';
import { StandbyError, type StandbyErrorCode } from '../../../core/fetch/errors.ts';
import type { ReceivedGrant } from '../../../core/fetch/grant-request.ts';
import type { GrantSource } from '../../../core/fetch/grant-source.ts';
import type { Manifest } from '../../../core/vault/manifest.ts';
import { manifestOf, statusOf } from '../../cli/published-file.ts';

/** Lifeboat's endpoint and vault in memory. `vault-contract.test.ts` holds it to the real ones. */
export class MemoryVault implements GrantSource, FileSource {
  /** Of the current file. */
  manifest: Manifest = manifestOf();
  /** Of the file that was published before, while the vault has it. */
  older: Manifest | undefined;
  /** Of the current file, as the status has it. */
  notedRevision = manifestOf().revision;
  /** What each request for a grant fails with. */
  grantFailure: StandbyErrorCode | undefined;
  /** What each download fails with. */
  downloadFailure: StandbyErrorCode | undefined;

  async requestGrant(versionId: string | undefined, signal?: AbortSignal): Promise<ReceivedGrant> {
    requireGoing(signal);
    fail(this.grantFailure);
    const version = versionId === undefined ? '' : `&versionId=${versionId}`;
    return {
      url: `https://vault.example/prod/3.9.1/config.json?X-Amz-Signature=5ec2e7${version}`,
      method: 'GET',
      expiresAt: '2026-11-23T00:02:00.000Z',
      controlPlane: 'prod',
      kongVersion: '3.9.1',
    };
  }

  async download(
    { url }: Pick<ReceivedGrant, 'url'>,
    { refusedSha256, wantedSha256, mayLag }: ContentWish,
    signal?: AbortSignal,
  ): Promise<Downloaded> {
    requireGoing(signal);
    fail(this.downloadFailure);
    const manifest = new URL(url).searchParams.has('versionId') ? this.older : this.manifest;
    if (manifest === undefined) {
      throw new StandbyError('no-file', 'the vault has no such version');
    }
    if (wantedSha256 !== undefined && manifest.sha256 !== wantedSha256) {
      throw new StandbyError(
        'verification',
        `revision ${manifest.revision} is not the one that was asked for`,
      );
    }
    if (manifest.sha256 === refusedSha256) {
      throw new StandbyError('refused', `the vault still has revision ${manifest.revision}`);
    }
    // Nobody reads it here.
    const signedManifest = '';
    if (wantedSha256 !== undefined) {
      return { manifest, signedManifest, currency: {} };
    }
    const status = statusOf(this.notedRevision);
    const verdict = judgeCurrency(manifest, { status });
    return { manifest, signedManifest, currency: requireCurrency(verdict, { mayLag }, status.checkedAt) };
  }
}

function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new StandbyError('unreachable', 'it was given up', { cause: signal.reason });
  }
}

function fail(code: StandbyErrorCode | undefined): void {
  if (code !== undefined) {
    throw new StandbyError(code, `fails with ${code}`);
  }
}
