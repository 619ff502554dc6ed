import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../core/clock.ts';
import { type ClusterConnection, connectToCluster } from '../core/kong/cluster-connection.ts';
import { stableNodeId } from '../core/kong/node-id.ts';
import { dataPlanePlugins } from '../core/kong/plugin-names.ts';
import { type LocalSystem, startLocalSystem } from '../local/local-system.ts';
import { describeSimulated, localTemplate } from '../local/local-template.ts';
import { openVaultView, type VaultView } from '../local/rehearsal/vault-view.ts';
import { type ControlPlane, startControlPlane } from '../simulators/kong/control-plane/control-plane.ts';

/** How an export learns of a change. */
type Way = 'hooks' | 'listen' | 'schedule';

/** Milliseconds of one clock. */
interface Change {
  readonly madeAtMs: number;
  /** When the control plane began to serve it. */
  servedAtMs: number | undefined;
  publishedAtMs: number | undefined;
}

interface Course {
  readonly controlPlane: ControlPlane;
  readonly system: LocalSystem;
  readonly vault: VaultView;
  /** By the name of the consumer that each adds. */
  readonly changes: Map<string, Change>;
}

const name = 'bench';
const kongVersion = '3.9.1';
// Random pauses up to this: some changes find a control plane that has just rebuilt its payload, others not.
const longestPauseMs = 12_000;
const pollMs = 50;
const longestWaitMs = 60_000;
const scheduleMinutes = 5;
const ringsOfSchedule = 5;

/**
 * Measures how long changes take into the vault, in a local system of the synthesized template, against the
 * simulated control plane: that rebuilds its payload as Kong does, 0.25 s after a change, and no sooner than
 * 5 s after the last time. A data plane is connected, as one always is: without any, each connection of an
 * export would make the control plane export anew.
 *
 * To wait for the schedule would take hours. So it is rung by hand once its change is served, and the wait
 * for the ring is computed: that of moments spread evenly over the five minutes.
 */
export async function measureFreshness(changes: number) {
  const hooks = await measureWay('hooks', changes);
  const listen = await measureWay('listen', changes);
  const schedule = await measureWay('schedule', ringsOfSchedule);
  return { changes, hooks, listen, schedule: { scheduleMinutes, ...schedule } };
}

async function measureWay(way: Way, count: number) {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const controlPlane = await startControlPlane({ mtls: 'shared' });
  const subject = describeSimulated(controlPlane, name);
  const template = localTemplate({
    controlPlane: subject,
    dataPlaneVersions: [kongVersion],
    listen: way === 'listen',
  });
  const system = await startLocalSystem({ template, controlPlane: subject, dataDirectory });
  const dataPlane = await connectDataPlane(controlPlane);
  try {
    const vault = await openVaultView(system, name, kongVersion);
    if (way === 'hooks') {
      await installHook(controlPlane, system);
    }
    await system.ringSchedule();
    await vault.until('the first export', () => true);
    const course: Course = { controlPlane, system, vault, changes: new Map() };
    const seconds =
      way === 'schedule' ? await ringForChanges(course, count) : await makeChanges(course, count);
    const served = [...course.changes.values()].map(({ madeAtMs, servedAtMs = 0 }) => servedAtMs - madeAtMs);
    return { ...quantiles(seconds), ofThisUntilServed: quantiles(served.map((each) => each / 1000)) };
  } finally {
    await system.stop();
    await dataPlane.stop();
    await controlPlane.stop();
    await rm(dataDirectory, { recursive: true });
  }
}

/** A data plane that takes what it is sent. */
async function connectDataPlane(controlPlane: ControlPlane): Promise<{ stop(): Promise<void> }> {
  const connection: ClusterConnection = await connectToCluster(
    {
      endpoint: controlPlane.clusterEndpoint,
      mtls: 'shared',
      certificate: async () => controlPlane.certificates,
      clock: systemClock,
    },
    {
      id: stableNodeId('bench', 'data plane'),
      hostName: 'data-plane',
      version: kongVersion,
      plugins: dataPlanePlugins(kongVersion, []),
    },
  );
  connection.dropFrames();
  const timer = setInterval(() => connection.ping(controlPlane.builtHash()), 30_000);
  return {
    async stop() {
      clearInterval(timer);
      await connection.leave();
    },
  };
}

async function installHook({ adminUrl }: ControlPlane, { webhookUrl, hookSecret }: LocalSystem) {
  await fetch(`${adminUrl}/event-hooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      source: 'crud',
      handler: 'webhook',
      config: { url: webhookUrl, secret: hookSecret },
    }),
  });
}

/** Changes at random moments, and the seconds until each was published. */
async function makeChanges(course: Course, count: number): Promise<readonly number[]> {
  const watching = watch(course, count);
  for (let made = 0; made < count; made += 1) {
    await delay(Math.random() * longestPauseMs);
    change(course, `change-${made}`);
  }
  await watching;
  return [...course.changes.values()].map(
    ({ madeAtMs, publishedAtMs = 0 }) => (publishedAtMs - madeAtMs) / 1000,
  );
}

/** Changes that nothing but the schedule tells of, and the seconds that they would have taken. */
async function ringForChanges(course: Course, count: number): Promise<readonly number[]> {
  const fromRing: number[] = [];
  for (let made = 0; made < count; made += 1) {
    const watching = watch(course, made + 1);
    const { madeAtMs } = change(course, `change-${made}`);
    await delay(6_000);
    const rungAtMs = performance.now();
    await course.system.ringSchedule();
    await watching;
    const { publishedAtMs = madeAtMs } = course.changes.get(`change-${made}`) ?? {};
    fromRing.push((publishedAtMs - rungAtMs) / 1000);
  }
  const intervalSeconds = scheduleMinutes * 60;
  const moments = 20;
  return Array.from(
    { length: moments },
    (_, index) => ((index + 0.5) / moments) * intervalSeconds + (fromRing[index % fromRing.length] ?? 0),
  );
}

function change({ controlPlane, changes }: Course, username: string): Change {
  const made = { madeAtMs: performance.now(), servedAtMs: undefined, publishedAtMs: undefined };
  changes.set(username, made);
  controlPlane.configuration.create('consumers', { username });
  return made;
}

/** Notes when changes are served and published, until that many are. */
async function watch({ controlPlane, vault, changes }: Course, count: number): Promise<void> {
  const usernamesByHash = new Map<string, readonly string[]>();
  const isDone = () =>
    changes.size >= count && [...changes.values()].every(({ publishedAtMs }) => publishedAtMs);
  let newestMs = performance.now();
  while (!isDone()) {
    const hash = controlPlane.builtHash();
    if (!usernamesByHash.has(hash)) {
      usernamesByHash.set(hash, listUsernames(controlPlane));
      note(changes, usernamesByHash.get(hash) ?? [], 'servedAtMs');
    }
    const manifest = await vault.current();
    note(changes, usernamesByHash.get(manifest?.configHash ?? '') ?? [], 'publishedAtMs');
    newestMs = Math.max(newestMs, ...[...changes.values()].map(({ madeAtMs }) => madeAtMs));
    if (performance.now() > newestMs + longestWaitMs) {
      throw new Error(`a change was not published within ${longestWaitMs / 1000} s`);
    }
    await delay(pollMs);
  }
}

function listUsernames({ builtTable }: ControlPlane): readonly string[] {
  const consumers = builtTable(kongVersion)['consumers'] as readonly { readonly username: string }[];
  return consumers.map(({ username }) => username);
}

function note(
  changes: ReadonlyMap<string, Change>,
  usernames: readonly string[],
  what: 'servedAtMs' | 'publishedAtMs',
): void {
  for (const username of usernames) {
    const made = changes.get(username);
    if (made !== undefined) {
      made[what] ??= performance.now();
    }
  }
}

function quantiles(seconds: readonly number[]) {
  const sorted = [...seconds].sort((one, other) => one - other);
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { p50Seconds: at(0.5), p95Seconds: at(0.95) };
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
