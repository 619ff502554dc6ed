import { findViolation } from './promises.ts';
import { type BrokenHistory, playPlan } from './search.ts';

/**
 * Takes out of a broken history what does not matter: actions, as many at once as possible, while the same
 * promise stays broken (delta debugging; Zeller and Hildebrandt, 2002).
 */
export async function shrink({ plan, violation }: BrokenHistory): Promise<BrokenHistory> {
  let smallest: BrokenHistory = { plan, violation };
  for (let size = Math.ceil(plan.actions.length / 2); size >= 1; ) {
    const smaller = await findSmaller(smallest, size);
    if (smaller === undefined) {
      size = size === 1 ? 0 : Math.ceil(size / 2);
    } else {
      smallest = smaller;
      size = Math.min(size, Math.max(1, smallest.plan.actions.length));
    }
  }
  return smallest;
}

async function findSmaller(
  { plan, violation: { invariant } }: BrokenHistory,
  size: number,
): Promise<BrokenHistory | undefined> {
  for (let from = 0; from < plan.actions.length; from += size) {
    const actions = plan.actions.filter((_, index) => index < from || index >= from + size);
    const smaller = { ...plan, actions, counted: [invariant] };
    const violation = findViolation(await playPlan(smaller), smaller);
    if (violation !== undefined) {
      return { plan: smaller, violation };
    }
  }
  return undefined;
}
