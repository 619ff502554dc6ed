import * as v from 'valibot';
import { instant } from '../instant.ts';
import { controlPlaneName, kongVersion } from '../names.ts';
import type { ConfigFileName } from './config-file-name.ts';
import { heldReasons } from './plausibility.ts';

/** A revision of a file as it is stored in the vault. */
export interface Revision {
  /** Changes with every revision; a new revision names the etag of the one that it replaces. */
  readonly etag: string;
  /** Names this version, whatever is published later. */
  readonly versionId: string;
  /**
   * The signed manifest as it was stored; undefined where there is none: Lifeboat never stores a file without
   * one.
   */
  readonly manifest: string | undefined;
  /**
   * SHA-256 of the compressed file, which S3 checked when it was written (hex); undefined where it has none
   * of the whole file, or may not say it.
   */
  readonly storedSha256: string | undefined;
  /** Of what is stored; undefined where that is not known. */
  readonly storedBytes: number | undefined;
  /** Whether it is encrypted with the key that a new revision would be encrypted with. */
  readonly isUnderCurrentKey: boolean;
  /** Whether a reader gets it as it was published: at once, and told that it is gzip. */
  readonly isServedAsPublished: boolean;
}

/** A revision that is to be stored. */
export interface NewRevision {
  /** The file, gzip. */
  readonly gzip: Uint8Array;
  /** The signed manifest (compact JWS). */
  readonly manifest: string;
  /** Etag of the file that it replaces; undefined for the first one. */
  readonly replaces: string | undefined;
}

const entityCounts = v.record(v.string(), v.pipe(v.number(), v.safeInteger(), v.minValue(0)));

const databaseIdentity = v.object({
  clusterId: v.optional(v.string()),
  defaultWorkspaceId: v.optional(v.string()),
});

/** Names what is held, and what of it was approved (core/vault/plausibility.ts). */
const heldFingerprint = {
  identity: databaseIdentity,
  losses: entityCounts,
  // Absent in what was noted before it was known.
  left: v.optional(entityCounts, {}),
};

/** What an operator asked for last, and what became of it. */
const lastCommand = v.object({
  command: v.picklist(['export', 'rollback', 'unpin', 'approve']),
  id: v.string(),
  /** ARN of the operator. */
  by: v.string(),
  reason: v.string(),
  at: instant,
  outcome: v.picklist(['done', 'incomplete']),
  kongVersion: v.optional(kongVersion),
  /** The revision that it has published. */
  revision: v.optional(v.number()),
});

/** What `status/{controlPlane}.json` says (core/vault/status.ts): tells "unchanged" from "not looked". */
export const controlPlaneStatus = v.object({
  controlPlane: controlPlaneName,
  checkedAt: instant,
  versions: v.array(
    v.object({
      kongVersion,
      revision: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
      sha256: v.string(),
      configHash: v.string(),
      changed: v.boolean(),
      /** Since when the control plane has served a configuration that was built before the published one. */
      behindSince: v.optional(instant),
      /** The control plane's hash of that configuration. */
      behindConfigHash: v.optional(v.string()),
      /** Whether an operator holds it at this revision. */
      pinned: v.optional(v.boolean()),
      /** Names the stored version that was looked at. */
      versionId: v.optional(v.string()),
      /**
       * SHA-256 of tables as they were served, each known to hold what this version holds; the one that was
       * seen last comes first.
       */
      servedTables: v.optional(v.array(v.string())),
      /**
       * When the control plane was last asked for this version, if its answer was the newest that it had;
       * absent after an answer that it must be asked again for.
       */
      askedAt: v.optional(instant),
      /** The control plane's hash for the newest version that it served at that time. */
      newestConfigHash: v.optional(v.string()),
      /**
       * What the next configuration is measured against: count by type, and `total`, of what this version of
       * the object holds. Where what came after it was held, it is what was there before both.
       */
      entities: v.optional(entityCounts),
      /** The database that it was read from. */
      identity: v.optional(databaseIdentity),
    }),
  ),
  /** Versions that the control plane cannot serve. One without a file is not among `versions`. */
  notServed: v.optional(v.array(v.object({ kongVersion, since: instant, askedAt: instant }))),
  /** There when the control plane serves nothing to a data plane that names the versions of its plugins. */
  pluginVersions: v.optional(v.object({ omittedSince: instant, triedNamedAt: instant })),
  /** What the control plane serves, and was not published since then. */
  held: v.optional(
    v.object({ since: instant, reason: v.picklist(heldReasons), what: v.string(), ...heldFingerprint }),
  ),
  /** What of it a person has approved. */
  approval: v.optional(v.object({ until: instant, ...heldFingerprint })),
  lastCommand: v.optional(lastCommand),
  /** When the cluster certificate ends that the control plane was last asked with. */
  certificateEndsAt: v.optional(instant),
});

export type ControlPlaneStatus = v.InferOutput<typeof controlPlaneStatus>;
export type VersionStatus = ControlPlaneStatus['versions'][number];
export type LastCommand = v.InferOutput<typeof lastCommand>;
export type NotServed = NonNullable<ControlPlaneStatus['notServed']>[number];
export type HeldStatus = NonNullable<ControlPlaneStatus['held']>;
export type PluginVersionsStatus = NonNullable<ControlPlaneStatus['pluginVersions']>;

/** A status as it is stored. */
export interface StoredStatus {
  readonly etag: string;
  /**
   * Undefined where it may not be read, because the key that it is under is not to be used any more; empty
   * where it is too long for a status.
   */
  readonly text: string | undefined;
}

/** Keeps the published files. It keeps every version of a file, and the current version never expires. */
export interface ConfigVault {
  /** The current revision of a file. */
  current(name: ConfigFileName): Promise<Revision | undefined>;
  /**
   * Publishes in one atomic step, if the revision that it replaces is still the current one.
   *
   * @returns the id of the new version
   * @throws RevisionConflict when another one is current
   */
  publish(name: ConfigFileName, revision: NewRevision): Promise<string>;
  /** The compressed file of a version. */
  content(name: ConfigFileName, versionId: string): Promise<Uint8Array>;
  /**
   * The newest versions of a file by their ids, the newest first. Delete markers are left out.
   *
   * @param limit how many at most
   */
  versionIds(name: ConfigFileName, limit: number): Promise<readonly string[]>;
  /** A version of a file; undefined where it is not there. */
  version(name: ConfigFileName, versionId: string): Promise<Revision | undefined>;
  /** What stands in the status' place, unchecked (core/vault/status.ts); undefined where nothing does. */
  status(controlPlane: string): Promise<StoredStatus | undefined>;
  /**
   * Replaces a status in one atomic step.
   *
   * @param text the signed status (compact JWS)
   * @param replaces etag of the one that it replaces; undefined for the first one
   * @returns whether the one before is kept: whether the bucket keeps versions
   * @throws RevisionConflict when another one is current
   */
  putStatus(controlPlane: string, text: string, replaces: string | undefined): Promise<boolean>;
  /** The same vault, each of whose calls ends with this signal, and with no other. */
  within(signal: AbortSignal): ConfigVault;
}
