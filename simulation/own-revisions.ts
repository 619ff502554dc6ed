import { gunzipSync } from 'node:zlib';
import type { VersionReport } from '../core/export/version-report.ts';
import { behindToleranceMs } from '../core/vault/decision.ts';
import { type Manifest, readUnverifiedManifest } from '../core/vault/manifest.ts';
import { readUnverifiedStatus } from '../core/vault/status.ts';
import type { InvariantName } from './promises.ts';
import type { StoredVersion } from './world/bucket.ts';
import { readOrigin } from './world/control-plane.ts';
import { type MeasuredBatch, type ReportedBatch, scheduleMs, type World } from './world/world.ts';

/** A revision that the export function has stored. */
export interface OwnRevision {
  readonly key: string;
  readonly versionId: string;
  readonly body: Uint8Array;
  readonly signedManifest: string;
  readonly manifest: Manifest;
  /** Number of the content in the order in which it was configured. */
  readonly contentNumber: number;
  readonly services: number;
  /** Of the database that it was read from. */
  readonly clusterId: string | undefined;
}

/** Everything that the export functions have stored in a history, and what must hold about it. */
export class OwnRevisions {
  readonly #world: World;
  readonly #violate: (invariant: InvariantName, detail: string) => void;
  readonly #revisions: OwnRevision[] = [];
  /** What a hand in the bucket has put on top, and nobody has replaced yet. */
  readonly #strangers = new Map<string, string>();
  /** Where a stranger's object was replaced, and no batch has told of it yet: key and control plane. */
  readonly #unnoticed = new Map<string, string>();
  /** Stored, and not reported yet, by key. */
  readonly #unreported = new Map<string, OwnRevision>();

  /** Newest ones that somebody has deleted, with all before them. */
  readonly #deleted = new Set<OwnRevision>();
  /** Those of them whose number nobody knows any more. */
  readonly #forgotten = new Set<OwnRevision>();

  constructor(world: World, violate: (invariant: InvariantName, detail: string) => void) {
    this.#world = world;
    this.#violate = violate;
  }

  newest(key: string): OwnRevision | undefined {
    return this.#revisions.findLast((own) => own.key === key);
  }

  /** The revision that an object is, also where a hand has put just that back. */
  find(key: string, version: StoredVersion | undefined): OwnRevision | undefined {
    return this.#revisions.findLast(
      (own) =>
        own.key === key &&
        own.signedManifest === version?.metadata['manifest'] &&
        Buffer.compare(own.body, version.body) === 0,
    );
  }

  noteStranger(key: string, version: StoredVersion): void {
    const { versionId, isDeleteMarker } = version;
    const newest = this.newest(key);
    if (isDeleteMarker || (newest !== undefined && this.find(key, version) === newest)) {
      this.#strangers.delete(key);
    } else {
      this.#strangers.set(key, versionId);
    }
  }

  /**
   * Somebody has deleted a file with all its versions. What the status knows of it then is the number of the
   * newest; where it had not got that yet, nobody knows it any more.
   */
  noteDeleted(key: string): void {
    const newest = this.newest(key);
    this.#strangers.delete(key);
    if (newest !== undefined) {
      this.#deleted.add(newest);
      if (this.#notedRevision(key) !== newest.manifest.revision) {
        this.#forgotten.add(newest);
      }
    }
  }

  /** @param olderForMs for how long the control plane has served nothing as new as the newest revision */
  checkStored(key: string, version: StoredVersion, olderForMs: number): void {
    const manifest = readUnverifiedManifest(version.metadata['manifest'] ?? '');
    const file = gunzipSync(version.body);
    const origin = readOrigin(file);
    const contentNumber = Number(origin?.contentId.split('-')[1] ?? -1);
    const services = manifest.entities['services'] ?? 0;
    const { versionId, body } = version;
    const signedManifest = version.metadata['manifest'] ?? '';
    const { clusterId } = origin ?? {};
    const revision = { key, versionId, body, signedManifest, manifest, contentNumber, services, clusterId };
    const newest = this.newest(key);
    if (newest !== undefined && !this.#forgotten.has(newest)) {
      this.#checkRises(newest, revision);
    }
    if (newest !== undefined && !this.#deleted.has(newest)) {
      this.#checkAgainst(newest, revision, olderForMs);
      this.#checkHistory(newest, version.versionId);
    }
    const stranger = this.#strangers.get(key);
    this.#strangers.delete(key);
    this.#revisions.push(revision);
    // What a command has stored, its own answer tells.
    if (!isCommanded(revision, newest)) {
      if (stranger !== undefined) {
        this.#unnoticed.set(key, key.split('/')[0] ?? '');
      }
      this.#unreported.set(key, revision);
    }
  }

  /** Whether an object is the newest revision. */
  isNewest(key: string, version: StoredVersion | undefined): boolean {
    const found = this.find(key, version);
    return found !== undefined && found === this.newest(key);
  }

  /** @param status what was read beside the file; undefined where it could not be had */
  checkLoaded(sha256: string, who: string, status: string | undefined): void {
    const loaded = this.#revisions.findLast(({ manifest }) => manifest.sha256 === sha256);
    if (loaded === undefined) {
      this.#violate(
        'a data plane loads only what we have signed and stored',
        `${who} has loaded a file that no export has stored`,
      );
      return;
    }
    const { revision } = loaded.manifest;
    const noted = status === undefined ? undefined : findNotedRevision(status, loaded.manifest);
    if (noted !== undefined && noted > revision) {
      this.#violate(
        'a data plane loads the newest revision',
        `${who} has loaded revision ${revision}; the status beside it said ${noted}`,
      );
    }
    // Without a status nobody can tell that a hand has put an old one back.
    const mayBeOld = status === undefined && this.#strangers.has(loaded.key);
    if (!mayBeOld && this.#isOutdated(loaded)) {
      this.#violate(
        'a data plane loads the newest revision',
        `${who} has loaded revision ${revision}; the newest is ${this.newest(loaded.key)?.manifest.revision}`,
      );
    }
  }

  /** A batch must tell of what it stored, and of strangers' objects that it replaced. */
  checkReported(
    controlPlane: string,
    versions: readonly VersionReport[],
    measured: MeasuredBatch['measured'],
  ): void {
    for (const [key, unit] of this.#unnoticed) {
      const report = versions.find(({ kongVersion }) => key === `${controlPlane}/${kongVersion}/config.json`);
      const isTold = (measured.ManifestReplaced ?? 0) > 0;
      // Where the answer to the replacement was lost, the next batch finds out.
      if (unit === controlPlane && (isTold || report?.outcome !== 'failed')) {
        this.#unnoticed.delete(key);
        // A process that dies before it reports takes the news with it.
        if (!isTold && !this.#world.hasLostProcess(controlPlane)) {
          this.#violate(
            'what a stranger has written is noticed',
            `${key} was replaced, and no metric says so`,
          );
        }
      }
    }
    for (const version of versions) {
      const key = `${controlPlane}/${version.kongVersion}/config.json`;
      const stored = this.#unreported.get(key);
      const isReported = version.outcome === 'published' || (version.restored ?? version.early) !== undefined;
      if (isReported || version.outcome === 'failed') {
        // A failure after which something is stored all the same is reported as what it was.
        this.#unreported.delete(key);
      } else if (
        stored !== undefined &&
        version.outcome === 'unchanged' &&
        stored.manifest.sha256 === version.manifest.sha256
      ) {
        this.#unreported.delete(key);
        if (!this.#world.hasLostProcess(controlPlane)) {
          this.#violate(
            'what is stored is reported',
            `${key}: revision ${stored.manifest.revision} was stored, and reported as unchanged`,
          );
        }
      }
    }
  }

  /** What was not ours when a check began is not there any more when it ends, if nothing went wrong. */
  checkReplaced({ controlPlane, startedMs, hasMetFault, report }: ReportedBatch): void {
    if (hasMetFault) {
      return;
    }
    for (const { kongVersion } of report?.versions ?? []) {
      const key = `${controlPlane}/${kongVersion}/config.json`;
      const top = this.#world.bucket.versions(key).at(-1);
      const newest = this.newest(key);
      const isForeign = top !== undefined && top.storedMs < startedMs && this.find(key, top) === undefined;
      if (isForeign && newest !== undefined && !this.#deleted.has(newest)) {
        this.#violate(
          'what a stranger has written is replaced by the next check',
          `${key} still has what is not ours after a check of ${Math.round((this.#world.timeline.nowMs - startedMs) / 1000)} s`,
        );
      }
    }
  }

  describeCurrent(key: string): string {
    const current = this.#world.bucket.current(key);
    if (current === undefined) {
      return 'nothing';
    }
    try {
      return readOrigin(gunzipSync(current.body))?.contentId ?? 'something else';
    } catch {
      return 'garbage';
    }
  }

  /**
   * What the revision after the newest is measured against: the one before it where the newest was published
   * early by the same check, which may have been a state in the middle of a change.
   */
  #findMeasured(newest: OwnRevision): OwnRevision {
    const isOfSameCheck = this.#unreported.get(newest.key) === newest;
    const before = this.#revisions.findLast((own) => own.key === newest.key && own !== newest);
    return isOfSameCheck ? (before ?? newest) : newest;
  }

  /** What the status has of a file. */
  #notedRevision(key: string): number | undefined {
    const [controlPlane, version] = key.split('/');
    const status = this.#world.bucket.current(`status/${controlPlane}.json`);
    return status === undefined
      ? undefined
      : readUnverifiedStatus(Buffer.from(status.body).toString('utf8')).versions.find(
          ({ kongVersion }) => kongVersion === version,
        )?.revision;
  }

  #checkRises(newest: OwnRevision, { key, manifest }: OwnRevision): void {
    if (newest.manifest.revision >= manifest.revision) {
      this.#violate(
        'revisions rise, and each names the one before it',
        `${key}: revision ${manifest.revision} after ${newest.manifest.revision}`,
      );
    }
  }

  #checkAgainst(newest: OwnRevision, stored: OwnRevision, olderForMs: number): void {
    const { key, manifest, services } = stored;
    const current = this.#world.bucket.versions(key).at(-2);
    if (current?.versionId === newest.versionId && manifest.previousSha256 !== newest.manifest.sha256) {
      this.#violate(
        'revisions rise, and each names the one before it',
        `${key}: revision ${manifest.revision} does not name the hash of revision ${newest.manifest.revision}`,
      );
    }
    if (newest.manifest.pinned === true && !holdsSame(newest, stored) && !isCommanded(stored, newest)) {
      this.#violate(
        'nothing is published while a revision is pinned',
        `${key}: revision ${manifest.revision} after ${newest.manifest.revision}, which was pinned`,
      );
    }
    if (isCommanded(stored, newest)) {
      // A person has decided.
      return;
    }
    const before = this.#findMeasured(newest).services;
    if (services === 0 && before > 0) {
      this.#violate(
        'an empty configuration never replaces a filled one',
        `${key}: ${before} services, then none`,
      );
    } else if (isMassDeletion(before, services)) {
      this.#violate('a mass deletion waits for a person', `${key}: ${before} services, then ${services}`);
    }
    if (stored.clusterId !== newest.clusterId) {
      this.#violate(
        'another database waits for a person',
        `${key}: ${newest.clusterId}, then ${stored.clusterId}`,
      );
    }
    const isOlder =
      manifest.builtAt < newest.manifest.builtAt && manifest.configHash !== newest.manifest.configHash;
    if (isOlder && olderForMs < behindToleranceMs) {
      this.#violate(
        'nothing older is published over something newer',
        `${key}: revision ${manifest.revision} was built ${manifest.builtAt.toISOString()}, ` +
          `the one before ${newest.manifest.builtAt.toISOString()}`,
      );
    }
  }

  /** The revision before the newest one must still be there (none is old enough to expire). */
  #checkHistory({ key, versionId, manifest }: OwnRevision, storedVersionId: string): void {
    const kept = new Set(this.#world.bucket.versions(key).map((version) => version.versionId));
    if (!kept.has(versionId) || versionId === storedVersionId) {
      this.#violate(
        'what was published stays in the history',
        `${key}: revision ${manifest.revision} is gone`,
      );
    }
  }

  /**
   * An older one may be loaded where the newest was refused, or stored while this one was on its way; and
   * where somebody has put it back, until a check has found that.
   */
  #isOutdated(loaded: OwnRevision): boolean {
    const { key } = loaded;
    const newest = this.newest(key);
    const storedMs = (id: string | undefined) =>
      this.#world.bucket.versions(key).find(({ versionId }) => versionId === id)?.storedMs ?? 0;
    const nextCheckMs = Math.ceil(storedMs(this.#strangers.get(key)) / scheduleMs) * scheduleMs;
    const tolerableUntilMs = Math.max(storedMs(newest?.versionId) + 3 * 60_000, nextCheckMs + 60_000);
    return (
      newest !== undefined &&
      !this.#deleted.has(newest) &&
      newest.manifest.revision > loaded.manifest.revision &&
      this.#world.timeline.nowMs > tolerableUntilMs
    );
  }
}

/** Whether a revision is what a rollback or an unpinning makes. */
function isCommanded(stored: OwnRevision, newest: OwnRevision | undefined): boolean {
  const isPinned = stored.manifest.pinned === true;
  const keepsPinned = newest?.manifest.pinned === true && holdsSame(newest, stored);
  // What is pinned stays pinned where an export puts it back in place of something foreign.
  return isPinned !== keepsPinned;
}

function holdsSame(one: OwnRevision, other: OwnRevision): boolean {
  return one.contentNumber === other.contentNumber;
}

/** A workspace, and two parameters. */
const entitiesBesideServices = 3;

/**
 * Whether a file may not shrink so without anybody being asked
 * (docs/design.md#16-the-implausible-waits-for-a-person).
 */
export function isMassDeletion(before: number, now: number): boolean {
  return (
    (before >= 10 && before - now > before / 2) ||
    (before + entitiesBesideServices >= 10 && before - now > (before + entitiesBesideServices) / 2)
  );
}

/** Of a file, as a status has it. */
function findNotedRevision(status: string, { kongVersion }: Manifest): number | undefined {
  return readUnverifiedStatus(status).versions.find((version) => version.kongVersion === kongVersion)
    ?.revision;
}
