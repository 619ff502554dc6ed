import { createHash } from 'node:crypto';
import { canLoad, fittingVersion } from '../core/kong/version-choice.ts';
import { behindToleranceMs } from '../core/vault/decision.ts';
import { signingKeyId } from '../core/vault/manifest.ts';
import { isMassDeletion, OwnRevisions } from './own-revisions.ts';
import type { InvariantName, Violation } from './promises.ts';
import { ToldChecks } from './told-checks.ts';
import type { StoredVersion } from './world/bucket.ts';
import { nameDatabase, readOrigin } from './world/control-plane.ts';
import { scheduleMs, type Unit, type World } from './world/world.ts';

/** What must hold at each step of a history, and what must hold when it ends. */
export class Invariants {
  readonly violations: Violation[] = [];
  /** Whether what is being stored comes from a hand in the bucket, not from the export function. */
  isHandAtWork = false;
  readonly #world: World;
  readonly #own: OwnRevisions;
  /** Since when a file is not what its control plane has; by key. */
  readonly #staleSince = new Map<string, number>();
  /** Since when all that a control plane serves is older than what is published; by key. */
  readonly #olderSince = new Map<string, number>();
  #checkedShown = 0;

  constructor(world: World) {
    this.#world = world;
    this.#own = new OwnRevisions(world, (invariant, detail) => this.violate(invariant, detail));
    world.bucket.onStored = (key, version) => {
      if (!key.startsWith('status/')) {
        this.#checkStored(key, version);
      }
    };
    world.bucket.onDeleted = (key) => this.#own.noteDeleted(key);
    const told = new ToldChecks(world, (invariant, detail) => this.violate(invariant, detail));
    world.onBatch = (batch) => {
      this.#own.checkReported(batch.controlPlane, batch.report?.versions ?? [], batch.measured);
      this.#own.checkReplaced(batch);
      told.check(batch);
    };
  }

  violate(invariant: InvariantName, detail: string): void {
    this.violations.push({ invariant, detail, atMs: this.#world.timeline.nowMs });
  }

  /**
   * To be called with each file that a data plane has loaded.
   *
   * @param status what it has read beside it; undefined where it could not be had
   */
  checkLoaded(unit: Unit, version: string, file: Uint8Array, status: string | undefined): void {
    const origin = readOrigin(file);
    if (
      origin === undefined ||
      origin.controlPlane !== unit.name ||
      !canLoad(version, origin.version) ||
      !unit.controlPlane.served.has(origin.contentId)
    ) {
      this.violate(
        'a data plane loads only what its control plane served for its version',
        `a data plane ${version} of ${unit.name} has loaded ${JSON.stringify(origin)}`,
      );
    }
    const sha256 = createHash('sha256').update(file).digest('hex');
    this.#own.checkLoaded(sha256, `a data plane ${version} of ${unit.name}`, status);
  }

  /**
   * To be called with each data plane that had nothing until it was taken away, and no fault on its way.
   *
   * @param bornMs when it was started
   */
  checkGivenUp(unit: Unit, version: string, bornMs: number): void {
    const fitting = fittingVersion(version, unit.versions);
    if (fitting === undefined) {
      return;
    }
    const key = keyOf(unit, fitting);
    const current = this.#world.bucket.current(key);
    const wasThere = current !== undefined && current.storedMs < bornMs + inTimeForBootMs;
    // An old one that was put back is refused.
    if (wasThere && this.#own.isNewest(key, current)) {
      this.violate(
        'a data plane without its control plane boots from the vault',
        `a data plane ${version} of ${unit.name} had no configuration after ` +
          `${Math.round((this.#world.timeline.nowMs - bornMs) / 1000)} s, and ${key} was there`,
      );
    }
  }

  /** What an operator sees of a file. */
  newestRevision(key: string): number | undefined {
    return this.#own.newest(key)?.manifest.revision;
  }

  /** To be called after each step. */
  checkStep(): void {
    const { shown, units, timeline } = this.#world;
    for (; this.#checkedShown < shown.length; this.#checkedShown += 1) {
      if (shown[this.#checkedShown]?.includes('MARKED-SECRET') === true) {
        this.violate('no secret is shown', String(shown[this.#checkedShown]).slice(0, 200));
      }
    }
    for (const unit of units) {
      const newestMs = unit.controlPlane.newestServedMs();
      for (const version of unit.versions) {
        const key = keyOf(unit, version);
        const published = this.#own.newest(key)?.manifest.builtAt.getTime();
        if (newestMs === undefined || published === undefined || newestMs >= published) {
          this.#olderSince.delete(key);
        } else if (!this.#olderSince.has(key)) {
          this.#olderSince.set(key, timeline.nowMs);
        }
      }
    }
  }

  /** To be called now and then: a file that stays old must not stay so in silence. */
  checkSilence(): void {
    const { timeline, batches } = this.#world;
    for (const { unit, key } of this.#listFiles()) {
      if (this.#isUpToDate(unit, key) || this.#isPinned(key)) {
        this.#staleSince.delete(key);
        continue;
      }
      const since = Math.max(this.#staleSince.get(key) ?? timeline.nowMs, unit.controlPlane.changedMs);
      this.#staleSince.set(key, since);
      const windowMs = 4 * scheduleMs;
      const recent = batches.filter(
        ({ controlPlane, atMs }) => controlPlane === unit.name && atMs > timeline.nowMs - windowMs,
      );
      // Without `Verified` an alarm rings, too (lib/operations/operations.ts).
      const isSilent =
        recent.some(({ measured }) => measured.Verified !== undefined) &&
        recent.every(({ measured }) => alarmedMetrics.every((metric) => (measured[metric] ?? 0) === 0));
      const isLong = timeline.nowMs - since > behindToleranceMs + windowMs;
      if (isLong && isSilent && unit.controlPlane.isServingContent()) {
        const minutes = Math.round((timeline.nowMs - since) / 60_000);
        this.violate(
          'what stays unpublished raises an alarm',
          `${key} has been old for ${minutes} minutes, and no metric says so`,
        );
        this.#staleSince.set(key, timeline.nowMs);
      }
    }
  }

  /** To be called some time after a change whose hook arrived, where nothing was broken. */
  checkPublished(unit: Unit, contentId: string): void {
    for (const version of unit.versions) {
      const key = keyOf(unit, version);
      const published = this.#own.newest(key)?.contentNumber ?? -1;
      if (published < Number(contentId.split('-')[1])) {
        this.violate(
          'a change whose hook arrives is published at once',
          `${key} has ${this.#own.describeCurrent(key)}, and ${contentId} was configured and its hook came`,
        );
      }
    }
  }

  /** To be called once faults have ended and the tolerances are over. */
  checkEnd(): void {
    for (const { unit, key } of this.#listFiles()) {
      if (!this.#isUpToDate(unit, key) && !this.#isHeld(unit) && !this.#isPinned(key)) {
        this.violate(
          'the last state is published when faults end',
          `${key} has ${this.#own.describeCurrent(key)}, and the control plane has ${unit.controlPlane.content.id}`,
        );
      }
    }
  }

  #checkStored(key: string, version: StoredVersion): void {
    if (this.isHandAtWork) {
      this.#own.noteStranger(key, version);
    } else {
      const olderSince = this.#olderSince.get(key);
      const olderForMs = olderSince === undefined ? 0 : this.#world.timeline.nowMs - olderSince;
      this.#own.checkStored(key, version, olderForMs);
    }
  }

  #listFiles(): readonly { readonly unit: Unit; readonly key: string }[] {
    return this.#world.units.flatMap((unit) =>
      unit.versions.map((version) => ({ unit, key: keyOf(unit, version) })),
    );
  }

  /** An operator holds it, and knows. */
  #isPinned(key: string): boolean {
    return this.#own.newest(key)?.manifest.pinned === true;
  }

  /** Whether what people have configured waits for one of them: for one version, and so for all. */
  #isHeld({ controlPlane, ...unit }: Unit): boolean {
    const { content } = controlPlane;
    return unit.versions.some((version) => {
      const newest = this.#own.newest(keyOf(unit, version));
      return (
        newest !== undefined &&
        ((newest.services > 0 && content.services === 0) ||
          isMassDeletion(newest.services, content.services) ||
          newest.clusterId !== nameDatabase(unit.name, content))
      );
    });
  }

  /** Whether a data plane that starts now would get what people have configured. */
  #isUpToDate(unit: Unit, key: string): boolean {
    const current = this.#world.bucket.current(key);
    const own = this.#own.find(key, current);
    return (
      own !== undefined &&
      own.manifest.configHash === unit.controlPlane.contentHash &&
      signingKeyId(current?.metadata['manifest'] ?? '') === this.#world.signingKey.verification.keyId
    );
  }
}

/** A file that is stored by then leaves a data plane time enough for some tries. */
const inTimeForBootMs = 60_000;

/** Metrics of which an alarm rings where they are told (lib/operations/operations.ts). */
const alarmedMetrics = [
  'ExportFailed',
  'ControlPlaneUnreachable',
  'Held',
  'VersionsWithoutFile',
  'ManifestReplaced',
] as const;

function keyOf(unit: Pick<Unit, 'name'>, version: string): string {
  return `${unit.name}/${version}/config.json`;
}
