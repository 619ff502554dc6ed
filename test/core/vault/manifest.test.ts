import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  countEntities,
  type Manifest,
  manifestType,
  maxMetadataBytes,
  maxPreviousVersionId,
  readUnverifiedManifest,
  signingKeyId,
  signManifest,
  verifyManifest,
} from '../../../core/vault/manifest.ts';
import { verificationKey } from '../../../core/vault/signer.ts';
import { localSigner } from './local-signer.ts';

const manifest: Manifest = {
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  revision: 7,
  previousSha256: 'a'.repeat(64),
  sha256: 'b'.repeat(64),
  size: 12_345,
  md5: 'c'.repeat(32),
  configHash: 'd'.repeat(32),
  builtAt: new Date('2026-11-23T04:00:00.123Z'),
  exportedAt: new Date('2026-11-23T04:00:01.456Z'),
  entities: { services: 3, routes: 4, total: 7 },
};

const signer = await localSigner();
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));

/** A JWS over whatever header and payload, with a signature of the key or of the test's own. */
function jwsOf(
  header: object,
  payload: unknown = manifest,
  sign: (message: Buffer) => Buffer = signer.signNow,
): string {
  const message = `${encode(header)}.${encode(payload)}`;
  return `${message}.${sign(Buffer.from(message)).toString('base64url')}`;
}
const goodHeader = { alg: 'ES256', typ: manifestType, kid: signer.publicKey.keyId };

const wrong = (message: string) =>
  expect.objectContaining({
    name: 'VaultError',
    code: 'manifest',
    message: expect.stringContaining(message),
  });

describe('a signed manifest', () => {
  it.each<[title: string, manifest: Manifest]>([
    ['whole', manifest],
    ['with the version before', { ...manifest, previousVersionId: '3HL4kqtJvjVBH40Nrjfkd.~_-' }],
    ['the first', { ...manifest, revision: 1, previousSha256: null }],
    ['of a rollback', { ...manifest, rollbackOf: 3 }],
  ])('says after the check what was signed: %s', async (_, original) => {
    const jws = await signManifest(original, signer);

    const verified = await verifyManifest(jws, [signer.publicKey]);

    expect(verified).toEqual(original);
    expect(readUnverifiedManifest(jws)).toEqual(original);
    expect(decode(jws.split('.')[0])).toEqual(goodHeader);
  });

  it('is good when one of several keys signed it', async () => {
    const [older, newer] = [signer, await localSigner()];
    const jwses = await Promise.all([signManifest(manifest, older), signManifest(manifest, newer)]);

    const verified = await Promise.all(
      jwses.map((jws) => verifyManifest(jws, [older.publicKey, newer.publicKey])),
    );

    expect(verified).toEqual([manifest, manifest]);
  });

  it('is refused when its key is not trusted, with both keys’ names', async () => {
    const other = await localSigner();
    const jws = await signManifest(manifest, other);

    const verifying = verifyManifest(jws, [signer.publicKey]);

    await expect(verifying).rejects.toEqual(wrong(other.publicKey.keyId));
    await expect(verifying).rejects.toEqual(wrong(`trusted: ${signer.publicKey.keyId}`));
    expect(signingKeyId(jws)).toBe(other.publicKey.keyId);
  });

  it.each([0, 1, 2])('is refused when any character of its part %d is another one', async (part) => {
    const parts = (await signManifest(manifest, signer)).split('.');
    const text = parts[part] ?? '';
    const positions = Array.from({ length: Math.min(40, text.length) }, (_, index) =>
      Math.floor((index * text.length) / Math.min(40, text.length)),
    );

    const outcomes = await Promise.all(
      positions.map((position) => {
        const other = text[position] === 'A' ? 'B' : 'A';
        const tampered = `${text.slice(0, position)}${other}${text.slice(position + 1)}`;
        return verifyManifest(parts.with(part, tampered).join('.'), [signer.publicKey]).then(
          () => 'accepted',
          (error: { code: string }) => error.code,
        );
      }),
    );

    expect(new Set(outcomes)).toEqual(new Set(['manifest']));
  });

  it.each([
    ['a raised revision', { ...manifest, revision: 8 }],
    ['another control plane', { ...manifest, controlPlane: 'test' }],
  ])('is refused with %s under the old signature', async (_, payload) => {
    const [header, , signature] = (await signManifest(manifest, signer)).split('.');

    const verifying = verifyManifest(`${header}.${encode(payload)}.${signature}`, [signer.publicKey]);

    await expect(verifying).rejects.toEqual(wrong('tampered'));
  });

  it.each([
    ['alg none without a signature', jwsOf({ ...goodHeader, alg: 'none' }, manifest, () => Buffer.alloc(0))],
    ['alg none with the key’s signature', jwsOf({ ...goodHeader, alg: 'none' })],
    [
      'alg HS256 with the public key as the secret',
      jwsOf({ ...goodHeader, alg: 'HS256' }, manifest, (message) =>
        createHmac('sha256', signer.publicKey.key.export({ format: 'pem', type: 'spki' }))
          .update(message)
          .digest(),
      ),
    ],
    ['alg ES384', jwsOf({ ...goodHeader, alg: 'ES384' })],
    ['a signature of zeros', jwsOf(goodHeader, manifest, () => Buffer.alloc(64))],
    ['no signature', jwsOf(goodHeader, manifest, () => Buffer.alloc(0))],
    ['a critical header that nobody knows', jwsOf({ ...goodHeader, crit: ['x'], x: 1 })],
  ])('is refused with %s', async (_, jws) => {
    await expect(verifyManifest(jws, [signer.publicKey])).rejects.toEqual(wrong('signature is wrong'));
  });

  it.each([
    ['another typ', { ...goodHeader, typ: 'lifeboat-approval+jwt' }],
    ['no typ', { ...goodHeader, typ: undefined }],
    ['the typ in capitals', { ...goodHeader, typ: manifestType.toUpperCase() }],
  ])('is refused with %s, well signed as it is', async (_, header) => {
    await expect(verifyManifest(jwsOf(header), [signer.publicKey])).rejects.toEqual(wrong('not a manifest'));
  });

  it.each([
    ['a word', 'manifest'],
    ['no revision', { ...manifest, revision: undefined }],
    ['revision 0', { ...manifest, revision: 0 }],
    ['half a revision', { ...manifest, revision: 1.5 }],
    ['a short hash', { ...manifest, sha256: 'b'.repeat(63) }],
    ['a hash in capitals', { ...manifest, sha256: 'B'.repeat(64) }],
    ['a negative size', { ...manifest, size: -1 }],
    ['a name that is a path', { ...manifest, controlPlane: '../prod' }],
    ['no previous hash', { ...manifest, previousSha256: undefined }],
    ['a version id of too many characters', { ...manifest, previousVersionId: 'v'.repeat(201) }],
    ['a version id that is a path', { ...manifest, previousVersionId: '../v' }],
    ['a time that is none', { ...manifest, builtAt: 'yesterday' }],
  ])('is refused when it holds %s', async (_, payload) => {
    await expect(verifyManifest(jwsOf(goodHeader, payload), [signer.publicKey])).rejects.toEqual(
      wrong('its content is not valid'),
    );
  });

  it.each(['', 'x', 'a.b.c', '..', 'e30.e30', 'bnVsbA.e30.AA'])(
    'is refused when it is "%s"',
    async (text) => {
      await expect(verifyManifest(text, [signer.publicKey])).rejects.toEqual(wrong(''));
      expect(() => readUnverifiedManifest(text)).toThrow(wrong(''));
    },
  );

  it('is refused by whoever trusts nobody', async () => {
    const jws = await signManifest(manifest, signer);

    await expect(verifyManifest(jws, [])).rejects.toEqual(wrong('not trusted'));
  });
});

describe('the size of a manifest', () => {
  const total = (entities: Manifest['entities']) => ({ ...manifest, entities });
  const metadataBytes = (jws: string) => 'manifest'.length + jws.length;

  it('is at most 1,900 bytes with its key: one byte more and only the total remains', async () => {
    const jwses = await Promise.all(
      Array.from({ length: 900 }, (_, length) =>
        signManifest(total({ [`plugin_${'x'.repeat(length)}`]: 1, services: 2, total: 3 }), signer),
      ),
    );

    const reduced = jwses.map((jws) => Object.keys(readUnverifiedManifest(jws).entities).join() === 'total');
    const first = reduced.indexOf(true);

    expect(first).toBeGreaterThan(0);
    expect(reduced.slice(first)).not.toContain(false);
    // Three bytes become four characters, so that the sizes are one or two apart.
    expect(metadataBytes(jwses[first - 1] ?? '')).toBeGreaterThanOrEqual(maxMetadataBytes - 1);
    expect(Math.max(...jwses.map(metadataBytes))).toBeLessThanOrEqual(maxMetadataBytes);
    expect(readUnverifiedManifest(jwses[first] ?? '').entities).toEqual({ total: 3 });
  });

  it('has room for the total beside the longest of everything else', async () => {
    const largest: Manifest = {
      ...manifest,
      controlPlane: 'p'.repeat(40),
      kongVersion: '9999.9999.9999.9999',
      revision: Number.MAX_SAFE_INTEGER,
      size: Number.MAX_SAFE_INTEGER,
      previousVersionId: 'v'.repeat(maxPreviousVersionId),
      rollbackOf: Number.MAX_SAFE_INTEGER,
      entities: { ['x'.repeat(900)]: 1, total: Number.MAX_SAFE_INTEGER },
    };

    const jws = await signManifest(largest, signer);

    expect(metadataBytes(jws)).toBeLessThanOrEqual(maxMetadataBytes);
    expect(await verifyManifest(jws, [signer.publicKey])).toEqual({
      ...largest,
      entities: { total: Number.MAX_SAFE_INTEGER },
    });
  });

  it('never passes 1,892 bytes, and the total is never lost', async () => {
    const entities = fc.dictionary(
      fc.string({ minLength: 1, maxLength: 40 }).filter((name) => name !== '__proto__'),
      fc.nat(),
      { maxKeys: 80 },
    );
    await fc.assert(
      fc.asyncProperty(entities, async (byType) => {
        const counted = countEntities(byType);

        const jws = await signManifest(total(counted), signer);

        expect(Buffer.byteLength(jws)).toBeLessThanOrEqual(1_892);
        expect(jws).toMatch(/^[A-Za-z0-9_.-]+$/);
        expect((await verifyManifest(jws, [signer.publicKey])).entities['total']).toBe(counted['total']);
      }),
    );
  });

  it('counts a type of a plugin that is named "total" into the sum, and under no name of its own', () => {
    expect(countEntities({ services: 2, total: 5 })).toEqual({ services: 2, total: 7 });
  });
});

describe('a verification key', () => {
  it('is the same from PEM and from DER, and is named by its RFC 7638 thumbprint', async () => {
    const { key, keyId } = signer.publicKey;

    const fromPem = await verificationKey(key.export({ format: 'pem', type: 'spki' }).toString());

    expect(fromPem.keyId).toBe(keyId);
    expect(keyId).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['no PEM', 'no key'],
    [
      'a key on another curve',
      '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n',
    ],
  ])('is refused when it is %s', async (_, key) => {
    await expect(verificationKey(key)).rejects.toEqual(wrong('signing key'));
  });
});
