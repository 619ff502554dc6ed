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
  /** When the newest frame that has come was built. */
  readonly builtAt?: Date | undefined;
}

export type SettleDecision = 'take' | { readonly waitMs: number } | 'wait for a frame';

/** Whether the newest frame is to be taken, or what to wait for. */
export function settle(policy: SettlePolicy, { now, changedAt, builtAt }: SettleMoment): SettleDecision {
  if (builtAt === undefined) {
    return 'wait for a frame';
  }
  if (changedAt === undefined) {
    return 'take';
  }
  // With a control plane whose clock is ahead, an old frame must not be taken for a new one.
  if (builtAt.getTime() > changedAt.getTime() + policy.clockToleranceSeconds * 1000) {
    return 'take';
  }
  const waitMs = changedAt.getTime() + policy.settleSeconds * 1000 - now.getTime();
  return waitMs <= 0 ? 'take' : { waitMs };
}
