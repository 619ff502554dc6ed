import * as v from 'valibot';
import { instant } from '../instant.ts';
import { controlPlaneName, kongVersion } from '../names.ts';
import type { ConfigFileName } from './config-file-name.ts';

/** What is published under a name now. */
export interface PublishedFile {
  /** Changes with every publication; a publication names the one that it replaces. */
  readonly etag: string;
  /** Names this version for good, whatever is published later. */
  readonly versionId: string;
  /** The signed manifest as it was stored; undefined where there is none, which is nobody's but an intruder's doing. */
  readonly manifest: string | undefined;
}

/** What is to be published. */
export interface Publication {
  /** The file, gzip. */
  readonly gzip: Uint8Array;
  /** The signed manifest (compact JWS). */
  readonly manifest: string;
  /** Etag of the file that it replaces; undefined for the first one. */
  readonly replaces: string | undefined;
}

/** `status/{controlPlane}.json`: tells "unchanged" from "not looked". */
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
    }),
  ),
});

export type ControlPlaneStatus = v.InferOutput<typeof controlPlaneStatus>;
export type VersionStatus = ControlPlaneStatus['versions'][number];

/** Where configurations outlive their control plane. Keeps every version of a file; what is current never expires. */
export interface ConfigVault {
  /** What is published under this name. */
  current(name: ConfigFileName): Promise<PublishedFile | undefined>;
  /**
   * Publishes in one atomic step, if what it replaces is still the current one.
   *
   * @returns the id of the new version
   * @throws RevisionConflict when it is not
   */
  publish(name: ConfigFileName, publication: Publication): Promise<string>;
  /** The compressed file of a version. */
  content(name: ConfigFileName, versionId: string): Promise<Uint8Array>;
  /** The outcome of the last check; undefined before the first one, and where it cannot be read as one. */
  lastStatus(controlPlane: string): Promise<ControlPlaneStatus | undefined>;
  recordStatus(status: ControlPlaneStatus): Promise<void>;
}
