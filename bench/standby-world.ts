/**
 * What a data plane talks to, in a process of its own: Lifeboat's HTTP API, which answers as the presign
 * function does, and S3 with a published file. Prints where it is, as one line of JSON, and ends with its
 * stdin.
 *
 * Parameters: how many entities, the URL of the route's upstream, and a directory for a copy of the published
 * file.
 */

import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { grants } from '../core/access/grant.ts';
import { s3Presigner } from '../core/access/presigned-url.ts';
import { s3FileVersions } from '../core/access/s3-file-versions.ts';
import { systemClock } from '../core/clock.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { signManifest } from '../core/vault/manifest.ts';
import { s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import { startLocalAws } from '../simulators/aws/local-aws.ts';
import { listen } from '../simulators/kong/control-plane/listening.ts';
import { makeLoadableConfiguration } from './loadable-configuration.ts';
import type { StandbyWorld } from './world.ts';

const [entities, upstream = '', directory = ''] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const name = { controlPlane: 'bench', kongVersion: '3.9.1' };
const region = 'eu-central-1';
const accountId = '000000000000';
const dataDirectory = join(directory, 'aws');

const aws = await startLocalAws({ dataDirectory, region, accountId });
const encryptionKeyArn = aws.kms.createKey('encryption', 'SYMMETRIC_DEFAULT');
const bucket = 'bench-vault';
aws.s3.createBucket(bucket, { defaultKeyId: encryptionKeyArn });
const credentials = aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/export/bench`);
const endpoint = aws.endpoints.AWS_ENDPOINT_URL_S3;
const kms = new KMSClient({ region, credentials, endpoint: aws.endpoints.AWS_ENDPOINT_URL_KMS });
const signer = kmsSigner(kms, aws.kms.createKey('signing', 'ECC_NIST_P256'));

const content = Buffer.from(JSON.stringify(makeLoadableConfiguration(entities, new URL(upstream))));
const hashContent = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
const now = new Date();
const manifest = await signManifest(
  {
    ...name,
    revision: 1,
    previousSha256: null,
    sha256: hashContent('sha256'),
    size: content.length,
    md5: hashContent('md5'),
    configHash: hashContent('md5'),
    builtAt: now,
    exportedAt: now,
    entities: { total: entities },
  },
  signer,
);
const s3 = new S3Client({ region, credentials, endpoint, requestChecksumCalculation: 'WHEN_REQUIRED' });
const vault = s3ConfigVault({ s3, bucket, encryptionKeyArn });
const gzip = gzipSync(content);
await vault.publish(name, { gzip, manifest, replaces: undefined });

const presign = s3Presigner({ bucket, region, urlSuffix: 'amazonaws.com', credentials, endpoint });
const grant = grants({
  controlPlane: name.controlPlane,
  dataPlaneVersions: [name.kongVersion],
  lifetimeSeconds: 120,
  clock: systemClock,
  presign,
  findVersion: s3FileVersions(presign, systemClock),
});
const api = createServer(async (request, response) => {
  const { searchParams } = new URL(request.url ?? '', 'http://api');
  const granted = await grant({ kongVersion: searchParams.get('kongVersion') ?? undefined });
  response.setHeader('content-type', 'application/json').end(JSON.stringify(granted));
});
const { port, stop } = await listen(api, '127.0.0.1', 0);

const file = join(directory, 'published.json');
await writeFile(file, content, { mode: 0o600 });
const { key } = await signer.verificationKey();
const world: StandbyWorld = {
  apiUrl: `http://127.0.0.1:${port}`,
  publicKey: key.export({ format: 'pem', type: 'spki' }).toString(),
  ...name,
  region,
  file,
  jsonBytes: content.length,
  gzipBytes: gzip.length,
  md5: hashContent('md5'),
  sha256: hashContent('sha256'),
};
process.stdout.write(`${JSON.stringify(world)}\n`);
for await (const _ of process.stdin) {
  // Only the end of stdin counts.
}
await Promise.all([stop(), aws.stop()]);
await rm(dataDirectory, { recursive: true });
