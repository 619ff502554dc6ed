import { createHash } from 'node:crypto';
import { type ConfigFileName, configFileKey } from '../../../core/vault/config-file-name.ts';
import type {
  ConfigVault,
  ControlPlaneStatus,
  NewRevision,
  Revision,
  StoredStatus,
} from '../../../core/vault/config-vault.ts';
import { RevisionConflict, VaultError } from '../../../core/vault/errors.ts';
import { readUnverifiedStatus, signStatus } from '../../../core/vault/status.ts';
import type { LocalSigner } from './local-signer.ts';

export interface StoredVersion {
  readonly etag: string;
  readonly gzip: Uint8Array;
  readonly manifest: string | undefined;
  /** @default true */
  readonly isUnderCurrentKey?: boolean | undefined;
  /** @default true */
  readonly isServedAsPublished?: boolean | undefined;
}

export interface MemoryVault extends ConfigVault {
  /** All versions of a file, oldest first. */
  versions(name: ConfigFileName): readonly StoredVersion[];
  /** Writes past the protocol, as an intruder would. */
  overwrite(name: ConfigFileName, version: Omit<StoredVersion, 'etag'>): void;
  /** Changes the encryption key: what is there is under the one before. */
  changeEncryptionKey(): void;
  /** What the status says. */
  lastStatus(controlPlane: string): Promise<ControlPlaneStatus | undefined>;
  /** Puts a status in the place of the one there is. */
  noteStatus(status: ControlPlaneStatus, signer: LocalSigner): Promise<void>;
  /** Loses a file with all its versions. */
  lose(name: ConfigFileName): void;
}

/** A vault in memory that keeps every version and refuses a stale etag. */
export function memoryVault(): MemoryVault {
  const files = new Map<string, StoredVersion[]>();
  const statuses = new Map<string, StoredStatus>();
  let statusesWritten = 0;
  const versionsOf = (name: ConfigFileName) => files.get(configFileKey(name)) ?? [];

  function version(name: ConfigFileName, versionId: string): StoredVersion {
    const found = versionsOf(name)[Number(versionId) - 1];
    if (found === undefined) {
      throw new VaultError('unavailable', `there is no version ${versionId}`);
    }
    return found;
  }

  function describe(name: ConfigFileName, number: number): Revision | undefined {
    const found = versionsOf(name)[number - 1];
    return (
      found && {
        etag: found.etag,
        versionId: String(number),
        manifest: found.manifest,
        storedSha256: createHash('sha256').update(found.gzip).digest('hex'),
        storedBytes: found.gzip.length,
        isUnderCurrentKey: found.isUnderCurrentKey ?? true,
        isServedAsPublished: found.isServedAsPublished ?? true,
      }
    );
  }

  function store(name: ConfigFileName, version: Omit<StoredVersion, 'etag'>): void {
    const { gzip, manifest, isUnderCurrentKey, isServedAsPublished } = version;
    // As S3's: of the content alone.
    const etag = createHash('md5').update(gzip).digest('hex');
    files.set(configFileKey(name), [
      ...versionsOf(name),
      { etag, gzip, manifest, isUnderCurrentKey, isServedAsPublished },
    ]);
  }

  return {
    versions: versionsOf,
    overwrite: store,
    changeEncryptionKey() {
      for (const [key, versions] of files) {
        files.set(
          key,
          versions.map((each) => ({ ...each, isUnderCurrentKey: false })),
        );
      }
    },
    lose: (name) => files.delete(configFileKey(name)),
    current: async (name) => describe(name, versionsOf(name).length),
    version: async (name, versionId) => describe(name, Number(versionId)),
    versionIds: async (name, limit) =>
      versionsOf(name)
        .map((_, index) => String(index + 1))
        .reverse()
        .slice(0, limit),
    async publish(name, revision: NewRevision) {
      if (versionsOf(name).at(-1)?.etag !== revision.replaces) {
        throw new RevisionConflict(configFileKey(name));
      }
      store(name, revision);
      return String(versionsOf(name).length);
    },
    content: async (name, versionId) => version(name, versionId).gzip,
    status: async (controlPlane) => statuses.get(controlPlane),
    async putStatus(controlPlane, text, replaces) {
      if (statuses.get(controlPlane)?.etag !== replaces) {
        throw new RevisionConflict(`status/${controlPlane}.json`);
      }
      statusesWritten += 1;
      statuses.set(controlPlane, { etag: `"${statusesWritten}"`, text });
      return true;
    },
    async lastStatus(controlPlane) {
      const text = statuses.get(controlPlane)?.text;
      return text === undefined ? undefined : readUnverifiedStatus(text);
    },
    async noteStatus(status, signer) {
      statusesWritten += 1;
      statuses.set(status.controlPlane, {
        etag: `"${statusesWritten}"`,
        text: await signStatus(status, signer),
      });
    },
    // Nothing in it takes time. A copy with other methods is bound with these.
    within() {
      return this;
    },
  };
}
