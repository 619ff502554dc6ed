/**
 * What the inspect function reads: a vault with revisions of a synthetic configuration, S3 and KMS. A process
 * of its own, so that the measured memory is the function's. Prints where it is, as one line of JSON, and
 * ends with its stdin.
 *
 * Parameters: how many entities, and how many revisions.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { systemClock } from '../core/clock.ts';
import { readFrame } from '../core/kong/frame.ts';
import { systemRandom } from '../core/random-source.ts';
import type { ControlPlaneStatus } from '../core/vault/config-vault.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { defaultGuard } from '../core/vault/plausibility.ts';
import { PublicationGuard } from '../core/vault/publication-guard.ts';
import { publish } from '../core/vault/publish.ts';
import { s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import { recordStatus } from '../core/vault/status.ts';
import type { InspectVariables } from '../lambdas/environment/inspect.ts';
import { startLocalAws } from '../simulators/aws/local-aws.ts';
import { makeSyntheticFrame, type SyntheticEntity, type Variation } from './synthetic-configuration.ts';
import type { InspectWorld } from './world.ts';

const [entities, revisions] = [Number(process.argv[2]), Number(process.argv[3])];
const controlPlane = 'bench';
const [kongVersion, otherKongVersion] = ['3.9.1', '3.9.0'];
const region = 'eu-central-1';
const accountId = '000000000000';
const dataDirectory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));

const aws = await startLocalAws({ dataDirectory, region, accountId });
const encryptionKeyArn = aws.kms.createKey('encryption', 'SYMMETRIC_DEFAULT');
const signingKeyArn = aws.kms.createKey('signing', 'ECC_NIST_P256');
const bucket = 'bench-vault';
aws.s3.createBucket(bucket, { defaultKeyId: encryptionKeyArn });
const credentials = aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/export/bench`);
const client = { region, credentials };
const parts = {
  vault: s3ConfigVault({
    s3: new S3Client({
      ...client,
      endpoint: aws.endpoints.AWS_ENDPOINT_URL_S3,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    }),
    bucket,
    encryptionKeyArn,
  }),
  signer: kmsSigner(
    new KMSClient({ ...client, endpoint: aws.endpoints.AWS_ENDPOINT_URL_KMS }),
    signingKeyArn,
  ),
  clock: systemClock,
  random: systemRandom,
};

const change = (entity: SyntheticEntity): SyntheticEntity => ({
  ...entity,
  updated_at: entity.updated_at + 1,
  tags: [...entity.tags, 'changed'],
});
/** Credentials alone are left out: nothing refers to them. */
const without = (entity: SyntheticEntity, isLeftOut: boolean) =>
  isLeftOut && 'secret' in entity ? undefined : entity;
const before: Variation = { edit: (entity, index) => without(entity, index % 300 === 10) };
const after: Variation = {
  edit: (entity, index) => (index % 1_000 === 30 ? change(entity) : without(entity, index % 300 === 20)),
};

const [one, two] = [await makeTable(before), await makeTable(after)];
let published = await publishRevision(kongVersion, one, 1);
for (let revision = 2; revision <= revisions; revision += 1) {
  published = await publishRevision(kongVersion, revision % 2 === 0 ? two : one, revision);
}
await publishRevision(otherKongVersion, one, 1);
const everythingChanged: Variation = { edit: change };
await publishRevision(otherKongVersion, await makeTable(everythingChanged), 2);
await publishRevision(otherKongVersion, await makeTable({ ...everythingChanged, isRestarted: true }), 3);
const { manifest, versionId, gzip } = published;
const { sha256, configHash, size } = manifest;
const status: ControlPlaneStatus = {
  controlPlane,
  checkedAt: new Date(),
  versions: [{ kongVersion, revision: revisions, sha256, configHash, changed: true, versionId }],
};
await recordStatus(parts, status, { etag: undefined });

const inspector = aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/inspect/bench`);
const variables: InspectVariables = {
  CONTROL_PLANE: controlPlane,
  DATA_PLANE_VERSIONS: `${kongVersion},${otherKongVersion}`,
  DRILL_HOURS: '0',
  API_URL: 'https://api.example.com',
  LMDB_MAP_MIB: '2048',
  BUCKET: bucket,
  ENCRYPTION_KEY_ARN: encryptionKeyArn,
  SIGNING_KEY_ARN: signingKeyArn,
  FURTHER_SIGNING_KEY_ARNS: '',
  RETIRED_SIGNING_KEYS: '',
  URL_SUFFIX: 'amazonaws.com',
  DUAL_STACK: 'false',
  URL_LIFETIME_SECONDS: '120',
};
const world: InspectWorld = {
  variables: {
    ...variables,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: inspector.accessKeyId,
    AWS_SECRET_ACCESS_KEY: inspector.secretAccessKey,
    AWS_SESSION_TOKEN: inspector.sessionToken ?? '',
    ...aws.endpoints,
  },
  ...{ kongVersion, revisions, otherKongVersion },
  jsonBytes: size,
  gzipBytes: gzip.length,
};
process.stdout.write(`${JSON.stringify(world)}\n`);
for await (const _ of process.stdin) {
  // Only the end of stdin counts.
}
await aws.stop();
await rm(dataDirectory, { recursive: true });

async function makeTable(variation: Variation) {
  const { frame } = await makeSyntheticFrame(entities, randomBytes(16).toString('hex'), variation);
  return { ...(await readFrame(frame, { maxJsonBytes: 2 ** 30, makeFile: false })), settled: true };
}

async function publishRevision(
  version: string,
  table: Awaited<ReturnType<typeof makeTable>>,
  revision: number,
) {
  const publication = await publish(parts, {
    name: { controlPlane, kongVersion: version },
    configuration: {
      ...table,
      pluginVersions: 'named',
      // A hash and a time of its own: each is news.
      configHash: randomBytes(16).toString('hex'),
      builtAt: new Date(Date.now() + revision),
    },
    lastStatus: undefined,
    guard: new PublicationGuard({ setting: defaultGuard, last: undefined }),
  });
  if (publication.outcome !== 'published') {
    throw new Error(`revision ${revision} was not published: ${publication.outcome}`);
  }
  return publication;
}
