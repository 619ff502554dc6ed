import { defaultBackoff } from '../../core/fetch/backoff.ts';
import { vaultFileSource } from '../../core/fetch/download.ts';
import { type FetchParts, fetchConfig } from '../../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../../core/fetch/grant-source.ts';
import type { Fetch } from '../../core/fetch/http-client.ts';
import { runStandby } from '../../core/standby/standby.ts';
import { noConfiguration } from '../../core/standby/status.ts';
import { Machine } from '../engine/machine.ts';
import { type Disk, simulatedOutput } from '../ports/disk.ts';
import { type Gateway, simulatedFetch } from '../ports/http.ts';
import { type KongNode, simulatedNode } from '../ports/kong-node.ts';
import { findServed, hashContent } from './control-plane.ts';
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
const reconnectMs = 5_000;
/** A node that has nothing by then is taken away by whoever started it. */
const lifetimeMs = 4 * 60 * 1000;

/** Boots a data plane with standby beside it; standby ends when the node has a configuration. */
export function bootDataPlane(options: DataPlaneOptions): void {
  const { world, name } = options;
  const machine = new Machine(world.timeline, name);
  const disk: Disk = { file: undefined };
  const told: Told = { status: undefined };
  const node: KongNode = {
    isAnswering: false,
    hash: noConfiguration,
    cache: undefined,
    refusedMd5s: new Set(),
    load: (file) => options.onLoaded(file, told.status),
  };
  startKong(options, machine, node);
  const ending = new AbortController();
  machine.plan(lifetimeMs, 'is told to end', () => ending.abort());
  runStandby(
    {
      node: simulatedNode(world, machine, node, disk),
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
      if (node.hash === noConfiguration) {
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

/** Kong starts, perhaps with a cache, and tries its control plane every 5 s from then on. */
function startKong(
  { world, unit, cacheAgeMs, kongAnswersWithinMs }: DataPlaneOptions,
  machine: Machine,
  node: KongNode,
): void {
  const [least, most] = kongAnswersWithinMs === undefined ? [500, 3_000] : [0, kongAnswersWithinMs];
  machine.plan(world.random.pickNumber(least, most), 'Kong answers', () => {
    node.isAnswering = true;
    if (cacheAgeMs !== undefined) {
      node.hash = 'c'.repeat(32);
      const writtenMs = world.timeline.nowMs - cacheAgeMs;
      node.cache = { hash: node.hash, writtenMs, isSilent: true };
    }
    const connect = () => {
      const answering = unit.controlPlane.answeringNode();
      const payload = answering === undefined ? undefined : findServed(answering);
      if (payload === undefined) {
        machine.plan(reconnectMs, 'Kong tries its control plane', connect);
      } else {
        node.hash = hashContent(payload.content);
        node.cache = undefined;
      }
    };
    machine.plan(world.random.pickNumber(100, 2_000), 'Kong tries its control plane', connect);
  });
}
