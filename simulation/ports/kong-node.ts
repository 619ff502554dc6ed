import { createHash } from 'node:crypto';
import { StandbyError } from '../../core/fetch/errors.ts';
import type { ObservedCache } from '../../core/standby/stale-cache.ts';
import { noConfiguration } from '../../core/standby/status.ts';
import type { WatchedNode } from '../../core/standby/watched-node.ts';
import { type CallWorld, makeCall, type PortCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import type { Disk } from './disk.ts';

/** A Kong data plane that standby watches. */
export interface KongNode {
  /** Whether its status API answers. */
  isAnswering: boolean;
  hash: string;
  /** Where the hash is that of a cache from before the node's start. */
  cache: ObservedCache | undefined;
  /** MD5 of files that it does not load. */
  readonly refusedMd5s: Set<string>;
  /** Told each file that the node loads. */
  readonly load: (file: Uint8Array) => void;
}

export function simulatedNode(world: CallWorld, machine: Machine, node: KongNode, disk: Disk): WatchedNode {
  const call = <Answer>(
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
  return {
    readConfigurationHash: (signal) =>
      call('kong.status', signal, () => {
        if (!node.isAnswering) {
          throw new StandbyError('kong', 'the status API does not answer');
        }
        return node.hash;
      }),
    isSurelyEmpty: () => call('kong.connection', undefined, () => true),
    findStaleCache: (hash) =>
      call('kong.cache', undefined, () => (node.cache?.hash === hash ? node.cache : undefined)),
    requireSeedable: () => call('kong.requireSeedable', undefined, () => undefined),
    seed: ({ md5 }, replaces, signal) =>
      call('kong.seed', signal, () => {
        if (node.hash !== (replaces?.hash ?? noConfiguration)) {
          return 'has a configuration';
        }
        const { file } = disk;
        if (file === undefined || createHash('md5').update(file).digest('hex') !== md5) {
          throw new StandbyError('verification', 'the file was changed after it was verified');
        }
        if (node.refusedMd5s.has(md5)) {
          throw new StandbyError('refused', 'Kong did not load the file');
        }
        node.hash = md5;
        node.cache = undefined;
        node.load(file);
        return 'seeded';
      }),
    describeMissingLicence: () => call('kong.licence', undefined, () => undefined),
    removeLeftover: () => call('kong.removeLeftover', undefined, () => undefined),
  };
}
