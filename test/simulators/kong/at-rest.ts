/** When a Kong has done what it was told. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const sampleMs = 50;
/** So long its processes are the same ones, and wait. */
const restMs = 500;
/** Its timers take some 2 ms of CPU time in that time, a load of the smallest file 150 ms. */
const idleTicks = 4;

interface Sample {
  /** Who is there. */
  readonly pids: string;
  /** Whether one of them runs, or waits for a processor. */
  readonly isRunning: boolean;
  /** CPU time of all, in ticks of 10 ms. */
  readonly ticks: number;
}

/**
 * Waits until nginx's master and its workers have been the same processes for half a second, and at rest:
 * by then a file is loaded or refused, however busy the machine is.
 *
 * @returns false where there is nothing to see: without /proc (macOS), or when no Kong runs
 */
export async function atRest(prefix: string): Promise<boolean> {
  let first = await takeSample(prefix);
  let sinceMs = performance.now();
  while (first !== undefined && performance.now() - sinceMs < restMs) {
    await delay(sampleMs);
    const sample = await takeSample(prefix);
    if (sample === undefined || !isSame(first, sample)) {
      first = sample;
      sinceMs = performance.now();
    }
  }
  return first !== undefined;
}

function isSame(first: Sample, { pids, isRunning, ticks }: Sample): boolean {
  return pids === first.pids && !isRunning && ticks - first.ticks <= idleTicks;
}

async function takeSample(prefix: string): Promise<Sample | undefined> {
  try {
    const master = (await readFile(join(prefix, 'pids/nginx.pid'), 'utf8')).trim();
    const workers = await readFile(`/proc/${master}/task/${master}/children`, 'utf8');
    const pids = [master, ...workers.split(' ').filter((pid) => pid !== '')];
    const seen = await Promise.all(pids.map(lookAt));
    return {
      pids: pids.join(),
      isRunning: seen.some(({ state }) => state === 'R'),
      ticks: seen.reduce((sum, { ticks }) => sum + ticks, 0),
    };
  } catch {
    return undefined;
  }
}

/** proc(5): after the name, which may hold blanks and brackets, fields 3 (state), 14, 15 (utime, stime). */
async function lookAt(pid: string) {
  // One that ended since it was listed is not in the next list.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], ticks: Number(fields[11] ?? 0) + Number(fields[12] ?? 0) };
}
