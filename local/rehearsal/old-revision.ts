import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { configFileKey } from '../../core/vault/config-file-name.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { LocalSystem } from '../local-system.ts';
import type { VaultView } from './vault-view.ts';

export interface OldRevisionResult {
  /** Whether a new data plane refused an old revision that stood in the newest one's place. */
  readonly refused: boolean;
  /** Whether an export put the content of the newest one back, and reported that. */
  readonly repaired: boolean;
}

export interface OldRevision {
  readonly system: LocalSystem;
  readonly vault: VaultView;
  readonly controlPlane: string;
  readonly dataPlaneVersion: string;
  /** Asks for the file as a new data plane, and whether that refuses it because it is old. */
  readonly isRefused: () => Promise<boolean>;
  /** How many objects that were not the newest own ones have been replaced. */
  readonly countReplaced: () => number;
}

/**
 * Puts the oldest revision, unchanged and well signed, in the newest one's place, and waits for the next
 * export: in an outage one is always on its way.
 */
export async function playOldRevision(old: OldRevision): Promise<OldRevisionResult> {
  const { vault, isRefused, countReplaced } = old;
  const before = await vault.until('reading the vault', () => true);
  await putBackOldest(old);
  const refused = await isRefused();
  const after = await vault.until('the repair of an old revision', () => countReplaced() > 0);
  return {
    refused,
    repaired: after.revision > before.revision && after.configHash === before.configHash,
  };
}

/** Somebody has got hold of the export's role: with any other the bucket's policy refuses that. */
async function putBackOldest({ system, controlPlane, dataPlaneVersion }: OldRevision): Promise<void> {
  const { bucket, clients } = system;
  const name = { controlPlane, kongVersion: dataPlaneVersion };
  const { SSEKMSKeyId = '' } = await clients.reader.send(
    new HeadObjectCommand({ Bucket: bucket, Key: configFileKey(name) }),
  );
  const vault = s3ConfigVault({ s3: clients.exporter, bucket, encryptionKeyArn: SSEKMSKeyId });
  const [current, versionIds] = await Promise.all([vault.current(name), vault.versionIds(name, 1_000)]);
  const oldest = versionIds.at(-1) ?? '';
  const [revision, gzip] = await Promise.all([vault.version(name, oldest), vault.content(name, oldest)]);
  await vault.publish(name, { gzip, manifest: revision?.manifest ?? '', replaces: current?.etag });
}
