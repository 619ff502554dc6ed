import type { ProcessLook, ProcessState } from './seed-ports.ts';

/**
 * `refused` is seen, `timed out` is guessed: the master did nothing that could be seen.
 */
export type LoadVerdict = 'loading' | 'refused' | 'timed out' | 'gone';

export interface LoadPatience {
  /** For a master that does nothing, or that cannot be seen. */
  readonly timeoutMs: number;
  /** How long a master must rest to be done with the file. */
  readonly restMs: number;
}

interface Sample {
  readonly atMs: number;
  readonly cpuMs: number;
  readonly isBusy: boolean;
}

/** Of a processor, and of the looks: an idle worker has timers, and is met at work now and then. */
const restingShare = 0.1;
const restingLooks = 0.25;
/** Workers that have the file rest for longer before they count as having failed to load it. */
const workersRestFactor = 5;

/**
 * Says from looks at Kong's processes what becomes of a file that its master was told to load.
 *
 * The master parses the file. When it refuses it, it goes to rest and its workers stay; when it accepts it,
 * it starts new workers, which load it (docs/kong.md#seeding). A machine that is busy makes either slow,
 * never different: what waits for a processor does not rest.
 *
 * @param before the look before the signal
 * @param signalledMs of the same clock as the looks' times
 * @returns to be called with each further look
 */
export function judgeLoad(
  before: ProcessLook,
  signalledMs: number,
  { timeoutMs, restMs }: LoadPatience,
): (look: ProcessLook, nowMs: number) => LoadVerdict {
  const known = new Set(isSeen(before) ? before.children.map(({ id }) => id) : []);
  let hasWorkers = false;
  let samples: Sample[] = [];
  const afterTimeout = (nowMs: number) => (nowMs - signalledMs >= timeoutMs ? 'timed out' : 'loading');
  return (look, nowMs) => {
    if (look === 'gone') {
      return 'gone';
    }
    if (!isSeen(look) || !isSeen(before)) {
      return afterTimeout(nowMs);
    }
    const workers = look.children.filter(({ id }) => !known.has(id));
    if (workers.length > 0 && !hasWorkers) {
      hasWorkers = true;
      samples = [];
    }
    samples.push(sampleOf([look.master, ...workers], nowMs));
    const windowMs = hasWorkers ? restMs * workersRestFactor : restMs;
    const last = samples.findLastIndex(({ atMs }) => atMs <= nowMs - windowMs);
    if (last < 0) {
      return 'loading';
    }
    samples = samples.slice(last);
    if (!isAtRest(samples)) {
      return 'loading';
    }
    const hasActed = hasWorkers || look.master.cpuMs > before.master.cpuMs;
    return hasActed ? 'refused' : afterTimeout(nowMs);
  };
}

function isSeen(look: ProcessLook): look is Exclude<ProcessLook, string> {
  return typeof look !== 'string';
}

function sampleOf(processes: readonly ProcessState[], atMs: number): Sample {
  return {
    atMs,
    cpuMs: processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    isBusy: processes.some(({ isBusy }) => isBusy),
  };
}

function isAtRest(samples: readonly Sample[]): boolean {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) {
    return false;
  }
  const used = last.cpuMs - first.cpuMs;
  const busyLooks = samples.filter(({ isBusy }) => isBusy).length;
  return used <= (last.atMs - first.atMs) * restingShare && busyLooks <= samples.length * restingLooks;
}
