import fc from 'fast-check';
import { VaultError } from '../../../core/vault/errors.ts';
import { type Manifest, signManifest, verifyManifest } from '../../../core/vault/manifest.ts';
import { signStatus, verifyStatus } from '../../../core/vault/status.ts';
import { localSigner } from '../../core/vault/local-signer.ts';
import { changedText, hostileJson, hostileText, type Outcome, type Target, target } from '../target.ts';

const manifest: Manifest = {
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  revision: 7,
  previousSha256: 'a'.repeat(64),
  sha256: 'b'.repeat(64),
  storedSha256: 'c'.repeat(64),
  size: 1_000,
  md5: 'd'.repeat(32),
  configHash: 'e'.repeat(32),
  builtAt: new Date('2026-11-27T12:00:00Z'),
  exportedAt: new Date('2026-11-27T12:00:01Z'),
  entities: { services: 3, total: 3 },
};
const signer = await localSigner();
const stranger = await localSigner();
const statusOf = (controlPlane: string) => ({ controlPlane, checkedAt: manifest.exportedAt, versions: [] });
const signedManifest = await signManifest(manifest, signer);
const signedStatus = await signStatus(statusOf('prod'), signer);
const foreign = [
  await signManifest(manifest, stranger),
  await signStatus(statusOf('prod'), stranger),
  await signStatus(statusOf('staging'), signer),
];

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined) => Buffer.from(part ?? '', 'base64url');

/** Forgeries of a signed document: other bytes, another header or payload, and other documents. */
function forgeries(signed: string): fc.Arbitrary<string> {
  const [header = '', payload = '', signature = ''] = signed.split('.');
  const known = JSON.parse(decode(header).toString());
  return fc.oneof(
    changedText(signed),
    fc.constantFrom(signedManifest, signedStatus, ...foreign),
    fc
      .record({ alg: fc.constantFrom('none', 'HS256', 'ES256', 'ES384', ''), more: hostileJson })
      .map(({ alg, more }) => `${encode({ ...known, alg, jwk: more, crit: more })}.${payload}.${signature}`),
    fc.constantFrom(`${encode({ ...known, alg: 'none' })}.${payload}.`, `${header}.${payload}.`, '..', '.'),
    hostileJson.map((value) => `${header}.${encode(value)}.${signature}`),
    hostileText,
  );
}

/** Whether the signature is over these very bytes: base64url can write some of them in several ways. */
function isSame(given: string, signed: string): boolean {
  const [one, other] = [given.split('.'), signed.split('.')];
  return one.length === 3 && one.every((part, index) => decode(part).equals(decode(other[index])));
}

function documentTarget(name: string, signed: string, verify: (jws: string) => Promise<unknown>): Target {
  return target(name, forgeries(signed), async (jws): Promise<Outcome> => {
    try {
      await verify(jws);
    } catch (error) {
      if (error instanceof VaultError) {
        return 'refused';
      }
      throw error;
    }
    return isSame(jws.trim(), signed) ? 'good' : 'accepted';
  });
}

export const manifestTarget = documentTarget('manifests', signedManifest, (jws) =>
  verifyManifest(jws, [signer.publicKey]),
);
export const statusTarget = documentTarget('statuses', signedStatus, (jws) =>
  verifyStatus(jws, 'prod', [signer.publicKey]),
);
