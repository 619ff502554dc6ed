import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleClient } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import { sharedCertificate } from '../simulators/kong/control-plane/certificates.ts';
import { listen } from '../simulators/kong/control-plane/listening.ts';
import { startEchoUpstream } from '../simulators/kong/echo-upstream.ts';
import { findKong, startKongNode, startPlainKong } from '../simulators/kong/kong-node.ts';
import { readWorld, type StandbyWorld } from './world.ts';

// An odd number, for the median. Each start is a process of its own: only the disk's cache is warm.
const starts = 11;
const seedings = 3;
const noConfiguration = '0'.repeat(32);
const servingLimitMs = 120_000;

/**
 * Measures what standby costs a data plane, as the one file that is shipped. With a real Kong it also
 * measures when the node serves.
 */
export async function measureStandby(entities: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const upstream = await startEchoUpstream();
  const world = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      join(projectRoot, 'bench/standby-world.ts'),
      String(entities),
      upstream.url,
      directory,
    ],
    { cwd: projectRoot, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const bundle = join(directory, 'lifeboat.cjs');
    await bundleClient(bundle);
    const vault = await readWorld<StandbyWorld>(world);
    const publicKey = join(directory, 'signing-key.pem');
    await writeFile(publicKey, vault.publicKey);
    const bench: Bench = { directory, bundle, publicKey, vault };

    const clientStarts: number[] = [];
    for (let done = 0; done < starts; done += 1) {
      clientStarts.push(await measureClientStartMs(bench));
    }
    const seeded: Seeding[] = [];
    for (let number = 0; number < seedings; number += 1) {
      seeded.push(await seedStandIn(bench, number));
    }
    const kong = await findKong(process.env['LIFEBOAT_TEST_KONG']);
    return {
      entities,
      jsonBytes: vault.jsonBytes,
      fileReadySeconds: round(median(seeded.map(({ fileReadySeconds }) => fileReadySeconds))),
      clientStartMs: Math.round(median(clientStarts)),
      peakRssMb: Math.round(Math.max(...seeded.map(({ peakRssMb }) => peakRssMb))),
      ...(kong === undefined ? {} : await measureBesideKong(bench, kong)),
    };
  } finally {
    world.stdin?.end();
    await once(world, 'exit');
    await upstream.stop();
    await rm(directory, { recursive: true });
  }
}

interface Bench {
  readonly directory: string;
  /** The command line, as it is shipped. */
  readonly bundle: string;
  readonly publicKey: string;
  readonly vault: StandbyWorld;
}

interface Node {
  readonly prefix: string;
  readonly statusUrl: string;
}

function startStandby({ bundle, publicKey, vault }: Bench, { prefix, statusUrl }: Node): ChildProcess {
  const parameters = {
    'control-plane': vault.controlPlane,
    'kong-version': vault.kongVersion,
    endpoint: vault.apiUrl,
    'public-key': publicKey,
    prefix,
    'status-url': statusUrl,
    after: '0',
    spread: '0',
    'load-timeout': '600',
  };
  const flags = Object.entries(parameters).flatMap(([name, value]) => [`--${name}`, value]);
  return spawn(process.execPath, [bundle, 'standby', '--json', '--stay', ...flags], {
    env: {
      AWS_REGION: vault.region,
      AWS_ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** From the start of the process to its first request to Kong. */
async function measureClientStartMs(bench: Bench): Promise<number> {
  const status = createServer((_, response) =>
    response.end(JSON.stringify({ configuration_hash: 'f'.repeat(32) })),
  );
  const { port, stop } = await listen(status, '127.0.0.1', 0);
  const startedMs = performance.now();
  const child = startStandby(bench, { prefix: bench.directory, statusUrl: `http://127.0.0.1:${port}` });
  try {
    await once(status, 'request');
    return performance.now() - startedMs;
  } finally {
    await endProcess(child);
    await stop();
  }
}

interface Seeding {
  readonly fileReadySeconds: number;
  readonly peakRssMb: number;
}

/** Seeds a stand-in for Kong, which loads a file at once. */
async function seedStandIn(bench: Bench, number: number): Promise<Seeding> {
  const prefix = join(bench.directory, `prefix-${number}`);
  await mkdir(join(prefix, 'pids'), { recursive: true });
  const master = spawn('sleep', ['600'], { argv0: 'nginx: master process', stdio: 'ignore' });
  await writeFile(join(prefix, '.kong_env'), 'role = data_plane\n');
  await writeFile(join(prefix, 'pids/nginx.pid'), `${master.pid}\n`);
  const status = createServer((_, response) => {
    // A SIGHUP ends this master.
    const hash = master.signalCode === 'SIGHUP' ? bench.vault.md5 : noConfiguration;
    response.end(JSON.stringify({ configuration_hash: hash }));
  });
  const { port, stop } = await listen(status, '127.0.0.1', 0);
  const child = startStandby(bench, { prefix, statusUrl: `http://127.0.0.1:${port}` });
  try {
    const times = await readTimes('seeded', child);
    const peakRssMb = await readPeakRssMb(child);
    return { fileReadySeconds: secondsBetween(times, 'asking', 'verified'), peakRssMb };
  } finally {
    master.kill('SIGKILL');
    await endProcess(child);
    await stop();
  }
}

/**
 * From standby's decision to the first proxied 200, beside the start of a Kong that loads the same file by
 * itself.
 */
async function measureBesideKong(bench: Bench, kong: string) {
  const certificate = await sharedCertificate();
  const node = await startKongNode({
    kong,
    directory: join(bench.directory, 'seeded'),
    clusterEndpoint: '127.0.0.1:9',
    mtls: 'shared',
    certificate,
  });
  const child = startStandby(bench, node);
  let servingSeconds: number;
  try {
    const times = readTimes('asking', child);
    const servingMs = waitUntilServing(node.proxyUrl);
    servingSeconds = ((await servingMs) - ((await times).get('asking') ?? 0)) / 1000;
  } finally {
    await endProcess(child);
    await node.stop();
  }
  const startedMs = Date.now();
  const plain = await startPlainKong({
    kong,
    directory: join(bench.directory, 'plain'),
    declarativeConfig: bench.vault.file,
  });
  try {
    const kongPlainStartSeconds = ((await waitUntilServing(plain.proxyUrl)) - startedMs) / 1000;
    return {
      servingSeconds: round(servingSeconds),
      kongPlainStartSeconds: round(kongPlainStartSeconds),
      ratioToPlainStart: round(servingSeconds / kongPlainStartSeconds),
    };
  } finally {
    await plain.stop();
  }
}

/** @returns when the first request was proxied; epoch, ms */
async function waitUntilServing(proxyUrl: string): Promise<number> {
  const limit = AbortSignal.timeout(servingLimitMs);
  for (;;) {
    const status = await fetch(`${proxyUrl}/lifeboat-bench`, { signal: limit }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => undefined,
    );
    if (status === 200) {
      return Date.now();
    }
    if (limit.aborted) {
      throw new Error(`Kong did not proxy within ${servingLimitMs / 1000} s; its last answer was ${status}`);
    }
    await delay(20);
  }
}

/** When standby logged each event, up to the last one; epoch, ms. */
async function readTimes(last: string, { stdout }: ChildProcess): Promise<ReadonlyMap<string, number>> {
  if (stdout === null) {
    throw new Error('standby has no output');
  }
  const times = new Map<string, number>();
  for await (const line of createInterface({ input: stdout })) {
    const { at, event, message } = JSON.parse(line) as Readonly<Record<'at' | 'event' | 'message', string>>;
    if (event === 'failed') {
      throw new Error(`standby failed: ${message}`);
    }
    times.set(event, Date.parse(at));
    if (event === last) {
      return times;
    }
  }
  throw new Error(`standby ended before it had ${last}`);
}

function secondsBetween(times: ReadonlyMap<string, number>, from: string, to: string): number {
  return ((times.get(to) ?? Number.NaN) - (times.get(from) ?? Number.NaN)) / 1000;
}

/** The highest resident memory of a running process so far (proc_pid_status(5), VmHWM); MB. */
async function readPeakRssMb({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

async function endProcess(child: ChildProcess): Promise<void> {
  child.stdout?.resume();
  child.kill();
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit');
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
