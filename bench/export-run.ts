/**
 * One export in a process of its own: Lifeboat's (`ours`), one that only moves the bytes (`floor`), or a
 * simple implementation (`naive`). Where control plane, vault and keys are comes as JSON on stdin.
 */

import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { KMSClient } from '@aws-sdk/client-kms';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { WebSocket } from 'ws';
import { systemClock } from '../core/clock.ts';
import { clusterEndpointControlPlane } from '../core/kong/cluster-endpoint.ts';
import { dataPlanePlugins } from '../core/kong/plugin-names.ts';
import { systemRandom } from '../core/random-source.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { publish } from '../core/vault/publish.ts';
import { s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import type { ExportCost, World } from './world.ts';

const ways = { ours: exportAsLifeboat, floor: moveBytes, naive: exportSimply };

const way = ways[process.argv[2] as keyof typeof ways];
const world = JSON.parse(await text(process.stdin)) as World;
const { region, credentials } = world;
const s3 = new S3Client({
  region,
  credentials,
  endpoint: world.s3Endpoint,
  requestChecksumCalculation: 'WHEN_REQUIRED',
});

const startedMs = performance.now();
await way();
const cost: ExportCost = {
  seconds: (performance.now() - startedMs) / 1000,
  // Linux counts kilobytes (getrusage(2)).
  peakRssMb: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(cost));

async function exportAsLifeboat(): Promise<void> {
  const visit = clusterEndpointControlPlane({
    endpoint: world.clusterEndpoint,
    mtls: 'shared',
    certificate: async () => world.certificate,
    nodeSeed: 'bench',
    customPlugins: [],
    settle: { settleSeconds: 6, clockToleranceSeconds: 1 },
    clock: systemClock,
  }).visit();
  const configuration = await visit.configuration({
    dataPlaneVersion: '3.9.1',
    // As after a change, when a file is made. The first frame is newer than this.
    changedAt: new Date(Date.now() - 60_000),
  });
  const { outcome } = await publish(
    {
      vault: s3ConfigVault({ s3, bucket: world.bucket, encryptionKeyArn: world.encryptionKeyArn }),
      signer: kmsSigner(
        new KMSClient({ region, credentials, endpoint: world.kmsEndpoint }),
        world.signingKeyArn,
      ),
      clock: systemClock,
      random: systemRandom,
    },
    // A name of its own for each run, so that nothing is published under it.
    {
      name: { controlPlane: `bench-${process.pid}`, kongVersion: '3.9.1' },
      configuration,
      lastStatus: undefined,
    },
  );
  await visit.end();
  if (outcome !== 'published') {
    throw new Error(`the export ended as ${outcome}`);
  }
}

/** Moves the bytes by the shortest pipe, and checks nothing of them. */
async function moveBytes(): Promise<void> {
  const frame = await receiveFrame();
  const sha256 = createHash('sha256');
  const md5 = createHash('md5');
  const pieces: Buffer[] = [];
  // The same piece size as Lifeboat's. Smaller ones would cost a fifth of the time.
  const inflated = createGunzip({ chunkSize: 256 * 1024 });
  inflated.end(frame);
  async function* hashPieces(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of content) {
      sha256.update(piece);
      md5.update(piece);
      yield piece;
    }
  }
  await pipeline(inflated, hashPieces, createGzip(), async (compressed: AsyncIterable<Buffer>) => {
    for await (const piece of compressed) {
      pieces.push(piece);
    }
  });
  sha256.digest();
  md5.digest();
  await put(Buffer.concat(pieces));
}

/** What one would write first: the whole as text, then as objects, then as text again with sorted keys. */
async function exportSimply(): Promise<void> {
  const frame = await receiveFrame();
  const { config_table } = JSON.parse(gunzipSync(frame).toString('utf8')) as {
    readonly config_table: unknown;
  };
  const canonical = Buffer.from(JSON.stringify(sortKeys(config_table)));
  createHash('sha256').update(canonical).digest();
  createHash('md5').update(canonical).digest();
  await put(gzipSync(canonical));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sortKeys);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

async function receiveFrame(): Promise<Buffer> {
  const { certificate, key } = world.certificate;
  const socket = new WebSocket(
    `wss://${world.clusterEndpoint}/v1/outlet?node_id=${randomUUID()}&node_hostname=bench&node_version=3.9.1`,
    {
      cert: certificate,
      key,
      ca: certificate,
      perMessageDeflate: false,
      servername: 'kong_clustering',
    } as object,
  );
  await once(socket, 'open');
  const plugins = dataPlanePlugins('3.9.1', []);
  socket.send(Buffer.from(JSON.stringify({ type: 'basic_info', plugins })));
  const [frame] = (await once(socket, 'message')) as [Buffer];
  socket.terminate();
  return frame;
}

async function put(body: Buffer): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: world.bucket,
      Key: `${randomUUID()}/3.9.1/config.json`,
      Body: body,
      ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
    }),
  );
}
