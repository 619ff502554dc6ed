import { describeAction } from '../actions.ts';
import { playPlan } from '../search.ts';
import { type KnownCounterexample, knownCounterexamples, mendedCounterexamples } from './known.ts';

export interface CheckedCounterexample {
  readonly name: string;
  /** Whether it is violated as is known, and still is. */
  readonly isAsExpected: boolean;
  /** What happens, to be read. */
  readonly story: string;
}

/** Plays what is known to be broken. */
export async function checkKnown(): Promise<readonly CheckedCounterexample[]> {
  const checked: CheckedCounterexample[] = [];
  for (const known of knownCounterexamples) {
    const { name, violates, reason, seed, actions } = known;
    const story = [
      `  ${reason}`,
      `  seed ${seed}`,
      ...actions.map((action) => `  ${describeAction(action)}`),
      `  BROKEN: ${violates}`,
    ].join('\n');
    checked.push({ name, isAsExpected: await isViolated(known), story });
  }
  return checked;
}

/** @returns the names of those that were mended, and fail again */
export async function checkMended(): Promise<readonly string[]> {
  const again: string[] = [];
  for (const mended of mendedCounterexamples) {
    if (await isViolated(mended)) {
      again.push(mended.name);
    }
  }
  return again;
}

async function isViolated({
  name,
  violates,
  seed,
  actions,
}: Omit<KnownCounterexample, 'reason'>): Promise<boolean> {
  const { violations } = await playPlan({ name, seed, actions });
  return violations.some(({ invariant }) => invariant === violates);
}
