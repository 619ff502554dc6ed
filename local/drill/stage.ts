/** A local system in which drills are played, and what can be broken in it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { base64url } from 'jose';
import { configFileKey } from '../../core/vault/config-file-name.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { type LocalSystem, startLocalSystem } from '../local-system.ts';
import { describeSimulated, localTemplate } from '../local-template.ts';

export interface DrillStage {
  readonly system: LocalSystem;
  /** Publishes what the control plane serves, and whatever an export mends. */
  publish(): Promise<void>;
  /** What is broken stays so until `publish`; the API for good. */
  readonly breakPart: Readonly<Record<BreakablePart, () => Promise<void>>>;
  stop(): Promise<void>;
}

export const breakableParts = ['file', 'key', 'api', 'version', 'reference'] as const;
export type BreakablePart = (typeof breakableParts)[number];

const controlPlaneName = 'prod';
const version = '3.9.1';
const olderVersion = '3.8.1';
const longestWaitMs = 60_000;

/** Starts a control plane and Lifeboat, with two versions published. */
export async function startDrillStage(): Promise<DrillStage> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-drill-'));
  const controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.2 });
  const subject = describeSimulated(controlPlane, controlPlaneName);
  const system = await startLocalSystem({
    template: localTemplate({
      controlPlane: subject,
      dataPlaneVersions: [version, olderVersion],
      settings: { minimumIntervalSeconds: 0 },
    }),
    controlPlane: subject,
    dataDirectory: directory,
  });
  const publish = () => publishNow(system);
  const replaceFile = fileReplacer(system);
  return {
    system,
    publish,
    breakPart: {
      file: () => replaceFile(({ gzip, manifest }) => ({ gzip: spoil(gzip), manifest })),
      key: () => replaceFile(({ gzip, manifest }) => ({ gzip, manifest: signByStranger(manifest) })),
      version: () => replaceFile((_, older) => older),
      reference: () => loseReference(controlPlane, publish),
      api: () => system.stopApi(),
    },
    async stop() {
      await Promise.all([system.stop(), controlPlane.stop()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function publishNow(system: LocalSystem): Promise<void> {
  const count = () => system.measurements().filter(({ name }) => name === 'Verified').length;
  const before = count();
  await system.ringSchedule();
  const endMs = Date.now() + longestWaitMs;
  while (count() === before || !system.isIdle()) {
    if (Date.now() > endMs) {
      // The folder with the logs goes with the stage.
      throw new Error(
        `nothing was published within ${longestWaitMs / 1000} s: ${system.refusals().join('; ') || 'and nothing was refused'}`,
      );
    }
    await delay(50);
  }
}

interface StoredFile {
  readonly gzip: Uint8Array;
  readonly manifest: string;
}

/**
 * Somebody has got hold of the export's role: with any other the bucket's policy refuses that.
 *
 * @returns puts something in the place of the newer file, made of what was there at first
 */
function fileReplacer({ bucket, clients }: LocalSystem) {
  const nameOf = (kongVersion: string) => ({ controlPlane: controlPlaneName, kongVersion });
  let first: Promise<readonly [StoredFile, StoredFile]> | undefined;
  return async (replace: (file: StoredFile, older: StoredFile) => StoredFile): Promise<void> => {
    const { SSEKMSKeyId = '' } = await clients.reader.send(
      new HeadObjectCommand({ Bucket: bucket, Key: configFileKey(nameOf(version)) }),
    );
    const vault = s3ConfigVault({ s3: clients.exporter, bucket, encryptionKeyArn: SSEKMSKeyId });
    const read = async (kongVersion: string): Promise<StoredFile> => {
      const current = await vault.current(nameOf(kongVersion));
      const gzip = await vault.content(nameOf(kongVersion), current?.versionId ?? '');
      return { gzip, manifest: current?.manifest ?? '' };
    };
    first ??= Promise.all([read(version), read(olderVersion)]);
    const { gzip, manifest } = replace(...(await first));
    const replaces = (await vault.current(nameOf(version)))?.etag;
    await vault.publish(nameOf(version), { gzip, manifest, replaces });
  };
}

/** Still JSON, still loadable, and no longer what was signed. */
function spoil(gzip: Uint8Array): Uint8Array {
  const content = gunzipSync(gzip);
  const at = content.indexOf('"id":"') + '"id":"'.length;
  content[at] = content[at] === 0x61 ? 0x62 : 0x61;
  return gzipSync(content);
}

/** As somebody signs who has a key, and not ours. */
function signByStranger(manifest: string): string {
  const [, payload = '', signature = ''] = manifest.split('.');
  const kid = 'A'.repeat(43);
  const header = base64url.encode(JSON.stringify({ alg: 'ES256', typ: 'lifeboat-manifest+jwt', kid }));
  return `${header}.${payload}.${signature}`;
}

/** A control plane that serves a route of a service that is not there. */
async function loseReference(controlPlane: ControlPlane, publish: () => Promise<void>): Promise<void> {
  controlPlane.patchDownConversion((table) => ({
    ...table,
    routes: ((table['routes'] ?? []) as readonly object[]).map((route) => ({
      ...route,
      service: { id: randomUUID() },
    })),
  }));
  await publish();
}
