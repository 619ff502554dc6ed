import type { Clock } from '../clock.ts';
import type { RandomSource } from '../random-source.ts';
import type { ConfigFileName } from './config-file-name.ts';
import type { VersionStatus } from './config-vault.ts';
import { type DecisionRequest, decide, describeForeign, knownTables, ownRevision } from './decision.ts';
import { RevisionConflict } from './errors.ts';
import { type Manifest, signManifest } from './manifest.ts';
import {
  makeRestoredRevision,
  makeServedRevision,
  measureServed,
  type RevisionContent,
} from './new-revision.ts';
import type { VaultReading, VaultWriting } from './own-keys.ts';
import type { Measure } from './plausibility.ts';
import type { Held, PublicationGuard } from './publication-guard.ts';
import { findStanding, type OwnRevision, type Standing } from './standing.ts';

export interface PublishParts extends VaultWriting {
  readonly clock: Clock;
  /** For the pause after a conflict with another exporter. */
  readonly random: RandomSource;
}

/** A revision that was published. */
export interface NewPublication {
  readonly outcome: 'published';
  /** Names the version that the vault now holds. */
  readonly versionId: string;
  /** SHA-256 of served tables that are known to hold what the vault now holds, to be noted in the status. */
  readonly servedTables: readonly string[];
  /** Of what the vault now holds, where that is known. */
  readonly measure?: Measure | undefined;
  readonly manifest: Manifest;
  /** The file, compressed. */
  readonly gzip: Uint8Array;
  /** The own version that it follows. */
  readonly replacedVersionId: string | undefined;
  /** When it was in the vault. */
  readonly publishedAt: Date;
  /** What a person should look at although the revision was published. */
  readonly warning: string | undefined;
  /**
   * Whether it replaced something that is not ours, or not the last of ours: only an intruder or a repair by
   * hand writes that.
   */
  readonly manifestReplaced: boolean;
}

interface Kept {
  readonly manifest: Manifest;
  readonly versionId: string;
  readonly servedTables: readonly string[];
  readonly measure?: Measure | undefined;
}

/** An operator holds the file at a revision: nothing is published until it is unpinned. */
export type PinnedPublication = Kept & {
  readonly outcome: 'pinned';
  /** What was put in place of something foreign meanwhile, pinned as well. */
  readonly restored: NewPublication | undefined;
};

/** How an attempt to publish ended. */
export type Publication =
  | NewPublication
  | PinnedPublication
  /** The control plane serves what is published already. */
  | (Kept & { readonly outcome: 'unchanged' })
  /**
   * The control plane serves a configuration built before the published one: another of its nodes is ahead.
   */
  | (Kept & {
      readonly outcome: 'behind';
      readonly behindSince: Date;
      /** The control plane's hash of the older configuration. */
      readonly behindConfigHash: string;
      /** What was put in place of something foreign meanwhile. */
      readonly restored: NewPublication | undefined;
    });

/** A configuration that waits for a person. */
export interface HeldConfiguration {
  readonly outcome: 'held';
  readonly held: Held;
  /** The revision that it would have followed; undefined where there is none of ours. */
  readonly kept: Pick<OwnRevision, 'manifest' | 'versionId'> | undefined;
  /** What was put in place of something foreign meanwhile. */
  readonly restored: NewPublication | undefined;
  /** What is served, in pieces. */
  readonly table: () => AsyncIterable<Uint8Array>;
  readonly tableBytes: number;
}

export interface PublicationRequest extends DecisionRequest {
  /** Decides, for all versions of the control plane, what waits for a person. */
  readonly guard: PublicationGuard;
  /** Whether it may be a state in the middle of a change, while a newer one is awaited. */
  readonly isEarly?: boolean | undefined;
}

/** For a look at what became of a publication that was not answered. */
const lastLookMs = 1_500;

// Each conflict means that another exporter published. Five in a row point to a fault.
const maxAttempts = 5;

/**
 * Publishes a configuration if it is new, in one atomic step against what is published at that moment
 * (docs/design.md#7-publish-is-one-conditional-put).
 *
 * @throws VaultError; the vault then holds what it held before
 */
export function publish(
  parts: PublishParts,
  request: PublicationRequest,
): Promise<Publication | HeldConfiguration> {
  const { name, configuration, lastStatus, signal } = request;
  const notedRevision = lastStatus?.revision;
  type Ended = Exclude<Publication, NewPublication> | HeldConfiguration;
  return replaceCurrent<Ended>(parts, name, lastStatus, async (standing) => {
    const pinned = ownRevision(standing);
    if (pinned?.manifest.pinned === true) {
      const restored = await repair(parts, { name, lastStatus, signal });
      return { ends: keepPinned(restored ?? pinned, restored, lastStatus) };
    }
    const decision = await decide(parts.vault, request, standing, parts.clock.now());
    switch (decision.do) {
      case 'keep': {
        const { own, servedTables } = decision;
        const { manifest, versionId } = own;
        const measure = measureServed(configuration);
        return { ends: { outcome: 'unchanged', manifest, versionId, servedTables, measure } };
      }
      case 'wait': {
        const { own, behindSince } = decision;
        const restored = await repair(parts, { name, lastStatus, signal });
        const { manifest, versionId } = restored ?? own;
        const servedTables = restored?.servedTables ?? knownTables(lastStatus, versionId);
        const kept = { manifest, versionId, servedTables, restored };
        return {
          ends: { ...kept, outcome: 'behind', behindSince, behindConfigHash: configuration.configHash },
        };
      }
      case 'publish': {
        const own = ownRevision(standing);
        const held = await holdBack(parts, request, own);
        if (held !== undefined) {
          return { ends: held };
        }
        const { isSameAsBefore, warning } = decision;
        const place = { name, follows: own, notedRevision };
        const { clock } = parts;
        const content = await makeServedRevision(configuration, place, { clock, isSameAsBefore });
        return { stores: content, warning };
      }
    }
  });
}

/** @returns undefined where the configuration may be published */
async function holdBack(
  parts: PublishParts,
  { name, configuration, lastStatus, guard, isEarly = false, signal }: PublicationRequest,
  own: OwnRevision | undefined,
): Promise<HeldConfiguration | undefined> {
  const { vault, clock } = parts;
  const guarded = { vault, name, configuration, own, now: clock.now(), signal };
  const held = await (isEarly ? guard.checkEarly(guarded) : guard.check(guarded));
  if (held === undefined) {
    return undefined;
  }
  // The check that follows an early one repairs, and tells of it.
  const restored = isEarly ? undefined : await repair(parts, { name, lastStatus, signal });
  const { tableStart, tableEnd } = configuration;
  return {
    outcome: 'held',
    held,
    kept: restored ?? own,
    restored,
    table: () => configuration.table(),
    tableBytes: tableEnd - tableStart,
  };
}

export interface RepairRequest {
  readonly name: ConfigFileName;
  /** What the last check noted of this file. */
  readonly lastStatus: VersionStatus | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Puts the newest own revision, as a new one, where something foreign stands: for when the control plane
 * serves nothing that may be published.
 *
 * @returns undefined where nothing foreign stands, or no own revision is left
 * @throws VaultError; the vault then holds what it held before
 */
export function repair(
  parts: PublishParts,
  { name, lastStatus, signal }: RepairRequest,
): Promise<NewPublication | undefined> {
  return replaceCurrent<undefined>(parts, name, lastStatus, async (standing) => {
    if (standing.is !== 'foreign' || standing.newestOwn === undefined) {
      return { ends: undefined };
    }
    const { newestOwn } = standing;
    const place = { name, follows: newestOwn, notedRevision: lastStatus?.revision };
    const { clock } = parts;
    const content = await makeRestoredRevision(parts.vault, newestOwn, place, { clock, signal });
    const { revision } = newestOwn.manifest;
    const warning = `${describeForeign(name, standing.foreign.what)}. The content of revision ${revision} was put back`;
    return { stores: content, warning };
  });
}

function keepPinned(
  { manifest, versionId }: Pick<OwnRevision, 'manifest' | 'versionId'>,
  restored: NewPublication | undefined,
  lastStatus: VersionStatus | undefined,
): PinnedPublication {
  const servedTables = restored?.servedTables ?? knownTables(lastStatus, versionId);
  return { outcome: 'pinned', manifest, versionId, servedTables, restored };
}

/** What is to be done about what stands in a file's place: nothing more, or to store a revision. */
export type Step<Ending> =
  | { readonly ends: Ending }
  | { readonly stores: RevisionContent; readonly warning: string | undefined };

/**
 * Decides and stores, and decides anew whenever somebody else has stored meanwhile.
 *
 * @throws VaultError, and what `decideStep` throws; the vault then holds what it held before
 */
export async function replaceCurrent<Ending>(
  parts: PublishParts,
  name: ConfigFileName,
  lastStatus: VersionStatus | undefined,
  decideStep: (standing: Standing) => Promise<Step<Ending>>,
): Promise<NewPublication | Ending> {
  const { vault, signer, clock, random } = parts;
  let attempted: Attempted | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const standing = await findStanding(parts, name, lastStatus);
    if (attempted !== undefined && standing.is === 'own') {
      const { signedManifest, versionId } = standing.own;
      if (attempted.signedManifest === signedManifest) {
        // The answer to our own publication was lost, and the SDK's retry met what we had written. Another
        // exporter can publish the same bytes, but not with the same signature: ECDSA signs with a new random
        // number each time.
        return { ...attempted.publication, versionId, publishedAt: clock.now() };
      }
    }
    const step = await decideStep(standing);
    if ('ends' in step) {
      return step.ends;
    }
    const { stores, warning } = step;
    const signedManifest = await signManifest(stores.manifest, signer);
    attempted = { signedManifest, publication: describe(standing, stores, warning) };
    try {
      const revision = { gzip: stores.gzip, manifest: signedManifest, replaces: etagOf(standing) };
      const versionId = await vault.publish(name, revision);
      return { ...attempted.publication, versionId, publishedAt: clock.now() };
    } catch (error) {
      if (!(error instanceof RevisionConflict)) {
        // The time of the export may be what ended the call.
        const versionId = await findStored(parts, name, signedManifest);
        if (versionId !== undefined) {
          return { ...attempted.publication, versionId, publishedAt: clock.now() };
        }
      }
      if (!(error instanceof RevisionConflict) || attempt === maxAttempts) {
        throw error;
      }
      // A random pause, so that two exporters do not collide again.
      await clock.sleep(50 * attempt + random.next() * 100);
    }
  }
}

interface Attempted {
  readonly signedManifest: string;
  readonly publication: Omit<NewPublication, 'versionId' | 'publishedAt'>;
}

function describe(
  standing: Standing,
  { manifest, gzip, tableSha256, measure }: RevisionContent,
  warning: string | undefined,
): Attempted['publication'] {
  return {
    outcome: 'published',
    manifest,
    gzip,
    replacedVersionId: ownRevision(standing)?.versionId,
    warning,
    manifestReplaced: standing.is === 'foreign',
    servedTables: [tableSha256],
    measure,
  };
}

function etagOf(standing: Standing): string | undefined {
  switch (standing.is) {
    case 'nothing':
      return undefined;
    case 'own':
      return standing.own.etag;
    case 'foreign':
      return standing.foreign.etag;
    case 'unjudged':
      return standing.etag;
  }
}

/**
 * S3 may have stored what it answered with an error, or not at all: then it is published, and must be told as
 * that. It takes a moment, in a time of its own.
 *
 * @returns its version; undefined where something else is current, or that cannot be told
 */
export async function findStored(
  { vault, clock }: Pick<PublishParts, 'vault' | 'clock'>,
  name: ConfigFileName,
  signedManifest: string,
): Promise<string | undefined> {
  try {
    const current = await vault.within(clock.deadline(lastLookMs)).current(name);
    // A bucket that keeps no versions calls each of them "null": that stays an error.
    return current?.manifest === signedManifest && current.versionId !== 'null'
      ? current.versionId
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Looks at what is published without anything to publish.
 *
 * @returns the publication that the status speaks of, if that very version is still current, is ours and in
 * form; undefined where something else is there, or nothing
 * @throws VaultError
 */
export async function findNoted(
  parts: VaultReading,
  name: ConfigFileName,
  lastStatus: VersionStatus,
): Promise<Extract<Publication, { readonly outcome: 'unchanged' | 'pinned' }> | undefined> {
  const standing = await findStanding(parts, name, lastStatus);
  if (standing.is !== 'own' || standing.own.isOutOfForm || standing.own.versionId !== lastStatus.versionId) {
    return undefined;
  }
  if (standing.own.manifest.pinned === true) {
    return keepPinned(standing.own, undefined, lastStatus);
  }
  const { manifest, versionId } = standing.own;
  return { outcome: 'unchanged', manifest, versionId, servedTables: lastStatus.servedTables ?? [] };
}
