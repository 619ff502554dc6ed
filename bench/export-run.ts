/**
 * One export in a process of its own: Lifeboat's after a change (`ours`), one that only moves the bytes
 * (`floor`), or a simple implementation (`naive`); or a check that finds nothing new: in bytes that it knows
 * (`known`), or in the bytes of a restarted control plane (`restarted`). Where control plane, vault and keys
 * are comes as JSON on stdin.
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
import type { ControlPlaneConfiguration } from '../core/kong/control-plane.ts';
import { dataPlanePlugins } from '../core/kong/plugin-names.ts';
import { systemRandom } from '../core/random-source.ts';
import type { ConfigFileName } from '../core/vault/config-file-name.ts';
import type { ConfigVault, VersionStatus } from '../core/vault/config-vault.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { defaultGuard } from '../core/vault/plausibility.ts';
import { PublicationGuard } from '../core/vault/publication-guard.ts';
import { type Publication, publish } from '../core/vault/publish.ts';
import { s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import type { ExportCost, World } from './world.ts';

const ways = {
  ours: exportAsLifeboat,
  floor: moveBytes,
  naive: exportSimply,
  first: publishFirst,
  known: checkKnownBytes,
  restarted: checkNewBytes,
};

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
const { user, system } = process.cpuUsage();
const cost: ExportCost = {
  seconds: (performance.now() - startedMs) / 1000,
  cpuSeconds: (user + system) / 1e6,
  // Linux counts kilobytes (getrusage(2)).
  peakRssMb: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(cost));

/** After a change: the file is made while the frame is checked, and published. */
async function exportAsLifeboat(): Promise<void> {
  // A name of its own for each run, so that nothing is published under it.
  await exportOnce(`bench-${process.pid}`, world.clusterEndpoint, 'published');
}

/** Publishes what the checks find published. */
async function publishFirst(): Promise<void> {
  await exportOnce('bench', world.clusterEndpoint, 'published');
}

/** A scheduled check that finds the bytes that it knows. */
async function checkKnownBytes(): Promise<void> {
  await exportOnce('bench', world.clusterEndpoint, 'unchanged');
}

/** A scheduled check after a restart of the control plane, which finds equal content in new bytes. */
async function checkNewBytes(): Promise<void> {
  await exportOnce('bench', world.restartedClusterEndpoint, 'unchanged');
}

async function exportOnce(
  controlPlane: string,
  endpoint: string,
  expected: Publication['outcome'],
): Promise<void> {
  const visit = clusterEndpointControlPlane({
    endpoint,
    mtls: 'shared',
    certificate: async () => world.certificate,
    nodeSeed: 'bench',
    customPlugins: [],
    settle: { settleSeconds: 6, clockToleranceSeconds: 1 },
    clock: systemClock,
  }).visit();
  const configuration = await visit.configuration({
    dataPlaneVersion: '3.9.1',
    // Long enough ago for the first frame to be taken.
    ...(expected === 'published' ? { changedAt: new Date(Date.now() - 600_000) } : {}),
  });
  const name = { controlPlane, kongVersion: '3.9.1' };
  const vault = s3ConfigVault({ s3, bucket: world.bucket, encryptionKeyArn: world.encryptionKeyArn });
  const { outcome } = await publish(
    {
      vault,
      signer: kmsSigner(
        new KMSClient({ region, credentials, endpoint: world.kmsEndpoint }),
        world.signingKeyArn,
      ),
      clock: systemClock,
      random: systemRandom,
    },
    {
      name,
      configuration,
      lastStatus: await noteKnownBytes(vault, name, endpoint, configuration),
      guard: new PublicationGuard({ setting: defaultGuard, last: undefined }),
    },
  );
  await visit.end();
  if (outcome !== expected) {
    throw new Error(`the export ended as ${outcome}`);
  }
}

/** What the status says after a check of the control plane that was not restarted. */
async function noteKnownBytes(
  vault: ConfigVault,
  name: ConfigFileName,
  endpoint: string,
  { configHash, tableSha256 }: ControlPlaneConfiguration,
): Promise<VersionStatus | undefined> {
  if (endpoint === world.restartedClusterEndpoint) {
    return undefined;
  }
  const current = await vault.current(name);
  const known = { versionId: current?.versionId, servedTables: [tableSha256] };
  return { ...name, revision: 1, sha256: '', configHash, changed: false, ...known };
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
