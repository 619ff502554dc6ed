import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import type { ClusterCertificate } from '../../core/kong/cluster-connection.ts';
import { writePrivateFile } from '../aws/private-files.ts';
import { type Listening, listen } from './control-plane/listening.ts';

export interface KongNodeOptions {
  /** The executable, see `findKong`. */
  readonly kong: string;
  /** For prefix, certificate and output; short, as paths of Kong's sockets have 107 characters at most. */
  readonly directory: string;
  /** `host:port` of the control plane, which need not be there. */
  readonly clusterEndpoint: string;
  readonly mtls: 'shared' | 'pki';
  /** PKI mode: name in the control plane's certificate. @default the host */
  readonly serverName?: string | undefined;
  readonly certificate: ClusterCertificate;
  /** Kong's `plugins`; with one it starts in half the time. @default all bundled ones */
  readonly plugins?: string | undefined;
  /** More of its settings. @default none */
  readonly settings?: Readonly<Record<`KONG_${string}`, string>> | undefined;
}

export interface KongNode {
  /** Full version. */
  readonly version: string;
  readonly prefix: string;
  readonly proxyUrl: string;
  readonly statusUrl: string;
  /** `kong reload`: reads the settings again. */
  reload(): Promise<unknown>;
  stop(): Promise<void>;
}

const commandTimeoutMs = 60_000;
const readyTimeoutMs = 30_000;
const stopTimeoutMs = 15_000;
const mostPorts = 100;

/**
 * The kong executable of this machine.
 *
 * @param path one that must be there
 * @returns undefined when no path is given and none is on PATH
 */
export async function findKong(path?: string): Promise<string | undefined> {
  if (path !== undefined) {
    if (!(await isExecutable(path))) {
      throw new Error(
        `${path} is not an executable file: name Kong’s command line, usually /usr/local/bin/kong`,
      );
    }
    return resolve(path);
  }
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  for (const directory of directories) {
    const candidate = join(directory, 'kong');
    if (await isExecutable(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

/**
 * The full version that a kong executable says it is.
 *
 * @param directory for what it prints
 * @throws Error when it cannot be run, fails, or prints no version
 */
export async function readKongVersion(kong: string, directory: string): Promise<string> {
  return parseVersion(await runKong(kong, ['version'], inheritedVariables(), directory));
}

async function isExecutable(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) {
    return false;
  }
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Starts a stock data plane of hybrid mode on free ports of 127.0.0.1; resolves when its status API answers.
 */
export async function startKongNode(options: KongNodeOptions): Promise<KongNode> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  return startWithSettings(options, { ...hybridSettings(options), ...options.settings });
}

export interface PlainKongOptions extends Pick<KongNodeOptions, 'kong' | 'directory'> {
  /** The file that it loads when it starts. */
  readonly declarativeConfig: string;
}

/** Starts a Kong without a control plane and without a database, from a file. */
export async function startPlainKong(options: PlainKongOptions): Promise<KongNode> {
  return startWithSettings(options, {
    KONG_ROLE: 'traditional',
    KONG_DECLARATIVE_CONFIG: resolve(options.declarativeConfig),
  });
}

async function startWithSettings(
  { kong, directory }: Pick<KongNodeOptions, 'kong' | 'directory'>,
  settings: Readonly<Record<string, string>>,
): Promise<KongNode> {
  const prefix = resolve(directory, 'kong');
  await mkdir(prefix, { recursive: true, mode: 0o700 });
  const common = { ...inheritedVariables(), ...commonSettings(prefix), ...settings };
  const version = parseVersion(await runKong(kong, ['version'], common, directory));
  const { run, proxyPort, statusPort } = await startOnFreePorts((ports) => {
    const environment = {
      ...common,
      KONG_PROXY_LISTEN: `127.0.0.1:${ports.proxyPort}`,
      KONG_STATUS_LISTEN: `127.0.0.1:${ports.statusPort}`,
    };
    return (...parameters) => runKong(kong, parameters, environment, directory);
  });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopNode(prefix, () => run('stop', '-p', prefix));
    return stopping;
  };
  const statusUrl = `http://127.0.0.1:${statusPort}`;
  try {
    await waitForStatus(statusUrl, prefix);
  } catch (error) {
    await stop();
    throw error;
  }
  const reload = () => run('reload', '-p', prefix);
  return { version, prefix, proxyUrl: `http://127.0.0.1:${proxyPort}`, statusUrl, reload, stop };
}

interface Ports {
  readonly proxyPort: number;
  readonly statusPort: number;
}

type RunKong = (...parameters: readonly string[]) => Promise<string>;

const startTries = 5;

/** A port that was free may be somebody's, who asked for any, by the time that Kong listens. */
async function startOnFreePorts(
  runOn: (ports: Ports) => RunKong,
): Promise<Ports & { readonly run: RunKong }> {
  for (let tries = 1; ; tries += 1) {
    const [proxyPort, statusPort] = await findFreePorts();
    const run = runOn({ proxyPort, statusPort });
    try {
      await run('start');
      return { run, proxyPort, statusPort };
    } catch (error) {
      if (tries === startTries || !/EADDRINUSE|Address already in use/i.test(String(error))) {
        throw error;
      }
    }
  }
}

/**
 * What Kong's launcher and its libraries look for. No `KONG_*`: those of this process would change the node.
 */
function inheritedVariables(): Readonly<Record<string, string>> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH', 'LUA_PATH', 'LUA_CPATH'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function commonSettings(prefix: string): Readonly<Record<string, string>> {
  return {
    KONG_DATABASE: 'off',
    KONG_PREFIX: prefix,
    KONG_ADMIN_LISTEN: 'off',
    KONG_ADMIN_GUI_LISTEN: 'off',
    KONG_NGINX_WORKER_PROCESSES: '1',
    KONG_ANONYMOUS_REPORTS: 'off',
    // When root starts Kong, its workers run as another user, who may not enter our directory.
    ...(process.getuid?.() === 0 ? { KONG_NGINX_USER: 'root root' } : {}),
  };
}

function hybridSettings({
  directory,
  clusterEndpoint,
  mtls,
  serverName,
  certificate,
  plugins,
}: KongNodeOptions): Readonly<Record<string, string>> {
  const file = (name: string, pem: string) => {
    const path = resolve(directory, name);
    writePrivateFile(path, pem);
    return path;
  };
  return {
    KONG_ROLE: 'data_plane',
    ...(plugins === undefined ? {} : { KONG_PLUGINS: plugins }),
    KONG_CLUSTER_CONTROL_PLANE: clusterEndpoint,
    KONG_CLUSTER_MTLS: mtls,
    KONG_CLUSTER_CERT: file('cluster.crt', certificate.certificate),
    KONG_CLUSTER_CERT_KEY: file('cluster.key', certificate.key),
    ...(mtls === 'pki'
      ? {
          KONG_LUA_SSL_TRUSTED_CERTIFICATE:
            certificate.ca === undefined ? 'system' : file('cluster-ca.crt', certificate.ca),
          ...(serverName === undefined ? {} : { KONG_CLUSTER_SERVER_NAME: serverName }),
        }
      : {}),
  };
}

/** Both are taken at the same time, so that they differ. */
async function findFreePorts(): Promise<readonly [number, number]> {
  const first = await listenSomewhere();
  const second = await listenSomewhere();
  await Promise.all([first.stop(), second.stop()]);
  return [first.port, second.port];
}

/**
 * Below those that the system gives to connections (Linux: from 32,768 on; macOS: from 49,152 on): one of
 * them may take such a port in the second until Kong listens there.
 */
async function listenSomewhere(): Promise<Listening> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await listen(createServer(), '127.0.0.1', randomInt(10_000, 32_768));
    } catch (error) {
      if (tries === mostPorts) {
        throw error;
      }
    }
  }
}

/** @returns what it printed */
async function runKong(
  kong: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
  directory: string,
): Promise<string> {
  // Into a file: a pipe would stay open as long as the node that `kong start` leaves behind.
  const path = join(directory, `kong-${parameters[0]}.log`);
  const output = await open(path, 'w', 0o600);
  let end: string;
  let limit: NodeJS.Timeout | undefined;
  try {
    const child = spawn(kong, parameters, {
      env: { ...environment },
      cwd: directory,
      stdio: ['ignore', output.fd, output.fd],
    });
    // Not `timeout` of spawn: for a program that cannot be run, its timer holds this process all the time.
    limit = setTimeout(() => child.kill(), commandTimeoutMs);
    const [code, signal] = await once(child, 'exit');
    end = code === null ? `ended by ${signal}` : `exit code ${code}`;
  } catch (error) {
    throw new Error(`${kong} cannot be run: ${isNativeError(error) ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(limit);
    await output.close();
  }
  const text = await readFile(path, 'utf8');
  if (end !== 'exit code 0') {
    throw new Error(`kong ${parameters.join(' ')} failed (${end}):\n${lastLines(text)}`);
  }
  return text;
}

function parseVersion(printed: string): string {
  const version = /\d+\.\d+\.\d+(\.\d+)?/.exec(printed)?.[0];
  if (version === undefined) {
    throw new Error(`kong version printed no version:\n${lastLines(printed)}`);
  }
  return version;
}

async function waitForStatus(statusUrl: string, prefix: string): Promise<void> {
  const deadline = AbortSignal.timeout(readyTimeoutMs);
  while (!deadline.aborted) {
    const status = await fetch(`${statusUrl}/status`, { signal: deadline }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => undefined,
    );
    if (status === 200) {
      return;
    }
    await delay(100);
  }
  const log = await readFile(join(prefix, 'logs/error.log'), 'utf8').catch(() => 'no log');
  throw new Error(
    `Kong started, but its status API did not answer within ${readyTimeoutMs / 1000} s:\n${lastLines(log)}`,
  );
}

/** `kong stop` signals only. This waits until the node is gone, so that its directory can be removed. */
async function stopNode(prefix: string, kongStop: () => Promise<unknown>): Promise<void> {
  if ((await findRunningMaster(prefix)) === undefined) {
    return;
  }
  await kongStop();
  const deadline = AbortSignal.timeout(stopTimeoutMs);
  for (let pid = await findRunningMaster(prefix); pid !== undefined; pid = await findRunningMaster(prefix)) {
    if (deadline.aborted) {
      throw new Error(`Kong (process ${pid}) did not end within ${stopTimeoutMs / 1000} s: end it by hand`);
    }
    await delay(20);
  }
}

/**
 * nginx removes its pid file last. A process that its parent has not waited for would look alive for longer.
 */
async function findRunningMaster(prefix: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(prefix, 'pids/nginx.pid'), 'utf8').catch(() => Number.NaN));
  return isAlive(pid) ? pid : undefined;
}

/** Whether there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-20).join('\n');
}
