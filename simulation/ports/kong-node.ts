import { createHash } from 'node:crypto';
import { StandbyError } from '../../core/fetch/errors.ts';
import type { SeededKong } from '../../core/standby/seed-ports.ts';
import { seedThrough } from '../../core/standby/seeding.ts';
import type { WatchedNode } from '../../core/standby/watched-node.ts';
import type { Manifest } from '../../core/vault/manifest.ts';
import { type CallWorld, makeCall, type PortCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import type { SimulatedKong } from '../world/kong.ts';
import type { Disk } from './disk.ts';

export interface SimulatedNodeOptions {
  readonly world: CallWorld;
  readonly machine: Machine;
  readonly kong: SimulatedKong;
  readonly disk: Disk;
  /** Told each file that Kong is to be given. */
  readonly onGiven: (manifest: Manifest) => void;
  /** Told that Kong is signalled to load a file. */
  readonly onSignalled: () => void;
}

/** As `lifeboat standby` has it, though slower, for the sake of fewer events. */
const pollMs = 1_000;
const restMs = 2_000;
const loadTimeoutMs = 20_000;

/** A simulated Kong, seeded by the shipped code. */
export function simulatedNode(options: SimulatedNodeOptions): WatchedNode {
  const { machine, kong, onGiven } = options;
  const call = callsOf(options);
  return {
    readConfigurationHash: (signal) => readHash(options, signal),
    isSurelyEmpty: () => call('kong.connection', undefined, () => isSurelyEmpty(kong)),
    findStaleCache: (hash) =>
      call('kong.cache', undefined, () => (kong.cache?.hash === hash ? kong.cache : undefined)),
    requireSeedable: () => call('kong.requireSeedable', undefined, () => undefined),
    seed(manifest, replaces, signal) {
      const { md5 } = manifest;
      onGiven(manifest);
      return seedThrough(seededKong(options, md5), {
        ...{ prefix: '/kong', file: '/kong/lifeboat-config.json', md5, replaces },
        ...{ clock: machine.clock, pollMs, restMs, timeoutMs: loadTimeoutMs, signal },
      });
    },
    describeMissingLicence: () => call('kong.licence', undefined, () => undefined),
    removeLeftover: () =>
      call('kong.removeLeftover', undefined, () => {
        kong.hasLine = false;
      }),
  };
}

function seededKong(options: SimulatedNodeOptions, md5: string): SeededKong {
  const { machine, kong, disk, onSignalled } = options;
  const call = callsOf(options);
  const onLine = <Answer>(perform: () => Answer) => call('kong.line', undefined, perform);
  return {
    status: {
      readHash: (signal) => readHash(options, signal),
      isSurelyEmpty: () => call('kong.connection', undefined, () => isSurelyEmpty(kong)),
      isUnchanged: (cache, hash) =>
        call('kong.cache', undefined, () => hash === cache.hash && kong.cache !== undefined),
    },
    line: {
      add: () =>
        onLine(() => {
          kong.hasLine = true;
        }),
      isThere: () => onLine(() => kong.hasLine),
      remove: () =>
        onLine(() => {
          kong.hasLine = false;
        }),
      refuseUsersOwn: async () => undefined,
    },
    processes: {
      findMaster: () => call('kong.processes', undefined, () => kong.master),
      reload({ pid }) {
        if (kong.hasLine) {
          onSignalled();
        }
        machine.plan(1, 'SIGHUP', () => kong.reload(pid));
      },
      look: ({ pid }) => call('kong.processes', undefined, () => kong.look(pid)),
    },
    requireContent: () =>
      call('kong.content', undefined, () => {
        const { file } = disk;
        if (file === undefined || createHash('md5').update(file).digest('hex') !== md5) {
          throw new StandbyError('verification', 'the file was changed after it was verified');
        }
      }),
  };
}

function readHash(options: SimulatedNodeOptions, signal: AbortSignal | undefined): Promise<string> {
  const { kong } = options;
  return callsOf(options)('kong.status', signal, () => {
    if (!kong.isAnswering) {
      throw new StandbyError('kong', 'the status API does not answer');
    }
    return kong.hash;
  });
}

function isSurelyEmpty({ isIncremental, connectedSinceMs }: SimulatedKong): boolean {
  return !isIncremental || connectedSinceMs === undefined;
}

function callsOf({ world, machine }: SimulatedNodeOptions) {
  return <Answer>(
    name: PortCall<Answer>['name'],
    signal: AbortSignal | undefined,
    perform: () => Answer,
  ): Promise<Answer> =>
    makeCall(world, machine, {
      name,
      perform,
      fail: () => new StandbyError('kong', `${name} failed`),
      signal,
      aborted: () => new StandbyError('kong', `${name} was given up`, { cause: signal?.reason }),
    });
}
