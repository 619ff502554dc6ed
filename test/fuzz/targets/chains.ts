import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { AssertionRefused } from '../../../core/access/assertion-refused.ts';
import { signAssertion } from '../../../core/access/cluster-identity.ts';
import { requireTrusted } from '../../../core/access/cluster-trust.ts';
import { assertionVerifier } from '../../../core/access/verify-assertion.ts';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type Issued,
  identityOf,
  issue,
  KeyUsageFlags,
  KeyUsagesExtension,
  now,
} from '../../core/access/certificates.ts';
import { countingRandom } from '../../core/counting-random.ts';
import { manualClock } from '../../core/manual-clock.ts';
import { findScratchFolder } from '../scratch.ts';
import { changedText, hostileText, type Outcome, target } from '../target.ts';

const dayMs = 24 * 3600 * 1000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const makeKeys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
// A key takes longer than all else.
const keys = await Promise.all(Array.from({ length: 4 }, makeKeys));

/** Of one certificate, what is not as it is in a good chain. */
interface Described {
  readonly isAuthority?: boolean;
  readonly pathLength?: number;
  readonly keyUsage?: number;
  readonly uses?: readonly (typeof ExtendedKeyUsage)[keyof typeof ExtendedKeyUsage][];
  readonly constraint?: { readonly isCritical: boolean; readonly der: string };
  /** A rule that nobody knows, critical or not. */
  readonly unknownRule?: boolean;
  readonly startsInDays?: number;
  readonly endsInDays?: number;
  /** Signed with its own key in its issuer's name. */
  readonly isForged?: boolean;
}

const deviation: fc.Arbitrary<Described> = fc.oneof(
  fc.record({ isAuthority: fc.boolean() }),
  fc.record({ pathLength: fc.nat(2) }),
  fc.record({
    keyUsage: fc.constantFrom(
      ...[KeyUsageFlags.keyCertSign, KeyUsageFlags.digitalSignature, KeyUsageFlags.keyEncipherment],
    ),
  }),
  fc.record({
    uses: fc.constantFrom(
      [ExtendedKeyUsage.clientAuth],
      [ExtendedKeyUsage.serverAuth],
      [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth],
      [ExtendedKeyUsage.codeSigning],
    ),
  }),
  fc.record({
    constraint: fc.record({
      isCritical: fc.boolean(),
      // Permitted are DNS names below other.test; excluded are all names of directories; nothing is said.
      der: fc.constantFrom('300ea00c300a82086f746865722e746573', '3008a1063004a4023000', '3000'),
    }),
  }),
  fc.record({ unknownRule: fc.boolean() }),
  fc.record({ startsInDays: fc.constantFrom(-3, 1) }),
  fc.record({ endsInDays: fc.constantFrom(3, -1) }),
  fc.constant({ isForged: true }),
);

/** A chain is good but for some deviations, so that each of them decides in some cases. */
const chains = fc.record({
  /** Certificates between the data plane's and the root. */
  between: fc.nat(2),
  deviations: fc.array(fc.record({ height: fc.nat(3), deviation }), { maxLength: 2 }),
});

function issueDescribed(described: Described, height: number, issuer: Issued | undefined): Promise<Issued> {
  const { isAuthority = height > 0, pathLength, keyUsage, constraint, unknownRule } = described;
  const { uses = height > 0 ? undefined : [ExtendedKeyUsage.clientAuth] } = described;
  const { startsInDays = -1, endsInDays = 1 } = described;
  const isMostly = height > 0 && isAuthority;
  return issue({
    commonName: `certificate ${height}`,
    keys: keys[height] as Issued['keys'],
    ...(issuer === undefined ? {} : { issuer }),
    notBefore: new Date(now.getTime() + startsInDays * dayMs),
    notAfter: new Date(now.getTime() + endsInDays * dayMs),
    extensions: [
      new BasicConstraintsExtension(isAuthority, isMostly ? pathLength : undefined, true),
      ...(keyUsage === undefined ? [] : [new KeyUsagesExtension(keyUsage, true)]),
      ...(uses === undefined ? [] : [new ExtendedKeyUsageExtension([...uses])]),
      ...(constraint === undefined
        ? []
        : [new Extension('2.5.29.30', constraint.isCritical, Buffer.from(constraint.der, 'hex'))]),
      ...(unknownRule === undefined
        ? []
        : [new Extension('1.2.3.4', unknownRule, Buffer.from('0500', 'hex'))]),
    ],
  });
}

/** Whether OpenSSL takes the chain for that of a TLS client. */
function isTakenByOpenssl(leaf: Issued, between: readonly Issued[], root: Issued): boolean {
  const write = (name: string, certificates: readonly Issued[]) => {
    const file = join(findScratchFolder(), name);
    writeFileSync(file, certificates.map(({ pem }) => pem).join(''));
    return file;
  };
  const { status } = spawnSync('openssl', [
    ...['verify', '-purpose', 'sslclient', '-partial_chain', '-attime', String(now.getTime() / 1000)],
    ...['-CAfile', write('root.pem', [root]), '-untrusted', write('between.pem', [leaf, ...between])],
    write('leaf.pem', [leaf]),
  ]);
  return status === 0;
}

/** Chains of an authority, with OpenSSL as the oracle: what it refuses must be refused. */
export const chainTarget = target(
  'chains',
  chains,
  async ({ between, deviations }): Promise<Outcome> => {
    const heights = Array.from({ length: between + 2 }, (_, height) =>
      Object.assign({}, ...deviations.filter((each) => each.height === height).map((each) => each.deviation)),
    ) as readonly Described[];
    const issued: Issued[] = [];
    for (let height = heights.length - 1; height >= 0; height -= 1) {
      const described = heights[height] as Described;
      const [issuer] = issued;
      const forger = issuer && { ...issuer, keys: keys[height] as Issued['keys'] };
      issued.unshift(await issueDescribed(described, height, described.isForged === true ? forger : issuer));
    }
    const [own, ...others] = issued as [Issued, ...Issued[]];
    const authority = others.at(-1) ?? own;
    const trust = { certificates: [], authorities: [authority.certificate], commonNames: [] };
    try {
      requireTrusted([own.certificate, ...others.slice(0, -1).map((each) => each.certificate)], trust, now);
    } catch (error) {
      if (error instanceof AssertionRefused) {
        return 'refused';
      }
      throw error;
    }
    return isTakenByOpenssl(own, others.slice(0, -1), authority) ? 'good' : 'accepted';
  },
  0.5,
);

const root = await issue({
  commonName: 'Root',
  extensions: [new BasicConstraintsExtension(true, undefined, true)],
});
const dataPlane = await issue({
  commonName: 'data-plane',
  issuer: root,
  extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
});
const identity = identityOf(dataPlane, root);
const assertion = await signAssertion(identity, 'prod', now, countingRandom());
const others = [
  await signAssertion(identity, 'staging', now, countingRandom()),
  await signAssertion(identity, 'prod', new Date(now.getTime() - 3_600_000), countingRandom()),
  await signAssertion(identity, 'prod', new Date(now.getTime() + 3_600_000), countingRandom()),
];
const verify = assertionVerifier({
  controlPlane: 'prod',
  trust: { certificates: [], authorities: [root.certificate], commonNames: ['data-plane'] },
  clock: manualClock(now),
});
const decoded = (jws: string) => jws.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));

/** Assertions: bytes of a good one changed, or made for something else. */
export const assertionTarget = target(
  'assertions',
  fc.oneof(changedText(assertion), fc.constantFrom(...others), hostileText),
  async (given): Promise<Outcome> => {
    try {
      await verify(given);
    } catch (error) {
      if (error instanceof AssertionRefused) {
        return 'refused';
      }
      throw error;
    }
    return decoded(given).join() === decoded(assertion).join() ? 'good' : 'accepted';
  },
);
