import { performance } from 'node:perf_hooks';
import { grants } from '../core/access/grant.ts';
import { s3Presigner } from '../core/access/presigned-url.ts';

const warmUp = 2_000;
const measured = 20_000;

/** Microseconds of one grant: choice of the version and signature, with the credentials of a role. */
export async function grantCost(): Promise<number> {
  const grant = grants({
    controlPlane: 'prod',
    dataPlaneVersions: ['3.9.1', '3.9.0', '3.8.1', '3.4.3.5'],
    lifetimeSeconds: 120,
    now: () => new Date(),
    presign: s3Presigner({
      bucket: 'lifeboat-vault',
      region: 'eu-central-1',
      credentials: {
        accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        // As long as a role's.
        sessionToken: 'x'.repeat(800),
      },
    }),
  });
  for (let round = 0; round < warmUp; round += 1) {
    await grant({ kongVersion: '3.9.1' });
  }
  const startedMs = performance.now();
  for (let round = 0; round < measured; round += 1) {
    await grant({ kongVersion: '3.9.1' });
  }
  return Math.round(((performance.now() - startedMs) * 1000 * 10) / measured) / 10;
}
