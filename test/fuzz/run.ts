import { errorFields } from '../../lambdas/error-fields.ts';
import type { Outcome, Target } from './target.ts';

export type Counts = { cases: number } & Record<Outcome, number> & { crashes: number };

/** A case that was taken although it must not be, or at which the code failed. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly what: 'accepted' | 'crashed';
  readonly description: string;
  readonly error?: object;
}

export interface FuzzRequest {
  readonly targets: readonly Target[];
  /** Of all targets together. */
  readonly cases: number;
  readonly firstSeed: number;
  /** It ends sooner where the time is up. */
  readonly seconds: number;
  /** Whether one finding is enough. @default false */
  readonly isOverWithFirst?: boolean;
}

export interface FuzzResult {
  readonly counts: Readonly<Record<string, Counts>>;
  readonly findings: readonly Finding[];
}

/** Runs cases of all targets in turn, so that each has had its share whenever the time is up. */
export async function fuzz(request: FuzzRequest): Promise<FuzzResult> {
  const { targets, cases, firstSeed, seconds, isOverWithFirst = false } = request;
  const counts: Record<string, Counts> = Object.fromEntries(
    targets.map(({ name }) => [name, { cases: 0, refused: 0, good: 0, accepted: 0, crashes: 0 }]),
  );
  const findings: Finding[] = [];
  const endMs = performance.now() + seconds * 1000;
  const credits = new Map(targets.map(({ name }) => [name, 0]));
  for (let done = 0, seed = firstSeed; done < cases; seed += 1) {
    for (const each of targets) {
      const credit = (credits.get(each.name) ?? 0) + each.share;
      credits.set(each.name, credit >= 1 ? credit - 1 : credit);
      if (credit < 1 || done >= cases) {
        continue;
      }
      if (performance.now() > endMs || (isOverWithFirst && findings.length > 0)) {
        return { counts, findings };
      }
      done += 1;
      await runCase(each, seed, counts[each.name] as Counts, findings);
    }
  }
  return { counts, findings };
}

async function runCase(each: Target, seed: number, counts: Counts, findings: Finding[]): Promise<void> {
  const made = each.make(seed);
  counts.cases += 1;
  const found = { target: each.name, seed, description: made.description };
  try {
    const outcome = await made.run();
    counts[outcome] += 1;
    if (outcome === 'accepted') {
      findings.push({ ...found, what: 'accepted' });
    }
  } catch (error) {
    counts.crashes += 1;
    findings.push({ ...found, what: 'crashed', error: errorFields(error) });
  }
}
