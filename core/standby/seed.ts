import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { nameForeignError } from '../error-code.ts';
import { StandbyError } from '../fetch/errors.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { kongEnvPath } from './kong-env.ts';
import { isUnchanged, type StaleCache } from './stale-cache.ts';
import { noConfiguration, readConfigurationHash } from './status.ts';
import type { SeedOutcome } from './watched-node.ts';

export interface SeedRequest {
  /** Kong's prefix (`KONG_PREFIX`; `/usr/local/kong` by default). */
  readonly prefix: string;
  /** Base URL of the node's `status_listen`. */
  readonly statusUrl: string;
  /**
   * Verified declarative config, `*.json`, under the path by which Kong sees it; Kong's user must be able to
   * read it.
   */
  readonly file: string;
  /** Of the file's bytes, lower-case hex: what a node that has loaded it shows as its configuration hash. */
  readonly md5: string;
  /** An old cache that the file may replace. @default none: the node must have no configuration */
  readonly replaces?: StaleCache | undefined;
  /** For Kong to load the file, from the signal on. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** @default 250 */
  readonly pollMs?: number | undefined;
  /** Ends the wait early; everything is undone as when the time is up. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a node is, or would be, seeded. */
export type SeedPlace = Pick<SeedRequest, 'prefix' | 'file'>;

/**
 * Gives a running Kong that has no configuration, or an old one that may go, one from a file, without a
 * restart (docs/kong.md#seeding): a line
 * `declarative_config = <file>` in `<prefix>/.kong_env`, a SIGHUP, and the line out again as soon as the node
 * has another configuration, from wherever. A node that has any other is left alone. When it returns or
 * throws, the line is gone, so that the file may go too.
 *
 * A line that a killed run left behind is known by its path, which nobody but Lifeboat writes to, and taken
 * out.
 *
 * @throws StandbyError `kong`; `refused` when Kong did not load the file in time; `verification` when the
 * file is not the one that was verified
 */
export async function seedKong(request: SeedRequest): Promise<SeedOutcome> {
  const environment = kongEnvironment(request);
  if (!(await mayBeSeeded(request))) {
    await removeLeftover(request);
    return 'has a configuration';
  }
  await requireSeedable(request);
  await requireContent(request);
  if (request.signal?.aborted === true) {
    throw notLoaded(request);
  }
  const outcome = await loadFile(request, environment);
  if (outcome === undefined) {
    // What Kong refused may have got half-way, into its cache or its workers: without the line it starts from
    // what it had.
    await reload(request);
    throw notLoaded(request);
  }
  return outcome;
}

/**
 * Checks what the seeding of a node needs besides the file, and takes out the line of a killed run.
 *
 * @throws StandbyError `kong`
 */
export async function requireSeedable(place: SeedPlace): Promise<void> {
  const environment = kongEnvironment(place);
  await environment.removeLine();
  await environment.refuseUsersOwn();
  await findNginxMaster(place.prefix);
}

/**
 * Takes out the line that a killed run left in a node that has a configuration by now.
 *
 * @throws StandbyError `kong` when it is there and stays
 */
export async function removeLeftover(place: SeedPlace): Promise<void> {
  const environment = kongEnvironment(place);
  const readable = await readEnvironment(environment.path).then(
    () => true,
    () => false,
  );
  // A user who may not read it cannot have left a line in it, and a node that has a configuration needs no
  // file.
  if (readable) {
    await environment.removeLine();
  }
}

async function loadFile(
  request: SeedRequest,
  environment: KongEnvironment,
): Promise<SeedOutcome | undefined> {
  await environment.addLine();
  try {
    // The last moment to see that the control plane has delivered.
    if (!(await mayBeSeeded(request))) {
      return 'has a configuration';
    }
    await reload(request);
    return await awaitConfiguration(request);
  } finally {
    // While the line is there, each further SIGHUP puts the file over whatever the control plane has sent
    // since (Kong/kong#14407).
    await environment.removeLine();
  }
}

/**
 * Looks the process up for each signal: Kong may have ended since the last one, and another process may have
 * its id.
 */
async function reload({ prefix }: SeedPlace): Promise<void> {
  sendSignal(await findNginxMaster(prefix), 'SIGHUP');
}

async function mayBeSeeded({ statusUrl, clock, replaces, prefix }: SeedRequest): Promise<boolean> {
  const hash = await readConfigurationHash(statusUrl, clock);
  return replaces === undefined ? hash === noConfiguration : isUnchanged(replaces, prefix, hash);
}

/** @returns undefined when there was none in time */
async function awaitConfiguration(request: SeedRequest): Promise<SeedOutcome | undefined> {
  const { statusUrl, md5, replaces, timeoutMs, clock, pollMs = 250, signal } = request;
  const end = clock.deadline(timeoutMs, signal);
  for (;;) {
    // A node that reloads may not answer for a moment.
    const hash = await readConfigurationHash(statusUrl, clock, end).catch(() => noConfiguration);
    if (hash !== noConfiguration && hash !== replaces?.hash) {
      return hash === md5 ? 'seeded' : 'has a configuration';
    }
    if (end.aborted) {
      return undefined;
    }
    // The deadline ends the sleep too, and the loop sees it.
    await ignoreErrors(clock.sleep(pollMs, end));
  }
}

// A file that changed since it was verified must not be loaded, and one that is missing would make the node
// unready.
async function requireContent({ file, md5 }: SeedRequest): Promise<void> {
  const hash = createHash('md5');
  try {
    const content = await open(file);
    try {
      // One buffer for all: what a stream leaves behind would be as large as the file.
      const buffer = Buffer.alloc(256 * 1024);
      for (let read = await content.read(buffer); read.bytesRead > 0; read = await content.read(buffer)) {
        hash.update(buffer.subarray(0, read.bytesRead));
      }
    } finally {
      await content.close();
    }
  } catch (error) {
    throw new StandbyError('kong', `${file} cannot be read (${describeError(error)}): fetch it again`, {
      cause: error,
    });
  }
  if (hash.digest('hex') !== md5) {
    throw new StandbyError('verification', `${file} was changed after it was verified: fetch it again`);
  }
}

/** @returns the process that takes the SIGHUP */
async function findNginxMaster(prefix: string): Promise<number> {
  const path = join(prefix, 'pids/nginx.pid');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new StandbyError(
      'kong',
      `${path} cannot be read (${describeError(error)}): check that Kong is running and that its prefix is ${prefix} (KONG_PREFIX)`,
      { cause: error },
    );
  });
  if (!/^\s*[1-9]\d{0,9}\s*$/.test(text)) {
    throw new StandbyError(
      'kong',
      `${path} contains no process id: restart Kong, which writes the file again`,
    );
  }
  const pid = Number(text);
  sendSignal(pid, 0);
  await refuseStranger(pid, path);
  return pid;
}

// A SIGHUP ends most processes: a stale pid, or one of another container, must not hit a stranger.
async function refuseStranger(pid: number, path: string): Promise<void> {
  // Without /proc (macOS), or without a look into it, the pid file's word must do.
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => undefined);
  if (pid === process.pid || (command !== undefined && !command.startsWith('nginx: master process'))) {
    throw new StandbyError(
      'kong',
      `process ${pid}, which ${path} names, is not Kong’s nginx master: check that Kong is running. If Kong is in another ` +
        'container, both need the same process namespace (shareProcessNamespace)',
    );
  }
}

function sendSignal(pid: number, signal: 'SIGHUP' | 0): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const code = describeError(error);
    const advice = code === 'EPERM' ? 'run this as Kong’s user' : 'check that Kong is running';
    throw new StandbyError(
      'kong',
      `Kong’s nginx master, process ${pid}, cannot be signalled (${code}): ${advice}`,
      {
        cause: error,
      },
    );
  }
}

function notLoaded({ file, prefix, timeoutMs, signal }: SeedRequest): StandbyError {
  if (signal?.aborted === true) {
    return new StandbyError('kong', 'seeding Kong was cancelled and undone', {
      cause: signal.reason,
    });
  }
  return new StandbyError(
    'refused',
    `Kong did not load ${file} within ${timeoutMs / 1000} s, and the change to its settings was undone. Kong’s log says why ` +
      `(${prefix}/logs/error.log, or its container’s output). Check also that Kong’s user can read the file and that it fits lmdb_map_size, ` +
      'or raise --load-timeout',
  );
}

/** `.kong_env`: the settings that Kong's nginx master reads at each SIGHUP. */
interface KongEnvironment {
  readonly path: string;
  addLine(): Promise<void>;
  /** Does nothing when the line is not there. */
  removeLine(): Promise<void>;
  /**
   * @throws StandbyError when the user loads a file of their own: whose configuration wins is not ours to say
   */
  refuseUsersOwn(): Promise<void>;
}

function kongEnvironment({ prefix, file }: SeedPlace): KongEnvironment {
  const path = kongEnvPath(prefix);
  const line = seedLine(file);
  const withoutLine = (text: string) =>
    text
      .split('\n')
      .filter((existing) => existing !== line)
      .join('\n');
  return {
    path,
    async addLine() {
      const text = withoutLine(await readEnvironment(path));
      const separator = text === '' || text.endsWith('\n') ? '' : '\n';
      await replaceEnvironment(path, `${text}${separator}${line}\n`).catch((error: unknown) => {
        throw new StandbyError(
          'kong',
          `${path} cannot be written (${describeError(error)}): run this as Kong’s user, and check that the prefix is writable and has free space`,
          { cause: error },
        );
      });
    },
    async removeLine() {
      const text = await readEnvironment(path);
      const without = withoutLine(text);
      if (without !== text) {
        await replaceEnvironment(path, without).catch(async (error: unknown) => {
          // Cutting it off needs no space, and what Kong has just loaded may have taken the last of it.
          if (text === `${without}${line}\n` && (await truncateFile(path, without.length))) {
            return;
          }
          throw new StandbyError(
            'kong',
            `the line "declarative_config = ${resolve(file)}" could not be removed from ${path} (${describeError(error)}): remove it ` +
              'before Kong’s next reload, and before you delete the file',
            { cause: error },
          );
        });
      }
    },
    async refuseUsersOwn() {
      const own = /^[ \t]*(declarative_config(?:_string)?)[ \t]*=/m.exec(await readEnvironment(path))?.[1];
      if (own !== undefined) {
        throw new StandbyError(
          'kong',
          `${path} has a ${own} that Lifeboat did not write and does not change: remove that setting (KONG_${own.toUpperCase()}), ` +
            'or do not run standby on this node',
        );
      }
    },
  };
}

function seedLine(file: string): string {
  const path = resolve(file);
  // Kong would take # for a comment and a final \ for a continued line (kong/conf_loader, Penlight's
  // config.read).
  if (/[#\\\p{Cc}]|\s$/u.test(path)) {
    throw new StandbyError(
      'kong',
      `Kong’s settings cannot contain the path ${JSON.stringify(path)}: choose a path without # and \\`,
    );
  }
  // Latin-1 like the text around it: each character is a byte.
  return `declarative_config = ${Buffer.from(path).toString('latin1')}`;
}

/** As Latin-1, which keeps every byte, whatever the user's settings hold. */
async function readEnvironment(path: string): Promise<string> {
  return readFile(path, 'latin1').catch((error: unknown) => {
    throw new StandbyError(
      'kong',
      `${path} cannot be read (${describeError(error)}): check the prefix (KONG_PREFIX), and run this as Kong’s user`,
      { cause: error },
    );
  });
}

/** At once and whole: Kong may read it at any time. Mode and owner stay, since it can hold secrets. */
async function replaceEnvironment(path: string, text: string): Promise<void> {
  // Always the same name, so that a killed run leaves one such file at most, and the next run takes it away.
  const temporary = `${path}.lifeboat`;
  try {
    await rm(temporary, { force: true });
    const { mode, uid, gid } = await stat(path);
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text, 'latin1');
      await file.chown(uid, gid);
      await file.chmod(mode & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await ignoreErrors(rm(temporary, { force: true }));
    throw error;
  }
}

function truncateFile(path: string, bytes: number): Promise<boolean> {
  return truncate(path, bytes).then(
    () => true,
    () => false,
  );
}

function describeError(error: unknown): string {
  return nameForeignError(error);
}
