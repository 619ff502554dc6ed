import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process that has a part of a core, as a small Lambda function has. */
export interface Throttle {
  /**
   * `cgroup`: the kernel counts its processor time. `signals`: it is stopped and continued, so that time in
   * which it waits for others is lost to it as well.
   */
  readonly by: 'cgroup' | 'signals';
  /** After the process has ended. */
  remove(): void;
}

const periodMs = 100;

/** Leaves a process so many percent of a core from now on. */
export function throttleProcess(pid: number, percent: number): Throttle {
  const quotaMs = (periodMs * percent) / 100;
  return limitInVersion1(pid, quotaMs) ?? limitInVersion2(pid, quotaMs) ?? stopAndContinue(pid, quotaMs);
}

function limitInVersion1(pid: number, quotaMs: number): Throttle | undefined {
  return limitInGroup('/sys/fs/cgroup/cpu', pid, {
    'cpu.cfs_period_us': String(periodMs * 1000),
    'cpu.cfs_quota_us': String(Math.round(quotaMs * 1000)),
  });
}

function limitInVersion2(pid: number, quotaMs: number): Throttle | undefined {
  return limitInGroup('/sys/fs/cgroup', pid, {
    'cpu.max': `${Math.round(quotaMs * 1000)} ${periodMs * 1000}`,
  });
}

/** Undefined where this machine does not let us, or has no such groups. */
function limitInGroup(
  parent: string,
  pid: number,
  files: Readonly<Record<string, string>>,
): Throttle | undefined {
  const group = join(parent, `lifeboat-bench-${pid}`);
  try {
    mkdirSync(group);
  } catch {
    return undefined;
  }
  try {
    for (const [name, content] of Object.entries(files)) {
      // Not made where it is missing: in a file system that is no cgroup's it would be a file like any other.
      writeFileSync(join(group, name), content, { flag: 'r+' });
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid), { flag: 'r+' });
    return { by: 'cgroup', remove: () => rmdirSync(group) };
  } catch {
    rmdirSync(group);
    return undefined;
  }
}

function stopAndContinue(pid: number, runMs: number): Throttle {
  let timer: NodeJS.Timeout;
  const signal = (name: 'SIGSTOP' | 'SIGCONT', afterMs: number) => {
    timer = setTimeout(() => {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended.
        return;
      }
      signal(name === 'SIGSTOP' ? 'SIGCONT' : 'SIGSTOP', name === 'SIGSTOP' ? periodMs - runMs : runMs);
    }, afterMs);
  };
  signal('SIGSTOP', runMs);
  return { by: 'signals', remove: () => clearTimeout(timer) };
}
