import { defaultBackoff } from '../../core/fetch/backoff.ts';
import { vaultFileSource } from '../../core/fetch/download.ts';
import { type FetchParts, fetchConfig } from '../../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../../core/fetch/grant-source.ts';
import type { Fetch } from '../../core/fetch/http-client.ts';
import { runStandby } from '../../core/standby/standby.ts';
import { noConfiguration } from '../../core/standby/status.ts';
import type { Manifest } from '../../core/vault/manifest.ts';
import { Machine } from '../engine/machine.ts';
import { type Disk, simulatedOutput } from '../ports/disk.ts';
import { type Gateway, simulatedFetch } from '../ports/http.ts';
import { type SimulatedNodeOptions, simulatedNode } from '../ports/kong-node.ts';
import type { InvariantName } from '../promises.ts';
import { findServed, hashContent } from './control-plane.ts';
import { SimulatedKong } from './kong.ts';
import type { Unit, World } from './world.ts';

/** A client of Lifeboat's. */
export interface ClientOptions {
  readonly world: World;
  readonly unit: Unit;
  readonly version: string;
  readonly name: string;
  /** Told each file that Kong loads, with the status that was read beside it, if it could be had. */
  readonly onLoaded: (file: Uint8Array, status: string | undefined) => void;
  /** @default one endpoint, which takes everything at once */
  readonly way?:
    | {
        readonly endpoints: readonly URL[];
        readonly gateway: Gateway;
        /** Sees each request. */
        readonly watch: (fetch: Fetch, machine: Machine) => Fetch;
      }
    | undefined;
}

export interface FetchOptions extends ClientOptions {
  /** @default 0 */
  readonly spreadMs?: number | undefined;
}

/** What a client was told of the vault when it got its file. */
interface Told {
  status: string | undefined;
}

export interface DataPlaneOptions extends ClientOptions {
  /** How old the cache is that it starts with. @default it has none */
  readonly cacheAgeMs?: number | undefined;
  /** How long Kong takes at most until it answers. @default some seconds */
  readonly kongAnswersWithinMs?: number | undefined;
  /** Told what standby must not do to a Kong. */
  readonly onUndue: (invariant: InvariantName, detail: string) => void;
  /** Told when it is taken away without any configuration. */
  readonly onGivenUp: (machine: Machine) => void;
}

/** What the client gives standby (cli/standby.ts). */
export const standbyPolicy = {
  afterMs: 5_000,
  spreadMs: 3_000,
  ...defaultBackoff,
  fastForMs: 10 * 60 * 1000,
  slowPauseMs: 60_000,
};
/** A node that has nothing by then is taken away by whoever started it. */
const lifetimeMs = 4 * 60 * 1000;

/** Boots a data plane with standby beside it; standby ends when the node has a configuration. */
export function bootDataPlane(options: DataPlaneOptions): void {
  const { world, name } = options;
  const machine = new Machine(world.timeline, name);
  const disk: Disk = { file: undefined };
  const told: Told = { status: undefined };
  const kong = new SimulatedKong({
    timeline: world.timeline,
    random: world.random,
    machine,
    disk,
    version: options.version,
    askControlPlane: () => askControlPlane(options),
    cacheAgeMs: options.cacheAgeMs,
    answersWithinMs: options.kongAnswersWithinMs,
    onLoaded(file) {
      // Which revision it should be after a refusal is not looked at.
      if (kong.refused.size === 0) {
        options.onLoaded(file, told.status);
      }
    },
  });
  const ending = new AbortController();
  machine.plan(lifetimeMs, 'is told to end', () => ending.abort());
  runStandby(
    {
      node: simulatedNode({ world, machine, kong, disk, ...watchSeeding(options, machine, kong) }),
      ...makeClient(options, machine, disk, told),
      log: (entry) => world.shown.push(JSON.stringify(entry)),
    },
    { policy: standbyPolicy, pollMs: 1_000, signal: ending.signal },
  )
    .then(
      (outcome) => world.count(`standby: ${outcome}`),
      (error: unknown) => {
        world.count('standby: failed');
        world.shown.push(String(error));
      },
    )
    .then(() => {
      if (kong.hash === noConfiguration && !kong.hasControlPlanes && kong.refused.size === 0) {
        options.onGivenUp(machine);
      }
    });
}

/** Fetches the published file, once, for a Kong that loads it when it starts. */
export function fetchFile({ spreadMs = 0, ...options }: FetchOptions): void {
  const { world, name, onLoaded } = options;
  const machine = new Machine(world.timeline, name);
  const disk: Disk = { file: undefined };
  const told: Told = { status: undefined };
  const pace = { spreadMs, patienceMs: 120_000, onThrottled: () => world.count('fetch: throttled') };
  fetchConfig(makeClient(options, machine, disk, told), pace).then(
    () => {
      world.count('fetch: stored');
      if (disk.file !== undefined) {
        onLoaded(disk.file, told.status);
      }
    },
    (error: unknown) => {
      world.count(`fetch: failed ${(error as { readonly code?: string }).code ?? 'other'}`);
      world.shown.push(String(error));
    },
  );
}

/** Where a data plane's file comes from. */
function makeClient(
  { world, unit, version, way }: ClientOptions,
  machine: Machine,
  disk: Disk,
  told: Told,
): FetchParts {
  const { clock } = machine;
  const unwatched = simulatedFetch(world, machine, {
    controlPlane: unit.name,
    lifetimeSeconds: 120,
    clock,
    bucket: world.bucket,
    findVersions: () => unit.versions,
    gateway: way?.gateway,
    observe: (text) => world.shown.push(text),
    noteStatus: (text) => {
      told.status = text;
    },
  });
  const fetch = way === undefined ? unwatched : way.watch(unwatched, machine);
  const { endpoints } = way ?? { endpoints: [new URL('https://api.example')] };
  const shared = { controlPlane: unit.name, kongVersion: version, clock, random: world.random, fetch };
  const grants = endpoints.map((endpoint) =>
    endpointGrantSource(
      {
        endpoint,
        authenticate: async () => ({
          by: 'iam',
          region: 'eu-central-1',
          credentials: { accessKeyId: 'AKIA', secretAccessKey: 'MARKED-SECRET-credentials' },
        }),
      },
      { ...shared, timeoutMs: 10_000 },
    ),
  );
  const files = vaultFileSource({
    ...shared,
    trusted: world.keys.own.map(({ verification }) => verification),
    output: '/var/lib/lifeboat/config.json',
    maxBytes: 2 ** 30,
    timeoutMs: 60_000,
    openOutput: simulatedOutput(world, machine, disk),
  });
  return { grants, files, clock, random: world.random };
}

function askControlPlane({ unit }: DataPlaneOptions): string | undefined {
  const answering = unit.controlPlane.answeringNode();
  const payload = answering === undefined ? undefined : findServed(answering);
  return payload === undefined ? undefined : hashContent(payload.content);
}

/** For a status that was read to be acted upon. */
const checkToSignalMs = 1_000;

/** What standby must not do to a Kong that takes its time, or has a control plane. */
function watchSeeding(
  { world, onUndue }: DataPlaneOptions,
  machine: Machine,
  kong: SimulatedKong,
): Pick<SimulatedNodeOptions, 'onGiven' | 'onSignalled'> {
  let newest: Manifest | undefined;
  return {
    onGiven(manifest) {
      if (newest !== undefined && manifest.revision < newest.revision && !kong.refused.has(newest.md5)) {
        onUndue(
          'Kong gets an older revision only when it has refused the newer one',
          `${machine.name} was given revision ${manifest.revision}, and has not refused ${newest.revision}`,
        );
      }
      newest = manifest.revision > (newest?.revision ?? 0) ? manifest : newest;
    },
    onSignalled() {
      const { connectedSinceMs } = kong;
      const isConnected =
        connectedSinceMs !== undefined && world.timeline.nowMs - connectedSinceMs > checkToSignalMs;
      // A call that came late has told what was true before.
      if (isConnected && machine.faultsMet === 0) {
        onUndue(
          'what a live control plane has sent is not replaced',
          `${machine.name} was told to load a file, and is connected to its control plane`,
        );
      }
    },
  };
}
