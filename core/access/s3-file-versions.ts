import { attempt } from '../attempt.ts';
import type { Clock } from '../clock.ts';
import { nameForeignError } from '../error-code.ts';
import { configFileKey } from '../vault/config-file-name.ts';
import { VaultError } from '../vault/errors.ts';
import { readUnverifiedManifest } from '../vault/manifest.ts';
import type { Presigner } from './presigned-url.ts';
import type { FindVersion } from './step-back.ts';

/** As long as a HEAD may take to begin. */
const lifetimeSeconds = 60;

/**
 * Looks versions of files up in S3 by HEAD, each a presigned one: the presign function has no client of the
 * SDK, which would double its cold start (docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
 */
export function s3FileVersions(presign: Presigner, clock: Pick<Clock, 'now'>): FindVersion {
  return async (name, versionId, signal) => {
    const key = configFileKey(name);
    const url = await presign({ key, versionId, method: 'HEAD' }, lifetimeSeconds, clock.now());
    const asked = await attempt(fetch(url, { method: 'HEAD', signal }));
    if ('error' in asked) {
      // Its own message may have the URL in it.
      const why = signal.aborted ? 'in time' : `(${nameForeignError(asked.error)})`;
      throw new VaultError('unavailable', `S3 did not answer HEAD ${key} ${why}`, { cause: asked.error });
    }
    const { status, headers } = asked.value;
    if (status === 404) {
      return undefined;
    }
    const found = headers.get('x-amz-version-id');
    if (status !== 200 || found === null) {
      throw new VaultError('unavailable', `S3 answered HEAD ${key} with ${status}`);
    }
    return {
      versionId: found,
      previousVersionId: readPrevious(headers.get('x-amz-meta-manifest') ?? undefined),
    };
  };
}

/** The revision before, as a manifest names it, unverified. Something foreign names none. */
export function readPrevious(manifest: string | undefined): string | undefined {
  try {
    return manifest === undefined ? undefined : readUnverifiedManifest(manifest).previousVersionId;
  } catch {
    return undefined;
  }
}
