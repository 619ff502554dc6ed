import { createHmac, KeyObject, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ClusterIdentity, signAssertion } from '../../../core/access/cluster-identity.ts';
import { type ClusterTrust, certificateFingerprint } from '../../../core/access/cluster-trust.ts';
import { assertionVerifier } from '../../../core/access/verify-assertion.ts';
import { countingRandom } from '../counting-random.ts';
import { manualClock } from '../manual-clock.ts';
import {
  authorityExtensions,
  BasicConstraintsExtension,
  dataPlaneExtensions,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type Issued,
  identityOf,
  issue,
  KeyUsageFlags,
  KeyUsagesExtension,
  now,
} from './certificates.ts';

const nowSeconds = now.getTime() / 1000;
const claims = {
  aud: '/control-planes/prod/fallback-config',
  iat: nowSeconds,
  exp: nowSeconds + 60,
  jti: 'one',
};
const nobody: ClusterTrust = { certificates: [], authorities: [], commonNames: [] };

let shared: Issued;
let root: Issued;
let intermediate: Issued;
let issued: Issued;

beforeAll(async () => {
  shared = await issue();
  root = await issue({ commonName: 'Root', extensions: authorityExtensions(1) });
  intermediate = await issue({ commonName: 'Clusters', issuer: root, extensions: authorityExtensions(0) });
  issued = await dataPlane({ issuer: intermediate });
});

const dataPlane = (options: Parameters<typeof issue>[0]) =>
  issue({ commonName: 'data-plane', extensions: dataPlaneExtensions, ...options });

const pinned = (...certificates: readonly Issued[]): ClusterTrust => ({
  ...nobody,
  certificates: certificates.map(({ certificate }) => certificateFingerprint(certificate)),
});
const issuedBy = (authority: Issued, ...commonNames: readonly string[]): ClusterTrust => ({
  ...nobody,
  authorities: [authority.certificate],
  commonNames,
});

const verify = (assertion: string, trust: ClusterTrust, at = now) =>
  assertionVerifier({ controlPlane: 'prod', trust, clock: manualClock(at) })(assertion);

const part = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');

/** An assertion with any header and claims, signed with ES256 or as the test says. */
function made(
  leaf: Issued,
  changed: { readonly header?: object; readonly claims?: object } = {},
  signature: (message: string) => Buffer = (message) =>
    sign('sha256', Buffer.from(message), { key: leaf.key, dsaEncoding: 'ieee-p1363' }),
): string {
  const header = {
    alg: 'ES256',
    typ: 'lifeboat-grant+jwt',
    x5c: [leaf.certificate.raw.toString('base64')],
    ...changed.header,
  };
  const message = `${part(header)}.${part({ ...claims, ...changed.claims })}`;
  return `${message}.${signature(message).toString('base64url')}`;
}

const refused = (code: string, words: RegExp) =>
  expect.objectContaining({ name: 'AssertionRefused', code, message: expect.stringMatching(words) });

const random = countingRandom();
const asserted = (identity: ClusterIdentity) => signAssertion(identity, 'prod', now, random);

describe('an assertion', () => {
  it.each(['P-256', 'P-384', 'RSA-2048'] as const)(
    'of a certificate with a key %s is taken, and says who made it',
    async (keyType) => {
      const leaf = await issue({ keyType });

      const caller = await verify(await asserted(identityOf(leaf)), pinned(leaf));

      expect(caller).toEqual({
        commonName: 'kong_clustering',
        certificateFingerprint: leaf.certificate.fingerprint256,
        assertionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
    },
  );

  it('of either of two listed certificates is taken', async () => {
    const next = await issue();
    const trust = pinned(shared, next);

    const callers = await Promise.all(
      [shared, next].map(async (leaf) => verify(await asserted(identityOf(leaf)), trust)),
    );

    expect(callers.map(({ certificateFingerprint: of }) => of)).toEqual([
      shared.certificate.fingerprint256,
      next.certificate.fingerprint256,
    ]);
  });

  it('of a listed certificate is taken whatever its dates say, as Kong takes it', async () => {
    const old = await issue({ notAfter: new Date(now.getTime() - 1000) });

    await expect(verify(await asserted(identityOf(old)), pinned(old))).resolves.toBeDefined();
  });

  it.each<[string, () => ClusterTrust, () => readonly Issued[]]>([
    ['the authority itself', () => issuedBy(intermediate), () => [issued]],
    ['the authority, with its chain', () => issuedBy(intermediate), () => [issued, intermediate, root]],
    ['an authority below the one that is trusted', () => issuedBy(root), () => [issued, intermediate]],
    ['such a one, with the root', () => issuedBy(root), () => [issued, intermediate, root]],
    [
      'an authority, with a name that is allowed',
      () => issuedBy(root, 'other', 'data-plane'),
      () => [issued, intermediate],
    ],
    [
      'an authority, beside listed ones',
      () => ({ ...issuedBy(root), certificates: pinned(shared).certificates }),
      () => [issued, intermediate],
    ],
  ])('of a certificate from %s is taken', async (_, trust, chain) => {
    const [leaf = issued, ...more] = chain();

    await expect(verify(await asserted(identityOf(leaf, ...more)), trust())).resolves.toMatchObject({
      commonName: 'data-plane',
    });
  });
});

describe('the clock', () => {
  it.each([
    [0, undefined],
    [60, undefined],
    [61, 'made 61 s ago'],
    [3600, '3600 s behind'],
    [-10, undefined],
    [-11, '11 s in the future'],
  ])('%d s after an assertion was made: %s', async (ageSeconds, said) => {
    const at = new Date(now.getTime() + ageSeconds * 1000);

    const answer = await verify(made(shared), pinned(shared), at).catch((error: Error) => error.message);

    expect(answer).toEqual(
      said === undefined ? expect.objectContaining({ assertionId: 'one' }) : expect.stringContaining(said),
    );
  });

  it.each([
    [1, 1, true],
    [1, 2, false],
    [60, 60, true],
    [61, 0, false],
    [0, 0, false],
    [-1, 0, false],
  ])('lets one that lives %d s, after %d s: %s', async (livesSeconds, ageSeconds, taken) => {
    const assertion = made(shared, { claims: { exp: nowSeconds + livesSeconds } });
    const at = new Date(now.getTime() + ageSeconds * 1000);

    const outcome = await verify(assertion, pinned(shared), at).catch((error: unknown) => error);

    expect(outcome).toEqual(
      taken ? expect.objectContaining({ assertionId: 'one' }) : refused('time', /assertion/i),
    );
  });
});

type Refusal = readonly [what: string, code: string, words: RegExp, attempt: () => Promise<unknown>];

describe('an assertion is refused', () => {
  const chained = async (leaf: Issued, ...more: readonly Issued[]) => asserted(identityOf(leaf, ...more));

  const refusals: readonly Refusal[] = [
    [
      'of a certificate that is not listed',
      'untrusted',
      /not one of the listed certificates/,
      async () => verify(await chained(await issue()), pinned(shared)),
    ],
    ['where nobody is trusted', 'untrusted', /listed/, async () => verify(await chained(shared), nobody)],
    [
      'of another authority',
      'untrusted',
      /issued by one of the authorities/,
      async () => {
        const other = await issue({ commonName: 'Clusters', extensions: authorityExtensions() });
        return verify(await chained(await dataPlane({ issuer: other })), issuedBy(intermediate));
      },
    ],
    [
      'without the certificate in the middle',
      'untrusted',
      /issued by one of the authorities/,
      async () => verify(await chained(issued), issuedBy(root)),
    ],
    [
      'with a chain of which one link is somebody else’s',
      'untrusted',
      /certificate 1 .* not issued by the next/,
      async () => {
        const mine = await issue({ commonName: 'Clusters', extensions: authorityExtensions() });
        return verify(await chained(await dataPlane({ issuer: mine }), intermediate), issuedBy(root));
      },
    ],
    [
      'after its certificate',
      'untrusted',
      /certificate 1 .* expired/,
      async () =>
        verify(
          await chained(await dataPlane({ issuer: root, notAfter: new Date(now.getTime() - 1000) })),
          issuedBy(root),
        ),
    ],
    [
      'before its certificate',
      'untrusted',
      /certificate 1 .* not valid before/,
      async () =>
        verify(
          await chained(await dataPlane({ issuer: root, notBefore: new Date(now.getTime() + 1000) })),
          issuedBy(root),
        ),
    ],
    [
      'after a certificate in the middle',
      'untrusted',
      /certificate 2 .* expired/,
      async () => {
        const old = await issue({
          issuer: root,
          extensions: authorityExtensions(),
          notAfter: new Date(now.getTime() - 1000),
        });
        return verify(await chained(await dataPlane({ issuer: old }), old), issuedBy(root));
      },
    ],
    [
      'after its authority',
      'untrusted',
      /certificate 2 .* expired/,
      async () => {
        const old = await issue({
          extensions: authorityExtensions(),
          notAfter: new Date(now.getTime() - 1000),
        });
        return verify(await chained(await dataPlane({ issuer: old })), issuedBy(old));
      },
    ],
    [
      'of a certificate that a data plane has issued',
      'untrusted',
      /certificate 2 .* not an authority/,
      async () => {
        const plane = await dataPlane({ issuer: root });
        return verify(await chained(await dataPlane({ issuer: plane }), plane), issuedBy(root));
      },
    ],
    [
      'of an issuer without basic constraints',
      'untrusted',
      /certificate 2 .* not an authority/,
      async () => {
        const plain = await issue({ issuer: root });
        return verify(await chained(await dataPlane({ issuer: plain }), plain), issuedBy(root));
      },
    ],
    [
      'of an issuer that may not sign certificates',
      'untrusted',
      /./,
      async () => {
        const other = await issue({
          issuer: root,
          extensions: [
            new BasicConstraintsExtension(true, undefined, true),
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          ],
        });
        return verify(await chained(await dataPlane({ issuer: other }), other), issuedBy(root));
      },
    ],
    [
      'of an authority that another one may not have',
      'untrusted',
      /allows 0 authorities below/,
      async () => {
        const below = await issue({ issuer: intermediate, extensions: authorityExtensions() });
        return verify(await chained(await dataPlane({ issuer: below }), below), issuedBy(intermediate));
      },
    ],
    [
      'of an authority for web servers alone',
      'untrusted',
      /may not issue for TLS clients/,
      async () => {
        const forServers = await issue({
          issuer: root,
          extensions: [
            ...authorityExtensions(),
            new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
          ],
        });
        return verify(await chained(await dataPlane({ issuer: forServers }), forServers), issuedBy(root));
      },
    ],
    [
      'of an authority with name constraints, critical or not',
      'untrusted',
      /name constraints/,
      async () => {
        const constrained = await issue({
          issuer: root,
          extensions: [
            ...authorityExtensions(),
            new Extension('2.5.29.30', false, new Uint8Array([0x30, 0x00])),
          ],
        });
        return verify(await chained(await dataPlane({ issuer: constrained }), constrained), issuedBy(root));
      },
    ],
    [
      'of an authority whose rules are not understood',
      'untrusted',
      /critical extension/,
      async () => {
        const constrained = await issue({
          issuer: root,
          extensions: [
            ...authorityExtensions(),
            new Extension('1.2.3.4', true, new Uint8Array([0x30, 0x00])),
          ],
        });
        return verify(await chained(await dataPlane({ issuer: constrained }), constrained), issuedBy(root));
      },
    ],
    [
      'of an authority with a short key',
      'untrusted',
      /1024 bits/,
      async () => {
        const short = await issue({ issuer: root, keyType: 'RSA-1024', extensions: authorityExtensions() });
        return verify(await chained(await dataPlane({ issuer: short }), short), issuedBy(root));
      },
    ],
    [
      'of a certificate that is signed with SHA-1',
      'untrusted',
      /not safe/,
      async () => {
        const careless = await issue({ keyType: 'RSA-2048, SHA-1', extensions: authorityExtensions() });
        return verify(await chained(await dataPlane({ issuer: careless })), issuedBy(careless));
      },
    ],
    [
      'of a server',
      'untrusted',
      /not for TLS clients/,
      async () =>
        verify(
          await chained(
            await dataPlane({
              issuer: root,
              extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])],
            }),
          ),
          issuedBy(root),
        ),
    ],
    [
      'of a certificate that may not sign',
      'untrusted',
      /not for TLS clients/,
      async () =>
        verify(
          await chained(
            await dataPlane({
              issuer: root,
              extensions: [new KeyUsagesExtension(KeyUsageFlags.keyEncipherment, true)],
            }),
          ),
          issuedBy(root),
        ),
    ],
    [
      'of a certificate whose rules are not understood',
      'untrusted',
      /critical extension/,
      async () =>
        verify(
          await chained(
            await dataPlane({
              issuer: root,
              extensions: [new Extension('1.2.3.4', true, new Uint8Array([0x05, 0x00]))],
            }),
          ),
          issuedBy(root),
        ),
    ],
    [
      'of another common name',
      'untrusted',
      /common name/,
      async () => verify(await chained(issued, intermediate), issuedBy(root, 'data-plane-2', 'data')),
    ],
    [
      'of two common names, of which the last is allowed',
      'untrusted',
      /common name/,
      async () =>
        verify(
          await chained(await dataPlane({ issuer: root, commonName: ['other', 'data-plane'] })),
          issuedBy(root, 'data-plane'),
        ),
    ],
    [
      'of two common names, of which the first is allowed',
      'untrusted',
      /common name/,
      async () =>
        verify(
          await chained(await dataPlane({ issuer: root, commonName: ['data-plane', 'other'] })),
          issuedBy(root, 'data-plane'),
        ),
    ],
    [
      'of a common name with a line break',
      'untrusted',
      /common name/,
      async () =>
        verify(
          await chained(await dataPlane({ issuer: root, commonName: 'x\nCN=data-plane' })),
          issuedBy(root, 'data-plane'),
        ),
    ],

    [
      'with alg none',
      'signature',
      /alg is another/,
      () =>
        verify(
          made(shared, { header: { alg: 'none' } }, () => Buffer.alloc(0)),
          pinned(shared),
        ),
    ],
    [
      'with HS256 and the public key as its secret',
      'signature',
      /alg is another/,
      () =>
        verify(
          made(shared, { header: { alg: 'HS256' } }, (message) =>
            createHmac(
              'sha256',
              KeyObject.from(shared.keys.publicKey).export({ format: 'pem', type: 'spki' }),
            )
              .update(message)
              .digest(),
          ),
          pinned(shared),
        ),
    ],
    [
      'with HS256 and the certificate as its secret',
      'signature',
      /alg is another/,
      () =>
        verify(
          made(shared, { header: { alg: 'HS256' } }, (message) =>
            createHmac('sha256', shared.pem).update(message).digest(),
          ),
          pinned(shared),
        ),
    ],
    [
      'with RS256 on an EC key',
      'signature',
      /alg is another/,
      () => verify(made(shared, { header: { alg: 'RS256' } }), pinned(shared)),
    ],
    [
      'with ES384 on a key on P-256',
      'signature',
      /alg is another/,
      () => verify(made(shared, { header: { alg: 'ES384' } }), pinned(shared)),
    ],
    [
      'with PS256 on an RSA key',
      'signature',
      /alg is another/,
      async () => {
        const leaf = await issue({ keyType: 'RSA-2048' });
        return verify(
          made(leaf, { header: { alg: 'PS256' } }, () => Buffer.alloc(256)),
          pinned(leaf),
        );
      },
    ],
    [
      'of a key on P-521',
      'signature',
      /not one of these/,
      async () => {
        const leaf = await issue({ keyType: 'P-521' });
        return verify(
          made(leaf, {}, () => Buffer.alloc(132)),
          pinned(leaf),
        );
      },
    ],
    [
      'of a short RSA key',
      'signature',
      /not one of these/,
      async () => {
        const leaf = await issue({ keyType: 'RSA-1024' });
        return verify(
          made(leaf, {}, () => Buffer.alloc(128)),
          pinned(leaf),
        );
      },
    ],
    [
      'that somebody else has signed',
      'signature',
      /has not signed/,
      async () => {
        const thief = await issue();
        return verify(
          made(thief, { header: { x5c: [shared.certificate.raw.toString('base64')] } }),
          pinned(shared),
        );
      },
    ],
    [
      'with a signature in DER',
      'signature',
      /has not signed/,
      () =>
        verify(
          made(shared, {}, (message) => sign('sha256', Buffer.from(message), shared.key)),
          pinned(shared),
        ),
    ],
    [
      'whose claims were changed',
      'signature',
      /has not signed/,
      () => {
        const [header, , signature] = made(shared).split('.');
        return verify(`${header}.${part({ ...claims, jti: 'two' })}.${signature}`, pinned(shared));
      },
    ],
    [
      'with a critical header',
      'signature',
      /has not signed/,
      () => verify(made(shared, { header: { crit: ['exp'], exp: 1 } }), pinned(shared)),
    ],

    [
      'for another control plane',
      'purpose',
      /another control plane/,
      () =>
        verify(made(shared, { claims: { aud: '/control-planes/staging/fallback-config' } }), pinned(shared)),
    ],
    [
      'for another path',
      'purpose',
      /another control plane or path/,
      () => verify(made(shared, { claims: { aud: '/control-planes/prod/events' } }), pinned(shared)),
    ],
    [
      'for several audiences',
      'malformed',
      /aud/,
      () => verify(made(shared, { claims: { aud: [claims.aud, 'x'] } }), pinned(shared)),
    ],
    [
      'of another type',
      'malformed',
      /typ/,
      () => verify(made(shared, { header: { typ: 'lifeboat-manifest+jwt' } }), pinned(shared)),
    ],
    [
      'without a type',
      'malformed',
      /typ/,
      () => verify(made(shared, { header: { typ: undefined } }), pinned(shared)),
    ],
    ...(['aud', 'iat', 'exp', 'jti'] as const).map(
      (claim): Refusal => [
        `without ${claim}`,
        'malformed',
        new RegExp(claim),
        () => verify(made(shared, { claims: { [claim]: undefined } }), pinned(shared)),
      ],
    ),
    [
      'with an empty jti',
      'malformed',
      /jti/,
      () => verify(made(shared, { claims: { jti: '' } }), pinned(shared)),
    ],
    [
      'with a jti of 129 characters',
      'malformed',
      /jti/,
      () => verify(made(shared, { claims: { jti: 'x'.repeat(129) } }), pinned(shared)),
    ],
    [
      'with a time in words',
      'malformed',
      /iat/,
      () => verify(made(shared, { claims: { iat: String(claims.iat) } }), pinned(shared)),
    ],
    [
      'without a chain',
      'malformed',
      /x5c/,
      () => verify(made(shared, { header: { x5c: undefined } }), pinned(shared)),
    ],
    [
      'with an empty chain',
      'malformed',
      /x5c/,
      () => verify(made(shared, { header: { x5c: [] } }), pinned(shared)),
    ],
    [
      'with a chain of five',
      'malformed',
      /x5c/,
      () =>
        verify(
          made(shared, { header: { x5c: Array(5).fill(shared.certificate.raw.toString('base64')) } }),
          pinned(shared),
        ),
    ],
    [
      'with PEM in its chain',
      'malformed',
      /x5c/,
      () => verify(made(shared, { header: { x5c: [shared.pem] } }), pinned(shared)),
    ],
    [
      'with a chain of something else',
      'malformed',
      /not a certificate/,
      () => verify(made(shared, { header: { x5c: ['aGVsbG8='] } }), pinned(shared)),
    ],
    [
      'with half a certificate',
      'malformed',
      /not a certificate/,
      () =>
        verify(
          made(shared, { header: { x5c: [shared.certificate.raw.subarray(0, 100).toString('base64')] } }),
          pinned(shared),
        ),
    ],
    ...['', 'x', '..', 'e30.e30.', 'null', 'bnVsbA.e30.x'].map(
      (garbage): Refusal => [
        `that is none: "${garbage}"`,
        'malformed',
        /./,
        () => verify(garbage, pinned(shared)),
      ],
    ),
  ];

  it.each(refusals)('%s (%s)', async (_, code, words, attempt) => {
    const outcome = await attempt().catch((error: unknown) => error);

    expect(outcome).toEqual(refused(code, words));
  });

  it('with four certificates in its chain is not, for that', async () => {
    const assertion = await asserted(identityOf(issued, intermediate, root, root));

    await expect(verify(assertion, issuedBy(root))).resolves.toBeDefined();
  });

  it('with any byte changed', async () => {
    const assertion = made(shared);

    await fc.assert(
      fc.asyncProperty(
        fc.nat(assertion.length - 1),
        fc.constantFrom(...'AZaz09-_.'),
        async (at, character) => {
          const changed = `${assertion.slice(0, at)}${character}${assertion.slice(at + 1)}`;
          // The last character of base64url may have bits that nobody reads.
          fc.pre(changed.split('.').some((each, index) => !same(each, assertion.split('.')[index] ?? '')));

          const outcome = await verify(changed, pinned(shared)).catch((error: unknown) => error);

          expect(outcome).toMatchObject({ name: 'AssertionRefused' });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('whatever it is, and never otherwise than as an assertion', async () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(fc.jsonValue(), { minLength: 3, maxLength: 3 }).map((parts) => parts.map(part).join('.')),
      fc
        .uint8Array({ minLength: 3, maxLength: 300 })
        .map((bytes) => made(shared, { header: { x5c: [Buffer.from(bytes).toString('base64')] } })),
      fc.tuple(fc.nat(shared.certificate.raw.length - 1), fc.nat(255)).map(([at, byte]) => {
        const raw = Buffer.from(shared.certificate.raw);
        raw[at] = byte;
        return made(shared, { header: { x5c: [raw.toString('base64')] } });
      }),
    );

    await fc.assert(
      fc.asyncProperty(anything, async (assertion) => {
        const outcome = await verify(assertion, issuedBy(root)).catch((error: unknown) => error);

        expect(outcome).toMatchObject({ name: 'AssertionRefused' });
      }),
      { numRuns: 500 },
    );
  });
});

const same = (one: string, other: string) =>
  Buffer.from(one, 'base64url').equals(Buffer.from(other, 'base64url'));
