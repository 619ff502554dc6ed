import { createHash, sign } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Manifest, readUnverifiedManifest, signManifest } from '../core/vault/manifest.ts';
import type { Action } from './actions.ts';
import type { World } from './world/world.ts';

export type BucketAction = Extract<Action, { readonly key: string }>;

const foreignFile = gzipSync('{"_format_version":"3.0","_transform":false,"services":[]}');

/** What somebody with a hand in the bucket does to an object. */
export function changeObject({ bucket }: World, action: BucketAction): void {
  const { key } = action;
  const current = bucket.current(key);
  const put = (body: Uint8Array, metadata: Readonly<Record<string, string>>) =>
    void bucket.put(key, { body, metadata, contentEncoding: 'gzip' });
  switch (action.do) {
    case 'put garbage':
      put(Buffer.from('garbage'), { manifest: 'garbage' });
      return;
    case 'put unsigned file':
      put(foreignFile, {});
      return;
    case 'copy manifest over garbage':
      put(foreignFile, current?.metadata ?? {});
      return;
    case 'change file under its manifest':
      if (current !== undefined && readManifest(current.metadata['manifest']) !== undefined) {
        put(gzipSync(falsify(current.body)), current.metadata);
      }
      return;
    case 'put old revision back': {
      const oldest = bucket.versions(key).find(({ metadata }) => metadata['manifest'] !== undefined);
      if (oldest !== undefined) {
        put(oldest.body, oldest.metadata);
      }
      return;
    }
    case 'swap manifests': {
      const other = bucket.current(action.from);
      if (other !== undefined) {
        put(other.body, other.metadata);
      }
      return;
    }
    case 'add delete marker':
      bucket.addDeleteMarker(key);
      return;
    case 'delete all versions':
      bucket.deleteVersions(key);
  }
}

/**
 * Puts a false file under a manifest that fits it, signed with a key that nobody trusts.
 *
 * @param keyId whose key the manifest names
 */
export async function putFileOfStranger(
  { bucket, keys, signingKey }: World,
  key: string,
  keyId: 'his own' | 'ours',
): Promise<() => void> {
  const current = bucket.current(key);
  const copied = readManifest(current?.metadata['manifest']);
  if (current === undefined || copied === undefined) {
    return () => undefined;
  }
  const file = falsify(current.body);
  const body = gzipSync(file);
  const storedSha256 = createHash('sha256').update(body).digest('hex');
  const { verification, privateKey } = keys.stranger;
  const manifest = await signManifest(
    { ...copied, sha256: hash('sha256', file), md5: hash('md5', file), size: file.length, storedSha256 },
    {
      verificationKey: async () => (keyId === 'ours' ? signingKey.verification : verification),
      sign: async (message) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    },
  );
  return () => void bucket.put(key, { body, metadata: { manifest }, contentEncoding: 'gzip' });
}

/** Another content of the same length, which looks like one of the same control plane. */
function falsify(gzip: Uint8Array): Buffer {
  return Buffer.from(gunzipSync(gzip).toString('utf8').replace('"default"', '"hostile"'));
}

function hash(algorithm: 'sha256' | 'md5', content: Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

function readManifest(signed = ''): Manifest | undefined {
  try {
    return readUnverifiedManifest(signed);
  } catch {
    return undefined;
  }
}
