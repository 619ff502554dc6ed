/**
 * What an export talks to: a control plane with a synthetic configuration, S3 and KMS. A process of its own,
 * so that the measured memory is the export's. Prints where it is, as one line of JSON, and ends with its
 * stdin.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalAws } from '../simulators/aws/local-aws.ts';
import { sharedCertificate } from '../simulators/kong/control-plane/certificates.ts';
import {
  type ClusterEndpoint,
  startClusterEndpoint,
} from '../simulators/kong/control-plane/cluster-endpoint.ts';
import { createFaultQueue } from '../simulators/kong/control-plane/faults.ts';
import { makeSyntheticFrame } from './synthetic-configuration.ts';
import type { World } from './world.ts';

const entities = Number(process.argv[2]);
const configHash = randomBytes(16).toString('hex');
const { frame, jsonBytes } = await makeSyntheticFrame(entities, configHash);
const restarted = await makeSyntheticFrame(entities, configHash, { isRestarted: true });
const certificate = await sharedCertificate();
const [endpoint, restartedEndpoint] = await Promise.all([serve(frame), serve(restarted.frame)]);

const dataDirectory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
const region = 'eu-central-1';
const accountId = '000000000000';
const aws = await startLocalAws({ dataDirectory, region, accountId });
const encryptionKeyArn = aws.kms.createKey('encryption', 'SYMMETRIC_DEFAULT');
const bucket = 'bench-vault';
aws.s3.createBucket(bucket, { defaultKeyId: encryptionKeyArn });

const world: World = {
  clusterEndpoint: `127.0.0.1:${endpoint.port}`,
  restartedClusterEndpoint: `127.0.0.1:${restartedEndpoint.port}`,
  certificate,
  frameBytes: frame.length,
  jsonBytes,
  region,
  s3Endpoint: aws.endpoints.AWS_ENDPOINT_URL_S3,
  kmsEndpoint: aws.endpoints.AWS_ENDPOINT_URL_KMS,
  bucket,
  encryptionKeyArn,
  signingKeyArn: aws.kms.createKey('signing', 'ECC_NIST_P256'),
  credentials: aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/export/bench`),
};
process.stdout.write(`${JSON.stringify(world)}\n`);
for await (const _ of process.stdin) {
  // Only the end of stdin counts.
}
await Promise.all([endpoint.stop(), restartedEndpoint.stop(), aws.stop()]);
await rm(dataDirectory, { recursive: true });

function serve(served: Buffer): Promise<ClusterEndpoint> {
  return startClusterEndpoint({
    mtls: 'shared',
    certificate,
    port: 0,
    own: { version: '3.9.1', plugins: new Map([['response-transformer', '3.9.1']]) },
    payload: () => ({
      configHash,
      plugins: new Set(['response-transformer']),
      table: () => ({}),
      removals: () => [],
      message: () => ({}),
      frame: () => served,
    }),
    // Kong's default of 16 MiB is too little for 300,000 entities.
    maxPayloadBytes: 64 * 2 ** 20,
    faults: createFaultQueue(),
    log: () => undefined,
  });
}
