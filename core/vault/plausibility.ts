import { createHash } from 'node:crypto';
import type { DatabaseIdentity } from '../kong/database-identity.ts';
import type { Manifest } from './manifest.ts';

/** What of a configuration is measured. */
export interface Measure {
  /** Count by type, and `total`; `total` alone where no more is known. */
  readonly entities: Manifest['entities'];
  /** Undefined where it is not known. */
  readonly identity: DatabaseIdentity | undefined;
}

/** What is measured against. */
export interface Baseline extends Measure {
  /** The data-plane version whose file it is, where it is another one's. */
  readonly ofVersion?: string | undefined;
}

/** By how much a configuration may shrink without anybody being asked. */
export interface GuardLimits {
  /** Types with fewer entities are not measured. */
  readonly minimumEntities: number;
  /** More of a type, or of all, than this must not be gone. */
  readonly maximumLossPercent: number;
}

/** `off`: nothing is held but a configuration in which nothing is left. */
export type GuardSetting = GuardLimits | 'off';

export const defaultGuard: GuardLimits = { minimumEntities: 10, maximumLossPercent: 50 };

export const heldReasons = ['another database', 'nothing left', 'mass deletion'] as const;
export type HeldReason = (typeof heldReasons)[number];

/** How many entities are gone, by type, and `total`; types of which none is gone are left out. */
export type Losses = Readonly<Record<string, number>>;

/** What tells one thing that is held from another: a person who approves it means this, and no more. */
export interface HeldFingerprint {
  readonly identity: DatabaseIdentity;
  readonly losses: Losses;
  /** How many are left of each type of which some are gone. */
  readonly left: Readonly<Record<string, number>>;
}

/** A configuration that is not published without a person. */
export interface Implausible extends HeldFingerprint {
  readonly reason: HeldReason;
  /** A sentence without its end: why it is held. */
  readonly what: string;
}

/** What a person has approved. */
export interface Approval extends HeldFingerprint {
  readonly until: Date;
}

/**
 * Says whether a served configuration can be what people meant, by what is published
 * (docs/design.md#16-the-implausible-waits-for-a-person).
 *
 * @returns undefined where it is plausible
 */
export function judge(published: Baseline, served: Measure, guard: GuardSetting): Implausible | undefined {
  const losses = countLosses(published.entities, served.entities);
  const left = countEach(Object.keys(losses), (type) => countOf(served.entities, type));
  const found = { identity: served.identity ?? {}, losses, left };
  const changed = guard === 'off' ? undefined : describeOtherDatabase(published.identity, served.identity);
  if (changed !== undefined) {
    return { ...found, reason: 'another database', what: changed };
  }
  if (countAddedEntities(published.entities) > 0 && countAddedEntities(served.entities) === 0) {
    const total = published.entities['total'] ?? 0;
    return { ...found, reason: 'nothing left', what: `nothing is left of ${total} entities` };
  }
  const shrunk = guard === 'off' ? [] : listShrunkTypes(published, losses, guard);
  return shrunk.length === 0 ? undefined : { ...found, reason: 'mass deletion', what: shrunk.join(', ') };
}

/**
 * Whether a person has approved this: it must come from the database that was held, and no type may have lost
 * more than it had when it was held, nor less left. Once what was approved is published, another loss of the
 * same size is measured against that, and is another thing.
 */
export function isApproved(
  { identity, losses, left }: HeldFingerprint,
  approval: Approval | undefined,
  now: Date,
): boolean {
  return (
    approval !== undefined &&
    now < approval.until &&
    identity.clusterId === approval.identity.clusterId &&
    identity.defaultWorkspaceId === approval.identity.defaultWorkspaceId &&
    Object.entries(losses).every(
      ([type, gone]) =>
        gone <= countOf(approval.losses, type) && countOf(left, type) >= countOf(approval.left, type),
    )
  );
}

/** What is held of two versions of one control plane: whoever approves it approves both. */
export function mergeHeld<Held extends HeldFingerprint>(first: Held, second: HeldFingerprint): Held {
  const both = [first, second];
  const types = both.flatMap(({ losses }) => Object.keys(losses));
  const losing = (type: string) => both.filter(({ losses }) => Object.hasOwn(losses, type));
  return {
    ...first,
    losses: countEach(types, (type) => Math.max(...losing(type).map(({ losses }) => countOf(losses, type)))),
    left: countEach(types, (type) => Math.min(...losing(type).map(({ left }) => countOf(left, type)))),
  };
}

function countEach(types: readonly string[], count: (type: string) => number): Losses {
  return Object.fromEntries(types.map((type) => [type, count(type)]));
}

function describeOtherDatabase(
  published: DatabaseIdentity | undefined,
  served: DatabaseIdentity | undefined,
): string | undefined {
  const changed = [
    describeChangedId('cluster_id', published?.clusterId, served?.clusterId),
    describeChangedId('workspace default', published?.defaultWorkspaceId, served?.defaultWorkspaceId),
  ].filter((each) => each !== undefined);
  return changed.length === 0 ? undefined : changed.join(', ');
}

/** An id that is not known, or that a configuration does not have, cannot be another one. */
function describeChangedId(name: string, before: string | undefined, now: string | undefined) {
  return before === undefined || now === undefined || before === now
    ? undefined
    : `${name} is ${now}, and ${before} in the published file`;
}

function countLosses(published: Manifest['entities'], served: Manifest['entities']): Losses {
  return Object.fromEntries(
    Object.keys(published).flatMap((type) => {
      const gone = countOf(published, type) - countOf(served, type);
      return gone > 0 ? [[type, gone]] : [];
    }),
  );
}

function listShrunkTypes(
  { entities, ofVersion }: Baseline,
  losses: Losses,
  { minimumEntities, maximumLossPercent }: GuardLimits,
): readonly string[] {
  return Object.entries(losses).flatMap(([type, gone]) => {
    const before = countOf(entities, type);
    // A table does not name the types that it has none of: another version may not know this one at all.
    const isMeasured = type === 'total' || ofVersion === undefined || gone < before;
    return isMeasured && before >= minimumEntities && gone * 100 > before * maximumLossPercent
      ? [`${gone} of ${before} ${type === 'total' ? 'entities' : type} are gone`]
      : [];
  });
}

/** Counts the entities besides those that a freshly installed control plane has, too. */
function countAddedEntities(entities: Manifest['entities']): number {
  return countOf(entities, 'total') - countOf(entities, 'workspaces') - countOf(entities, 'parameters');
}

function countOf(entities: Readonly<Record<string, number>>, type: string): number {
  return Object.hasOwn(entities, type) ? (entities[type] ?? 0) : 0;
}

/** A short name of what is held: another one when it comes from elsewhere, or when more or less is gone. */
export function nameHeld({ identity, losses, left }: HeldFingerprint): string {
  const { clusterId = null, defaultWorkspaceId = null } = identity;
  const [gone, stays] = [losses, left].map((counts) =>
    Object.entries(counts).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  return createHash('sha256')
    .update(JSON.stringify([clusterId, defaultWorkspaceId, gone, stays]))
    .digest('hex')
    .slice(0, 12);
}
