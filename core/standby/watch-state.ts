import type { Backoff } from '../fetch/backoff.ts';
import type { Currency } from '../fetch/currency.ts';
import type { StandbyErrorCode } from '../fetch/errors.ts';
import type { ReceivedGrant } from '../fetch/grant-request.ts';
import type { Manifest } from '../vault/manifest.ts';
import type { ObservedCache, StaleCache } from './stale-cache.ts';

export interface WatchPolicy extends Backoff {
  /** How long an empty node is left to its control plane, counted from the first answer of its status API. */
  readonly afterMs: number;
  /** Up to so much is added to it by chance, so that nodes that start together do not ask together. */
  readonly spreadMs: number;
  /** How many grant endpoints there are. */
  readonly endpoints: number;
  /** From the first try on; later tries come at the slow pace. */
  readonly fastForMs: number;
  readonly slowPauseMs: number;
}

/** The revision before one that Kong refused, as that one's manifest names it. */
export interface PreviousRevision {
  readonly versionId: string;
  readonly sha256: string;
}

/** A file that Kong was given and has not had the time to load. */
export interface InterruptedSeed {
  readonly manifest: Manifest;
  /** Asked for instead of the newest revision. */
  readonly wanted?: PreviousRevision | undefined;
  /** After this time the newest one is asked for. */
  readonly goodUntilMs: number;
}

export interface History {
  /** Since when the status API has answered without a break, and the node shown the same cache, if any. */
  readonly answeringSinceMs?: number | undefined;
  /** What chance has added to the wait for the control plane that began then. */
  readonly addedMs?: number | undefined;
  /** What the node runs on meanwhile; undefined while it has nothing. */
  readonly cache?: StaleCache | undefined;
  readonly firstTryMs?: number | undefined;
  readonly failedTries: number;
  /** No try before this time. */
  readonly notBeforeMs: number;
  /** What is on the disk, verified, because Kong was interrupted while it loaded it. */
  readonly interrupted?: InterruptedSeed | undefined;
  /** Content that the node refused since it was started. */
  readonly refusedSha256?: string | undefined;
  /** What was published before it, until it was tried. */
  readonly previous?: PreviousRevision | undefined;
}

/** What went wrong so far in a try. */
export interface Setbacks {
  /** Endpoints that are not asked again in this try. */
  readonly failed: readonly number[];
  /** Whether trying again soon could help. */
  readonly mayRecoverSoon: boolean;
  /** An endpoint has answered with a file that is not the newest: no copy of it is taken. */
  readonly isOutdated: boolean;
  /** The longest that one of them wants to be left alone. */
  readonly retryAfterMs: number;
}

export interface Try extends History, Setbacks {
  /** Asked for instead of the newest revision. */
  readonly wanted?: PreviousRevision | undefined;
}

export type WatchState =
  | (History & { readonly phase: 'waiting' })
  | (Try & { readonly phase: 'granting' })
  | (Try & { readonly phase: 'downloading'; readonly endpoint: number; readonly grant: ReceivedGrant })
  | (Try & { readonly phase: 'seeding'; readonly manifest: Manifest })
  | {
      readonly phase: 'done';
      readonly outcome: 'seeded' | 'has a configuration';
      /** Why a node is left its old cache. */
      readonly because?: 'control plane connected' | 'nothing newer';
    };

/** Why a step has failed. */
export interface StepFailure {
  readonly code: StandbyErrorCode;
  /** Whose failure it is; undefined where it is the node's. */
  readonly endpoint?: number | undefined;
  /** How long the other side wants to be left alone. @default 0 */
  readonly retryAfterMs?: number | undefined;
}

export type WatchEvent =
  /** The status API did not answer. */
  | { readonly type: 'silent' }
  | { readonly type: 'empty' }
  /** It shows none, and is connected to a control plane whose first version looks the same. */
  | { readonly type: 'connected' }
  | { readonly type: 'configured' }
  /** It has a configuration, from a cache that is too old. */
  | { readonly type: 'stale'; readonly cache: ObservedCache }
  | {
      readonly type: 'granted';
      readonly endpoint: number;
      readonly grant: ReceivedGrant;
      /** Of endpoints that failed before. */
      readonly failures: readonly StepFailure[];
    }
  | { readonly type: 'downloaded'; readonly manifest: Manifest; readonly currency: Currency }
  | { readonly type: 'seeded' }
  /** Kong was started again, or wrote its settings anew, before it had loaded the file. */
  | { readonly type: 'interrupted' }
  | (StepFailure & {
      readonly type: 'failed';
      /** Of endpoints that failed before. @default none did */
      readonly before?: readonly StepFailure[] | undefined;
    });

export interface TimeAndChance {
  readonly nowMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

export const initialState: WatchState = { phase: 'waiting', failedTries: 0, notBeforeMs: 0 };
