import { X509Certificate } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clusterIdentity, signAssertion } from '../core/access/cluster-identity.ts';
import { certificateFingerprint } from '../core/access/cluster-trust.ts';
import { grants } from '../core/access/grant.ts';
import { grantsByAssertion } from '../core/access/grant-by-assertion.ts';
import { s3Presigner } from '../core/access/presigned-url.ts';
import { assertionVerifier } from '../core/access/verify-assertion.ts';
import { systemClock } from '../core/clock.ts';
import { systemRandom } from '../core/random-source.ts';
import { pkiCertificates, sharedCertificate } from '../simulators/kong/control-plane/certificates.ts';

const grant = grants({
  controlPlane: 'prod',
  dataPlaneVersions: ['3.9.1', '3.9.0', '3.8.1', '3.4.3.5'],
  lifetimeSeconds: 120,
  clock: systemClock,
  findVersion: async () => undefined,
  presign: s3Presigner({
    bucket: 'lifeboat-vault',
    region: 'eu-central-1',
    urlSuffix: 'amazonaws.com',
    credentials: {
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      // As long as those of roles.
      sessionToken: 'x'.repeat(800),
    },
  }),
});

/** Microseconds of one grant, from the choice of the version to the signature with a role's credentials. */
export function measureGrant(): Promise<number> {
  return measureMicroseconds(20_000, () => grant({ kongVersion: '3.9.1' }));
}

/**
 * Microseconds of one grant by assertion with a key on P-256: for a certificate that is listed, and for one
 * that a listed authority has issued.
 */
export async function measureGrantByAssertion(): Promise<{
  readonly listed: number;
  readonly issued: number;
}> {
  const [shared, { dataPlane }] = await Promise.all([
    sharedCertificate(),
    pkiCertificates({ controlPlaneHost: 'kong-cp.example.com' }),
  ]);
  const answerAssertion = grantsByAssertion({
    verify: assertionVerifier({
      controlPlane: 'prod',
      trust: {
        certificates: [certificateFingerprint(new X509Certificate(shared.certificate))],
        authorities: [new X509Certificate(dataPlane.ca ?? '')],
        commonNames: [],
      },
      clock: systemClock,
    }),
    grant,
  });
  const measure = async ({ certificate, key }: typeof shared) => {
    const assertion = await signAssertion(
      clusterIdentity(certificate, key),
      'prod',
      new Date(),
      systemRandom,
    );
    const body = Buffer.from(JSON.stringify({ assertion }));
    return measureMicroseconds(5_000, async () => {
      const { refusal } = await answerAssertion(body, { kongVersion: '3.9.1' });
      if (refusal !== undefined) {
        throw new Error(`the assertion was refused: ${refusal}`);
      }
    });
  };
  return { listed: await measure(shared), issued: await measure(dataPlane) };
}

async function measureMicroseconds(rounds: number, work: () => Promise<unknown>): Promise<number> {
  for (let round = 0; round < rounds / 10; round += 1) {
    await work();
  }
  const startedMs = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    await work();
  }
  return Math.round(((performance.now() - startedMs) * 1000 * 10) / rounds) / 10;
}
