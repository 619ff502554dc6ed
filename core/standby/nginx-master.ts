import { readdirSync, readFileSync } from 'node:fs';
import { readFile, readlink, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { nameForeignError, readErrorCode } from '../error-code.ts';
import { StandbyError } from '../fetch/errors.ts';
import { pidFilePath } from './kong-env.ts';
import type { KongProcesses, MasterProcess, ProcessLook, ProcessState } from './seed-ports.ts';

/** Linux counts processor time in hundredths of a second, wherever Node runs (proc_pid_stat(5), USER_HZ). */
const tickMs = 10;
/** As Linux does (path_resolution(7)). */
const mostLinks = 40;

/** nginx of the Kong with this prefix, by its pid file and `/proc`, where there is one. */
export function nginxProcesses(prefix: string): KongProcesses {
  return {
    async findMaster() {
      const path = pidFilePath(prefix);
      const pid = await readPid(path, prefix);
      sendSignal(pid, 0);
      await refuseStranger(pid, { path, prefix });
      return { pid, startedAt: readProcess(pid)?.startedAt };
    },
    reload: ({ pid }) => sendSignal(pid, 'SIGHUP'),
    look: async (master) => lookAt(master),
  };
}

async function readPid(path: string, prefix: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new StandbyError(
      'kong',
      `${path} cannot be read (${nameForeignError(error)}): check that Kong is running and that its prefix is ${prefix} (KONG_PREFIX)`,
      { cause: error },
    );
  });
  if (!/^\s*[1-9]\d{0,9}\s*$/.test(text)) {
    throw new StandbyError(
      'kong',
      `${path} contains no process id: restart Kong, which writes the file again`,
    );
  }
  return Number(text);
}

function sendSignal(pid: number, signal: 'SIGHUP' | 0): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const code = nameForeignError(error);
    const advice = code === 'EPERM' ? 'run this as Kong’s user' : 'check that Kong is running';
    throw new StandbyError(
      'kong',
      `Kong’s nginx master, process ${pid}, cannot be signalled (${code}): ${advice}`,
      { cause: error },
    );
  }
}

interface PidPlace {
  /** Of the pid file. */
  readonly path: string;
  readonly prefix: string;
}

// A SIGHUP ends most processes: a stale pid, or one of another container, must not hit a stranger; and
// another Kong's nginx must not be told to reload, nor be watched for what it does not load.
async function refuseStranger(pid: number, { path, prefix }: PidPlace): Promise<void> {
  // Without /proc (macOS), or without a look into it, the pid file's word must do.
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => undefined);
  if (pid === process.pid || (command !== undefined && !command.startsWith('nginx: master process'))) {
    throw new StandbyError(
      'kong',
      `process ${pid}, which ${path} names, is not Kong’s nginx master: check that Kong is running. If Kong is in another ` +
        'container, both need the same process namespace (shareProcessNamespace)',
    );
  }
  // Without -p nginx has the prefix that it was built with, where Kong looks for no settings.
  const given = command === undefined ? undefined : prefixOf(command);
  if (command !== undefined && (await isSameDirectory(pid, given ?? '/', prefix)) === false) {
    throw new StandbyError(
      'kong',
      `process ${pid}, which ${path} names, is nginx of another prefix (-p ${given ?? 'is not given'}), not of ${prefix}: ` +
        'give standby the prefix of the Kong that runs (KONG_PREFIX), or start Kong again if the pid file is an old one',
    );
  }
}

/**
 * @param command `nginx: master process <path> -p <prefix> -c nginx.conf`: nginx puts its arguments into its
 * title, with blanks between them (ngx_process_cycle.c); Kong takes no prefix with blanks
 */
function prefixOf(command: string): string | undefined {
  const given = / -p ?([^ \0]+)/.exec(command)?.[1];
  return given === undefined ? undefined : Buffer.from(given, 'latin1').toString('utf8');
}

/** @returns undefined where it cannot be seen */
async function isSameDirectory(pid: number, given: string, prefix: string): Promise<boolean | undefined> {
  const [theirs, ours] = await Promise.all([
    findDirectory(pid, given),
    stat(prefix, { bigint: true }).catch(() => undefined),
  ]);
  return theirs === undefined || ours === undefined
    ? undefined
    : theirs.dev === ours.dev && theirs.ino === ours.ino;
}

/** A directory as a process sees it: from its own root, which need not be ours, and its own folder. */
async function findDirectory(pid: number, given: string) {
  const root = `/proc/${pid}/root`;
  try {
    const folder = given.startsWith('/') ? '/' : await readlink(`/proc/${pid}/cwd`);
    return await stat(`${root}${await followLinks(root, posix.join(folder, given))}`, { bigint: true });
  } catch (error) {
    const code = readErrorCode(error);
    // A process that may not be looked into, as one with capabilities: its container is most often ours.
    return code === 'EACCES' || code === 'EPERM'
      ? stat(given, { bigint: true }).catch(() => undefined)
      : { dev: -1n, ino: -1n };
  }
}

/** The kernel would follow a link to an absolute path from our root. */
async function followLinks(root: string, path: string): Promise<string> {
  let rest = path.split('/').filter((name) => name !== '');
  let followed = '/';
  for (let links = 0; rest.length > 0; ) {
    const [name = '', ...others] = rest;
    const next = posix.join(followed, name);
    const target = await readlink(`${root}${next}`).catch((error: unknown) => {
      if (readErrorCode(error) === 'EINVAL') {
        return undefined;
      }
      throw error;
    });
    if (target === undefined) {
      followed = next;
      rest = others;
    } else {
      links += 1;
      if (links > mostLinks) {
        throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
      }
      followed = target.startsWith('/') ? '/' : followed;
      rest = [...target.split('/').filter((each) => each !== ''), ...others];
    }
  }
  return followed;
}

function lookAt({ pid, startedAt }: MasterProcess): ProcessLook {
  if (startedAt === undefined) {
    return isAlive(pid) ? 'unseen' : 'gone';
  }
  const master = readProcess(pid);
  if (master === undefined || master.startedAt !== startedAt) {
    return 'gone';
  }
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const children = others
    .map((name) => readProcess(Number(name)))
    .filter((each) => each !== undefined)
    .filter(({ parent }) => parent === pid);
  return { master: master.state, children: children.map(({ state }) => state) };
}

interface SeenProcess {
  readonly parent: number;
  readonly startedAt: string;
  readonly state: ProcessState;
}

/** @returns undefined for one that has ended, or cannot be seen */
function readProcess(pid: number): SeenProcess | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [status = 'X', parent = '', startedAt = ''] = [fields[0], fields[1], fields[19]];
  // Whose parent has not waited for it yet.
  if (status === 'Z' || status === 'X') {
    return undefined;
  }
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * tickMs;
  const isBusy = status !== 'S' && status !== 'I';
  return { parent: Number(parent), startedAt, state: { id: `${pid} ${startedAt}`, cpuMs, isBusy } };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
