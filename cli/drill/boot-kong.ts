/** A Kong that boots on a file, in a prefix of its own, and is asked what it has loaded. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { access, constants, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { attempt } from '../../core/attempt.ts';
import { systemClock } from '../../core/clock.ts';
import type { DrillCheck, DrillParts } from '../../core/drill/drill.ts';
import { readErrorCode } from '../../core/error-code.ts';
import { readConfigurationHash } from '../../core/standby/status.ts';

export interface KongBoot {
  /** The one that was named; else that on PATH. */
  readonly kong?: string;
  readonly kongConf?: string;
  /** Which version must boot. */
  readonly kongVersion: string;
  readonly lmdbMapMib: number;
  /** Of this process alone; it is removed by others. */
  readonly directory: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const [certificate, key] = ['cluster.crt', 'cluster.key'];
/** Nothing listens there, and the system gives it to no process that asks for a free one. */
const nobody = '127.0.0.1:9';
const pollMs = 100;
const stopMs = 15_000;
const startTries = 3;

/**
 * Looks for a Kong of the version.
 *
 * @returns what boots it; or, where none is here, what says so
 * @throws InvalidArgumentError for a Kong that was named and cannot boot the file
 */
export async function prepareKong(boot: KongBoot): Promise<NonNullable<DrillParts['bootKong']>> {
  const { kongConf } = boot;
  const conf = await attempt(kongConf === undefined ? Promise.resolve() : access(kongConf, constants.R_OK));
  if ('error' in conf) {
    throw new InvalidArgumentError(
      `--kong-conf ${kongConf} cannot be read (${readErrorCode(conf.error) ?? 'no reason'}): name a kong.conf, or leave it out`,
    );
  }
  const why = await findHindrance(boot);
  if (why === undefined) {
    return async (file, { manifest }) => bootOn(boot, file.read(), manifest.md5);
  }
  if (boot.kong !== undefined) {
    throw new InvalidArgumentError(`--kong ${boot.kong} ${why}: name the kong command of that version`);
  }
  return async () => ({
    check: 'kong',
    outcome: 'left out',
    detail: `No Kong was booted: kong on PATH ${why}. Name one with --kong.`,
  });
}

/** @returns undefined where it can boot the file */
async function findHindrance(boot: KongBoot): Promise<string | undefined> {
  const ran = await attempt(runKong(boot, ['version'], systemClock.deadline(boot.timeoutMs, boot.signal)));
  if (!('value' in ran)) {
    return `cannot be run (${readErrorCode(ran.error) ?? 'no reason'})`;
  }
  const version = /\d+\.\d+\.\d+(\.\d+)?/.exec(ran.value.printed)?.[0];
  if (ran.value.end !== 0 || version === undefined) {
    return 'prints no version';
  }
  return version === boot.kongVersion ? undefined : `is ${version}, and not ${boot.kongVersion}`;
}

async function bootOn(boot: KongBoot, content: AsyncIterable<Uint8Array>, md5: string): Promise<DrillCheck> {
  const { directory, timeoutMs, kongVersion } = boot;
  const prefix = join(directory, 'kong');
  const prepared = await attempt(writeFiles(directory, prefix, content));
  if ('error' in prepared) {
    const detail = `The files of its Kong could not be written below TMPDIR (${readErrorCode(prepared.error) ?? 'no reason'}).`;
    return { check: 'kong', outcome: 'failed', fault: 'disk', detail };
  }
  const deadline = systemClock.deadline(timeoutMs, boot.signal);
  // A data plane does not start without one, and this one shows it to nobody.
  const certified = await attempt(runKong(boot, ['hybrid', 'gen_cert', certificate, key], deadline));
  if ('error' in certified) {
    return failKong(`kong hybrid gen_cert did not end within ${timeoutMs / 1000} s.`);
  }
  if (certified.value.end !== 0) {
    return failKong(
      `kong hybrid gen_cert ended with ${certified.value.end}, and made no cluster certificate: see that it makes one at this prompt.`,
    );
  }
  try {
    const started = await attempt(startOnFreePorts(boot, prefix, deadline));
    if ('error' in started) {
      return failKong(`kong start did not end within ${timeoutMs / 1000} s.`);
    }
    if ('end' in started.value) {
      // What it said may quote the configuration.
      return failKong(
        `kong start ended with ${started.value.end}. What it says may hold secrets and is not shown: lifeboat fetch the file, and kong config parse it with the settings of your data planes.`,
      );
    }
    return (await hasLoaded(started.value.statusUrl, md5, deadline))
      ? { check: 'kong', outcome: 'passed', detail: `Kong ${kongVersion} has booted with it.` }
      : failKong(`Kong ${kongVersion} has started, and not loaded it within ${timeoutMs / 1000} s.`);
  } finally {
    await stopKong(boot, prefix);
  }
}

async function writeFiles(
  directory: string,
  prefix: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  await mkdir(prefix, { mode: 0o700 });
  await writeFile(join(directory, 'config.json'), content, { mode: 0o600, flag: 'wx' });
  // Without one named, that of this machine's own node would be read.
  await writeFile(join(directory, 'kong.conf'), '# of a drill\n', { mode: 0o600, flag: 'wx' });
}

function failKong(detail: string): DrillCheck {
  return { check: 'kong', outcome: 'failed', fault: 'kong', detail };
}

async function startOnFreePorts(boot: KongBoot, prefix: string, deadline: AbortSignal) {
  const configFile = boot.kongConf === undefined ? join(boot.directory, 'kong.conf') : resolve(boot.kongConf);
  for (let tries = 1; ; tries += 1) {
    // Below those that systems give to connections, of which one could take them meanwhile.
    const port = randomInt(10_000, 32_767);
    const [statusListen, proxyListen] = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
    const settings = {
      ...scratchSettings(boot, prefix),
      KONG_STATUS_LISTEN: statusListen,
      KONG_PROXY_LISTEN: proxyListen,
    };
    const { end, printed } = await runKong(boot, ['start', '-c', configFile], deadline, settings);
    if (end === 0) {
      return { statusUrl: `http://${statusListen}` };
    }
    if (tries === startTries || !/EADDRINUSE|address already in use/i.test(printed)) {
      return { end };
    }
  }
}

/**
 * A data plane: in other roles Kong refuses some of what it takes from a control plane, such as `acme` with
 * `storage: kong`. It reaches no control plane, and proxies for nobody.
 */
function scratchSettings({ directory, lmdbMapMib }: KongBoot, prefix: string) {
  const off = [
    ...['STREAM_LISTEN', 'ADMIN_LISTEN', 'ADMIN_GUI_LISTEN', 'PROXY_ACCESS_LOG'],
    // What a kong.conf of data planes may have: other ways to a configuration than the file.
    ...['CLUSTER_USE_PROXY', 'CLUSTER_RPC', 'CLUSTER_INCREMENTAL_SYNC'],
    ...['CLUSTER_FALLBACK_CONFIG_IMPORT', 'CLUSTER_FALLBACK_CONFIG_EXPORT'],
  ];
  return {
    KONG_ROLE: 'data_plane',
    KONG_CLUSTER_CONTROL_PLANE: nobody,
    KONG_CLUSTER_TELEMETRY_ENDPOINT: nobody,
    KONG_CLUSTER_MTLS: 'shared',
    KONG_CLUSTER_CERT: join(directory, certificate),
    KONG_CLUSTER_CA_CERT: join(directory, certificate),
    KONG_CLUSTER_CERT_KEY: join(directory, key),
    // A data plane must have a proxy: nginx refuses each request before Kong sees it.
    KONG_NGINX_PROXY_DENY: 'all',
    KONG_DATABASE: 'off',
    KONG_DECLARATIVE_CONFIG: join(directory, 'config.json'),
    KONG_PREFIX: prefix,
    KONG_LMDB_MAP_SIZE: `${lmdbMapMib}m`,
    KONG_NGINX_WORKER_PROCESSES: '1',
    KONG_NGINX_DAEMON: 'on',
    KONG_ANONYMOUS_REPORTS: 'off',
    KONG_PROXY_ERROR_LOG: 'logs/error.log',
    KONG_STATUS_ERROR_LOG: 'logs/error.log',
    KONG_STATUS_ACCESS_LOG: 'off',
    ...Object.fromEntries(off.map((name) => [`KONG_${name}`, 'off'])),
    // When root starts Kong, its workers run as another user, who may not enter our directory.
    ...(process.getuid?.() === 0 ? { KONG_NGINX_USER: 'root root' } : {}),
  };
}

/**
 * What Kong's launcher looks for, and the settings that its schemas of plugins, routes, vaults and filters
 * ask for (3.9.1): they decide whether it takes a file. Others are of this machine's own node.
 */
const inherited = [
  ...['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH', 'LUA_PATH', 'LUA_CPATH'],
  ...['KONG_PLUGINS', 'KONG_LUA_PACKAGE_PATH', 'KONG_LUA_PACKAGE_CPATH', 'KONG_ROUTER_FLAVOR', 'KONG_VAULTS'],
  ...['KONG_WASM', 'KONG_WASM_FILTERS', 'KONG_WASM_FILTERS_PATH', 'KONG_LICENSE_DATA', 'KONG_LICENSE_PATH'],
];
/** Those of plugins in other languages: `pluginserver_names`, and three for each name. */
const inheritedPrefix = 'KONG_PLUGINSERVER_';

/**
 * @returns its exit code or the signal that ended it, and what it has printed
 * @throws Error when it cannot be run, or the signal ends it
 */
async function runKong(
  { kong = 'kong', directory }: KongBoot,
  parameters: readonly string[],
  signal: AbortSignal,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly end: number | string; readonly printed: string }> {
  const own = Object.entries(process.env).filter(
    ([name]) => inherited.includes(name) || name.startsWith(inheritedPrefix),
  );
  // Into a file: a pipe would stay open as long as the node that `kong start` leaves behind.
  const path = join(directory, `kong-${parameters[0]}.log`);
  const output = await open(path, 'w', 0o600);
  try {
    const child = spawn(kong.includes('/') ? resolve(kong) : kong, parameters, {
      cwd: directory,
      env: { ...Object.fromEntries(own), ...settings },
      stdio: ['ignore', output.fd, output.fd],
      signal,
    });
    const end = await waitForEnd(child);
    return { end, printed: await readFile(path, 'utf8') };
  } finally {
    await output.close();
  }
}

/**
 * Kong's launcher waits for nginx before it heeds a SIGTERM: whoever goes on at once would not find the node
 * that it starts meanwhile, and leave it behind.
 */
async function waitForEnd(child: ChildProcess): Promise<number | string> {
  const exited = new Promise<number | string>((end) => {
    child.once('exit', (code, name) => end(code ?? name ?? 'no exit code'));
  });
  const failed = once(child, 'error').then(([error]) => {
    throw error;
  });
  const ended = await attempt(Promise.race([exited, failed]));
  if ('value' in ended) {
    return ended.value;
  }
  if (child.pid !== undefined) {
    await Promise.race([exited, once(systemClock.deadline(stopMs), 'abort')]);
    child.kill('SIGKILL');
  }
  throw ended.error;
}

async function hasLoaded(statusUrl: string, md5: string, deadline: AbortSignal): Promise<boolean> {
  while (!deadline.aborted) {
    const hash = await attempt(readConfigurationHash(statusUrl, { clock: systemClock }, deadline));
    if ('value' in hash && hash.value === md5) {
      return true;
    }
    await attempt(systemClock.sleep(pollMs, deadline));
  }
  return false;
}

/** Nothing of it stays, whatever it has come to. */
async function stopKong(boot: KongBoot, prefix: string): Promise<void> {
  const deadline = systemClock.deadline(stopMs);
  if ((await findMaster(prefix)) !== undefined) {
    await attempt(runKong(boot, ['stop', '-p', prefix], deadline, { KONG_PREFIX: prefix }));
  }
  for (let pid = await findMaster(prefix); pid !== undefined; pid = await findMaster(prefix)) {
    if (deadline.aborted) {
      process.kill(pid, 'SIGKILL');
      return;
    }
    await attempt(systemClock.sleep(pollMs, deadline));
  }
}

/** nginx of this prefix. It removes its pid file as it ends: a moment later it is gone. */
async function findMaster(prefix: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(prefix, 'pids/nginx.pid'), 'utf8').catch(() => Number.NaN));
  try {
    return Number.isInteger(pid) && pid > 0 && process.kill(pid, 0) ? pid : undefined;
  } catch {
    return undefined;
  }
}
