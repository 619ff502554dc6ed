import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleClient } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import { grantPath } from '../core/access/assertion.ts';
import { systemClock } from '../core/clock.ts';
import { requestGrant } from '../core/fetch/grant-request.ts';
import { systemRandom } from '../core/random-source.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { type LocalSystem, startLocalSystem } from '../local/local-system.ts';
import { describeSimulated, localTemplate } from '../local/local-template.ts';
import type { FleetFigures } from '../simulation/measure-fleet.ts';
import { credentialVariables } from '../simulators/aws/identities.ts';
import { sharedCertificate } from '../simulators/kong/control-plane/certificates.ts';
import { startControlPlane } from '../simulators/kong/control-plane/control-plane.ts';
import { type KongNode, startKongNode } from '../simulators/kong/kong-node.ts';
import { readRouteThrottle } from '../template/route-throttles.ts';
import { resourceId, type SynthesizedTemplate } from '../template/template.ts';

const name = 'bench';
const kongVersion = '3.9.1';
const seed = 1;
/** What an account has, where the function has none of its own (Lambda Developer Guide, "Lambda quotas"). */
const accountExecutions = 1_000;
/** Assumed of the presign function; a grant itself is pure computation. */
const execution = { coldMs: 1_000, warmMs: 20 };
const patienceMs = 120_000;
const startedAtOnce = 4;

/** What must hold: simulated seconds do not depend on the machine. */
export const fleetAims = { lastSeconds: 60, withoutFile: 0, violations: 0, processesWithoutFile: 0 } as const;

/**
 * Boots a fleet: in the simulation, all in the same moment, behind what the deployed template has before the
 * grants, and as real processes of standby against the local system.
 *
 * @param nodes simulated ones
 * @param processes real ones; each is compared with a bare download, all at once as they are
 */
export async function measureFleetOf(nodes: number, processes: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const controlPlane = await startControlPlane({ mtls: 'shared' });
  const subject = describeSimulated(controlPlane, name);
  const template = localTemplate({ controlPlane: subject, dataPlaneVersions: [kongVersion] });
  try {
    const simulated = await simulateFleet(template, nodes);
    const system = await startLocalSystem({ template, controlPlane: subject, dataDirectory: directory });
    try {
      await publish(system);
      const real = await bootProcesses(system, directory, processes);
      return { nodes, ...simulated, withoutFile: nodes - simulated.loaded, processes, ...real };
    } finally {
      await system.stop();
    }
  } finally {
    await controlPlane.stop();
    await rm(directory, { recursive: true });
  }
}

async function simulateFleet(
  template: SynthesizedTemplate,
  nodes: number,
): Promise<FleetFigures & Readonly<Record<'perSecond' | 'burst' | 'executions', number>>> {
  // It replaces functions of Node while it is loaded: nothing else is under way then.
  const { measureFleet } = await import('../simulation/measure-fleet.ts');
  const { perSecond, burst } = readRouteThrottle(template, `GET ${grantPath(name)}`);
  const presigner = template.Resources[resourceId(template, 'AWS::Lambda::Function', 'Presign')];
  const executions = Number(presigner?.Properties['ReservedConcurrentExecutions'] ?? accountExecutions);
  const room = { ...execution, executions };
  const figures = await measureFleet({ version: kongVersion, size: nodes, perSecond, burst, room }, seed);
  return { perSecond, burst, executions, ...figures };
}

async function publish(system: LocalSystem): Promise<void> {
  await system.ringSchedule();
  const endMs = performance.now() + patienceMs;
  while (!system.measurements().some((each) => each.name === 'Published')) {
    if (performance.now() > endMs) {
      throw new Error(`nothing was published within ${patienceMs / 1000} s: ${system.refusals().join('; ')}`);
    }
    await delay(100);
  }
}

/** From the start of the first process until the last has its file, verified; beside bare downloads. */
async function bootProcesses(system: LocalSystem, directory: string, processes: number) {
  const publicKey = join(directory, 'signing-key.pem');
  const { key } = await kmsSigner(system.clients.kms, system.signingKeyArn).verificationKey();
  await writeFile(publicKey, key.export({ format: 'pem', type: 'spki' }));
  const client = join(directory, 'lifeboat.cjs');
  await bundleClient(client);
  const kongs = await startEmptyKongs(directory, processes);
  try {
    const urls = await requestUrls(system, processes);
    const bareSeconds = await timeTogether(urls, (url, number) =>
      downloadBare(url, join(directory, `bare-${number}.json`)),
    );
    const startedMs = performance.now();
    const ends = await Promise.all(kongs.map((kong) => bootStandby({ system, client, publicKey, kong })));
    const standbySeconds = (Math.max(...ends.map(({ verifiedMs }) => verifiedMs)) - startedMs) / 1000;
    // Without the start of its process, and what it waits so that not all ask at once.
    const fileSeconds = Math.max(...ends.map(({ askedMs, verifiedMs }) => verifiedMs - askedMs)) / 1000;
    return {
      processesWithoutFile: ends.filter(({ isSeeded }) => !isSeeded).length,
      standbySeconds: round(standbySeconds),
      grantAndFileSeconds: round(fileSeconds),
      bareSeconds: round(bareSeconds),
      ratioToBareDownloads: round(fileSeconds / bareSeconds),
    };
  } finally {
    await Promise.all(kongs.map((kong) => kong.stop()));
  }
}

/** The tests' fakes of Kong, a few at a time: each is some processes. */
async function startEmptyKongs(directory: string, count: number): Promise<readonly KongNode[]> {
  const certificate = await sharedCertificate();
  const kongs: KongNode[] = [];
  const numbers = Array.from({ length: count }, (_, number) => number).values();
  const start = async () => {
    for (const number of numbers) {
      const node = {
        kong: join(projectRoot, 'simulators/kong/node/kong'),
        mtls: 'shared',
        certificate,
      } as const;
      kongs.push(
        await startKongNode({
          ...node,
          directory: join(directory, `node-${number}`),
          clusterEndpoint: '127.0.0.1:9',
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: startedAtOnce }, start));
  return kongs;
}

async function timeTogether<Item>(
  items: readonly Item[],
  run: (item: Item, index: number) => Promise<void>,
): Promise<number> {
  const startedMs = performance.now();
  await Promise.all(items.map(run));
  return (performance.now() - startedMs) / 1000;
}

/** URLs of the file, for whoever verifies nothing. */
async function requestUrls(system: LocalSystem, count: number): Promise<readonly string[]> {
  const urls: string[] = [];
  while (urls.length < count) {
    const { url } = await requestGrant({
      endpoint: new URL(system.apiUrl),
      controlPlane: name,
      kongVersion,
      authentication: { by: 'iam', region: system.region, credentials: system.dataPlane },
      timeoutMs: patienceMs,
      clock: systemClock,
      random: systemRandom,
    });
    urls.push(url);
    // Slower than the throttle lets through.
    await delay(30);
  }
  return urls;
}

/** The file by curl, which verifies nothing. */
async function downloadBare(url: string, output: string): Promise<void> {
  // In a file, since other people may read the parameters of a process.
  await writeFile(`${output}.conf`, `url = "${url}"\n`, { mode: 0o600 });
  const child = spawn(
    'curl',
    ['-q', '--silent', '--fail', '--compressed', '--config', `${output}.conf`, '--output', output],
    { stdio: 'inherit' },
  );
  const [status] = await once(child, 'exit');
  if (status !== 0) {
    throw new Error(`curl did not get the file: it ended with ${status}`);
  }
}

interface Standby {
  readonly system: LocalSystem;
  readonly client: string;
  readonly publicKey: string;
  readonly kong: KongNode;
}

interface StandbyEnd {
  /** When it asked for a grant first. */
  readonly askedMs: number;
  /** When it had the file; infinite where it never had. */
  readonly verifiedMs: number;
  /** Whether its Kong has it. */
  readonly isSeeded: boolean;
}

async function bootStandby({ system, client, publicKey, kong }: Standby): Promise<StandbyEnd> {
  const parameters = {
    'control-plane': name,
    'kong-version': kongVersion,
    endpoint: system.apiUrl,
    'public-key': publicKey,
    prefix: kong.prefix,
    'status-url': kong.statusUrl,
    after: '0',
  };
  const flags = Object.entries(parameters).flatMap(([flag, value]) => [`--${flag}`, value]);
  const child = spawn(process.execPath, [client, 'standby', '--json', ...flags], {
    env: {
      AWS_REGION: system.region,
      ...credentialVariables(system.dataPlane),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const tooLate = setTimeout(() => child.kill(), patienceMs);
  let [askedMs, verifiedMs, isSeeded] = [0, Number.POSITIVE_INFINITY, false];
  for await (const line of createInterface({ input: child.stdout })) {
    const { event } = JSON.parse(line) as { readonly event: string };
    askedMs = event === 'asking' ? performance.now() : askedMs;
    verifiedMs = event === 'verified' ? performance.now() : verifiedMs;
    isSeeded = event === 'seeded';
    if (isSeeded) {
      break;
    }
  }
  clearTimeout(tooLate);
  return { askedMs, verifiedMs, isSeeded };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
