import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { buildBinary } from '../build/binary.ts';
import { bundleClient } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import { sharedCertificate } from '../simulators/kong/control-plane/certificates.ts';
import { listen } from '../simulators/kong/control-plane/listening.ts';
import { startEchoUpstream } from '../simulators/kong/echo-upstream.ts';
import { findKong, startKongNode, startPlainKong } from '../simulators/kong/kong-node.ts';
import { readWorld, type StandbyWorld } from './world.ts';

// Of each the quickest counts, and they take turns: what else the machine does makes them slower only. Each
// start is a process of its own: only the disk's cache is warm.
const starts = 11;
const seedings = 5;
const run = promisify(execFile);
const fakeKong = join(projectRoot, 'simulators/kong/node/kong');
const servingLimitMs = 120_000;

/**
 * Measures what standby costs a data plane, as a file for Node and as the executable that has Node in it,
 * beside a Node that does nothing and beside curl. With a real Kong it also measures when the node serves.
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
    const binary = join(directory, 'lifeboat');
    await buildBinary({ node: process.execPath, output: binary });
    const vault = await readWorld<StandbyWorld>(world);
    const publicKey = join(directory, 'signing-key.pem');
    await writeFile(publicKey, vault.publicKey);
    const bench: Bench = { directory, publicKey, vault };
    const asBundle = { ...bench, command: [process.execPath, bundle] };
    const asBinary = { ...bench, command: [binary] };

    const [emptyStarts, clientStarts, binaryStarts]: [number[], number[], number[]] = [[], [], []];
    for (let done = 0; done < starts; done += 1) {
      emptyStarts.push(await measureEmptyStartMs());
      clientStarts.push(await measureClientStartMs(asBundle));
      binaryStarts.push(await measureClientStartMs(asBinary));
    }
    const [floors, seeded, seededByBinary]: [number[], Seeding[], Seeding[]] = [[], [], []];
    for (let number = 0; number < seedings; number += 1) {
      floors.push(await measureFloorSeconds(bench));
      seeded.push(await seedFakeKong(asBundle, `bundle-${number}`));
      seededByBinary.push(await seedFakeKong(asBinary, `binary-${number}`));
    }
    const kong = await findKong(process.env['LIFEBOAT_TEST_KONG']);
    return {
      entities,
      jsonBytes: vault.jsonBytes,
      gzipBytes: vault.gzipBytes,
      emptyStartMs: Math.round(Math.min(...emptyStarts)),
      clientStartMs: Math.round(Math.min(...clientStarts)),
      binaryStartMs: Math.round(Math.min(...binaryStarts)),
      floorSeconds: round(Math.min(...floors)),
      fileReadySeconds: round(Math.min(...seeded.map(({ fileReadySeconds }) => fileReadySeconds))),
      peakRssMb: Math.round(Math.max(...seeded.map(({ peakRssMb }) => peakRssMb))),
      binaryPeakRssMb: Math.round(Math.max(...seededByBinary.map(({ peakRssMb }) => peakRssMb))),
      binaryMb: Math.round((await stat(binary)).size / 1e6),
      ...(kong === undefined ? {} : await measureBesideKong(asBundle, kong)),
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
  readonly publicKey: string;
  readonly vault: StandbyWorld;
}

/** In one of the forms in which the command line is shipped. */
interface ClientBench extends Bench {
  /** What starts it. */
  readonly command: readonly string[];
}

interface Node {
  readonly prefix: string;
  readonly statusUrl: string;
}

function startStandby(
  { command: [program = '', ...before], publicKey, vault }: ClientBench,
  { prefix, statusUrl }: Node,
): ChildProcess {
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
  return spawn(program, [...before, 'standby', '--json', '--stay', ...flags], {
    env: {
      AWS_REGION: vault.region,
      AWS_ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** A Node that does nothing, from its start to its end. */
async function measureEmptyStartMs(): Promise<number> {
  const startedMs = performance.now();
  await run(process.execPath, ['--eval', '']);
  return performance.now() - startedMs;
}

/** Grant, download, inflating and hash by programs that do nothing else. */
async function measureFloorSeconds({ directory, vault }: Bench): Promise<number> {
  const script = `
    url=$(curl -q --silent --fail "$1") && url=\${url#*'"url":"'} && url=\${url%%'"'*} &&
    curl -q --silent --fail --compressed --output "$2" "$url" && sha256sum "$2"`;
  const api = `${vault.apiUrl}/?kongVersion=${vault.kongVersion}`;
  const startedMs = performance.now();
  const { stdout } = await run('sh', ['-c', script, 'sh', api, join(directory, 'floor.json')]);
  const seconds = (performance.now() - startedMs) / 1000;
  if (!stdout.startsWith(vault.sha256)) {
    throw new Error('curl got another file than the one that is published');
  }
  return seconds;
}

/** From the start of the process to its first request to Kong. */
async function measureClientStartMs(bench: ClientBench): Promise<number> {
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

/** Seeds the tests' fake of Kong. */
async function seedFakeKong(bench: ClientBench, name: string): Promise<Seeding> {
  const node = await startKongNode({
    kong: fakeKong,
    directory: join(bench.directory, name),
    clusterEndpoint: '127.0.0.1:9',
    mtls: 'shared',
    certificate: await sharedCertificate(),
  });
  const child = startStandby(bench, node);
  try {
    const times = await readTimes('seeded', child);
    const peakRssMb = await readPeakRssMb(child);
    return { fileReadySeconds: secondsBetween(times, 'asking', 'verified'), peakRssMb };
  } finally {
    await endProcess(child);
    await node.stop();
  }
}

/**
 * From standby's decision to the first proxied 200, beside the start of a Kong that loads the same file by
 * itself.
 */
async function measureBesideKong(bench: ClientBench, kong: string) {
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

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
