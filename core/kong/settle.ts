import type { CheckedFrame } from './frame.ts';

/**
 * How long an export stays for a frame that surely holds the change it was called for
 * (docs/design.md#6-read-as-a-data-plane).
 */
export interface SettlePolicy {
  /** Kong rebuilds its payload within 5 s of a change; a little more than that, counted from the change. */
  readonly settleSeconds: number;
  /** By how much the control plane's clock and ours may differ. */
  readonly clockToleranceSeconds: number;
}

export interface SettleMoment {
  readonly now: Date;
  /** When the change happened; without it any frame will do. */
  readonly changedAt?: Date | undefined;
  /** The hash that the change led to, where somebody has seen it. */
  readonly configHash?: string | undefined;
  /** The newest frame that has come. */
  readonly frame?: Pick<CheckedFrame, 'builtAt' | 'hasTimestamp' | 'configHash' | 'entities'> | undefined;
}

export type SettleDecision = 'take' | { readonly waitMs: number } | 'wait for a frame';

/**
 * A frame's time is that of the end of the control plane's export, which reads the database in one
 * transaction: what was changed after its beginning is missing. An export takes about a second for so many
 * (docs/kong.md#the-cluster-endpoint).
 */
const entitiesPerSecond = 30_000;

/**
 * The moment after which the control plane surely read what is in a frame: all that was changed until then is
 * in it.
 *
 * @returns epoch, in ms; undefined where the frame does not say when it was built
 */
export function surelyReadAfterMs(
  { clockToleranceSeconds }: SettlePolicy,
  frame: Pick<CheckedFrame, 'builtAt' | 'hasTimestamp' | 'entities'>,
): number | undefined {
  // Without a time of its own a frame has the time when it came, which says nothing of its content.
  // With a control plane whose clock is ahead, an old frame must not be taken for a new one.
  return frame.hasTimestamp
    ? frame.builtAt.getTime() - clockToleranceSeconds * 1000 - exportTimeMs(frame)
    : undefined;
}

function exportTimeMs({ entities }: Pick<CheckedFrame, 'entities'>): number {
  return (Object.values(entities).reduce((sum, count) => sum + count, 0) / entitiesPerSecond) * 1000;
}

/** Whether the newest frame is to be taken, or what to wait for. */
export function settle(
  policy: SettlePolicy,
  { now, changedAt, configHash, frame }: SettleMoment,
): SettleDecision {
  if (frame === undefined) {
    return 'wait for a frame';
  }
  if (changedAt === undefined || frame.configHash === configHash) {
    return 'take';
  }
  const readAfterMs = surelyReadAfterMs(policy, frame);
  if (readAfterMs !== undefined && readAfterMs > changedAt.getTime()) {
    return 'take';
  }
  const settledMs = changedAt.getTime() + policy.settleSeconds * 1000 + exportTimeMs(frame);
  const waitMs = Math.ceil(settledMs - now.getTime());
  return waitMs <= 0 ? 'take' : { waitMs };
}
