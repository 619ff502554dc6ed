import * as v from 'valibot';
import { instant } from '../instant.ts';

/**
 * What has kept a new data plane of a drill from booting:
 * - `api`: nobody gave it a grant.
 * - `vault`: the file could not be downloaded.
 * - `disk`: it could not be held where the drill is played, which says nothing of other nodes.
 * - `missing`: the vault has no file for the version.
 * - `key`: the file is not signed with a key of the deployment.
 * - `control-plane`: it is of another control plane.
 * - `version`: it was made for another version.
 * - `outdated`: an older one stands in the newest one's place.
 * - `file`: it is not what was signed, or no complete configuration.
 * - `reference`: an entity refers to one that is not in it.
 * - `size`: it is too large for Kong's `lmdb_map_size`.
 * - `kong`: a Kong did not load it.
 * - `time`: the drill's time was over before it was looked at, or parsed.
 */
export const drillFaults = [
  'api',
  'vault',
  'disk',
  'missing',
  'key',
  'control-plane',
  'version',
  'outdated',
  'file',
  'reference',
  'size',
  'kong',
  'time',
] as const;
export type DrillFault = (typeof drillFaults)[number];

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const seconds = v.pipe(v.number(), v.minValue(0));

/** What was found of all that is kept, of each data-plane version. */
const keptRevisions = v.object({
  at: instant,
  /** How many are as they were signed. */
  passed: count,
  /** Not looked at, for want of time or because they are too large. */
  unverified: count,
  /** What nobody can go back to. */
  broken: v.array(v.object({ kongVersion: v.string(), revision: count, detail: v.string() })),
});
export type KeptRevisions = v.InferOutput<typeof keptRevisions>;

/** What is kept of a drill. It holds nothing of the content of a file. */
export const drillRecordSchema = v.object({
  at: instant,
  outcome: v.picklist(['passed', 'failed']),
  seconds,
  /** How long ago the oldest of the files was verified as current; absent where nobody can tell. */
  restorableAgeSeconds: v.optional(seconds),
  versions: v.array(
    v.object({
      kongVersion: v.string(),
      outcome: v.picklist(['passed', 'failed']),
      revision: v.optional(count),
      /** What has failed, in a word and a sentence. */
      fault: v.optional(v.picklist(drillFaults)),
      detail: v.optional(v.string()),
    }),
  ),
  /** The last time that all kept revisions were verified. */
  revisions: v.optional(keptRevisions),
});
export type DrillRecord = v.InferOutput<typeof drillRecordSchema>;

/** Where drills are noted. */
export interface DrillLog {
  /**
   * The newest one of the last days.
   *
   * @throws Error when it cannot be read
   */
  last(signal?: AbortSignal): Promise<DrillRecord | undefined>;
}
