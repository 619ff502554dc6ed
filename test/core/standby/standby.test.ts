import { describe, expect, it } from '@jest/globals';
import type { ContentWish } from '../../../core/fetch/download.ts';
import { StandbyError, type StandbyErrorCode } from '../../../core/fetch/errors.ts';
import type { ReceivedGrant } from '../../../core/fetch/grant-request.ts';
import type { StandbyLogEntry } from '../../../core/standby/log.ts';
import type { StaleCache } from '../../../core/standby/stale-cache.ts';
import {
  runStandby,
  type StandbyOptions,
  type StandbyPorts,
  type StandbyReport,
} from '../../../core/standby/standby.ts';
import { noConfiguration } from '../../../core/standby/status.ts';
import type { Manifest } from '../../../core/vault/manifest.ts';
import { manifestOf } from '../../cli/published-file.ts';
import { MemoryVault } from '../fetch/memory-vault.ts';
import { MemoryNode } from './memory-node.ts';

const configured = 'f'.repeat(32);

/** A node and a vault in memory, whose steps are recorded. Time passes only while something sleeps. */
class World extends MemoryNode implements Omit<StandbyPorts, 'grants'> {
  nowMs = 70_000;
  readonly startMs = this.nowMs;
  readonly vault = new MemoryVault();
  readonly node = this;
  readonly reports: StandbyReport[] = [];
  readonly steps: string[] = [];
  readonly entries: StandbyLogEntry[] = [];
  readonly ending = new AbortController();
  /** Endpoints that do not answer, and what they do with their request's signal. */
  silent: Readonly<Record<number, (signal: AbortSignal) => void>> = {};
  /** What happens when a step begins. */
  on: Readonly<Record<string, () => void>> = {};
  /** What happens after so many milliseconds. */
  at: Readonly<Record<number, () => void>> = {};

  override async requireSeedable() {
    this.begin('check');
    await super.requireSeedable();
  }
  override async seed(manifest: Manifest, replaces: StaleCache | undefined, signal: AbortSignal) {
    this.begin(manifest.revision === this.vault.manifest.revision ? 'seed' : 'seed older');
    return super.seed(manifest, replaces, signal);
  }
  override async removeLeftover() {
    this.begin('remove leftover');
  }
  grants(count: number): StandbyPorts['grants'] {
    return Array.from({ length: count }, (_, endpoint) => ({
      name: `region ${endpoint}`,
      requestGrant: async (versionId, signal) => {
        this.begin(versionId === undefined ? `grant ${endpoint}` : `grant ${endpoint} of ${versionId}`);
        const keepSilent = signal === undefined ? undefined : this.silent[endpoint];
        if (keepSilent === undefined || signal === undefined) {
          return this.vault.requestGrant(versionId, signal);
        }
        keepSilent(signal);
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () =>
            reject(new StandbyError('unreachable', 'aborted', { cause: signal.reason })),
          );
        });
      },
    }));
  }
  readonly files = {
    download: async (grant: Pick<ReceivedGrant, 'url'>, content: ContentWish, signal?: AbortSignal) => {
      this.begin(content.wantedSha256 === undefined ? 'download' : 'download older');
      return this.vault.download(grant, content, signal);
    },
  };
  readonly clock = {
    monotonicMs: () => this.nowMs,
    sleep: async (milliseconds: number, signal?: AbortSignal) => {
      // What is answered at once comes before.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      const before = this.nowMs - this.startMs;
      this.nowMs += milliseconds;
      for (const [time, happen] of Object.entries(this.at)) {
        if (before < Number(time) && Number(time) <= before + milliseconds) {
          happen();
        }
      }
    },
  };
  readonly random = { next: () => 0.5 };
  readonly log = (entry: StandbyLogEntry) => {
    this.entries.push(entry);
  };
  readonly report = (report: StandbyReport) => {
    this.reports.push(report);
  };

  get elapsedMs() {
    return this.nowMs - this.startMs;
  }
  count(step: string): number {
    return this.steps.filter((each) => each === step).length;
  }
  failures(): readonly string[] {
    return this.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }
  private begin(step: string): void {
    this.steps.push(step);
    this.on[step]?.();
  }
}

function error(code: StandbyErrorCode, message: string): StandbyError {
  return new StandbyError(code, message);
}

function fail(code: StandbyErrorCode, message: string = code): () => never {
  return () => {
    throw error(code, message);
  };
}

function run(
  world: World,
  {
    endpoints = 1,
    once,
    spreadMs = 0,
  }: { endpoints?: number; once?: StandbyOptions['once']; spreadMs?: number } = {},
) {
  const { node, files, clock, random, log, report } = world;
  const ports = { node, grants: world.grants(endpoints), files, clock, random, log, report };
  return runStandby(ports, {
    policy: {
      afterMs: 5_000,
      spreadMs,
      firstPauseMs: 1_000,
      longestPauseMs: 30_000,
      fastForMs: 300_000,
      slowPauseMs: 60_000,
    },
    pollMs: 250,
    once,
    signal: world.ending.signal,
  });
}

const wholeWay = ['check', 'grant 0', 'download', 'seed'];

describe('a file that is older than its status says', () => {
  it('is not given to the node, and is asked for again soon', async () => {
    const world = new World();
    world.vault.notedRevision = 8;
    world.at = {
      6000: () => {
        world.vault.notedRevision = 7;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.steps).toEqual(['check', 'grant 0', 'download', ...wholeWay]);
    expect(world.failures()).toEqual([expect.stringContaining('returned revision 7')]);
  });

  it('is taken, with a warning, from an endpoint after one that does not answer', async () => {
    const world = new World();
    world.vault.notedRevision = 8;
    world.on = { 'grant 0': fail('unreachable') };

    const outcome = await run(world, { endpoints: 2 });

    expect(outcome).toBe('seeded');
    expect(world.entries.map(({ event }) => event)).toEqual([
      'waiting',
      'asking',
      'failed',
      'unverified',
      'verified',
      'seeded',
    ]);
  });

  it('is taken from no endpoint after one that has answered with it', async () => {
    const world = new World();
    world.vault.notedRevision = 8;
    world.at = { 20000: () => world.ending.abort() };

    const outcome = await run(world, { endpoints: 2 });

    expect(outcome).toBe('ended');
    expect(world.count('seed')).toBe(0);
    expect(world.count('grant 1')).toBeGreaterThan(0);
  });
});

describe('an empty node', () => {
  it('is seeded after five seconds', async () => {
    const world = new World();

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.elapsedMs).toBe(5_000);
    expect(world.steps).toEqual(wholeWay);
    expect(world.entries.map(({ event }) => event)).toEqual(['waiting', 'asking', 'verified', 'seeded']);
    expect(world.entries[2]).toMatchObject({ verifiedAt: '2026-11-23T00:05:00.000Z' });
  });

  it('has its seconds from the first answer of its status API on', async () => {
    const world = new World();
    world.hash = error('kong', 'no answer');
    world.at = {
      20000: () => {
        world.hash = noConfiguration;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.elapsedMs).toBe(25_000);
    expect(world.entries[0]).toMatchObject({ event: 'waiting', message: 'no answer' });
  });

  it.each([
    ['at once', {}, 0, []],
    ['in time', { at: 4_999 }, 5_000, []],
    ['before the grant', { on: 'check' }, 5_000, ['check', 'grant 0']],
    ['while a grant is asked for', { on: 'grant 0' }, 5_000, wholeWay.slice(0, 2)],
    ['during the download', { on: 'download' }, 5_000, wholeWay.slice(0, 3)],
    ['as it is seeded', { on: 'seed' }, 5_000, wholeWay],
  ])(
    'gets nothing of ours when its control plane delivers %s',
    async (_when, {
      at,
      on,
    }: {
      at?: number;
      on?: string;
    }, elapsedMs, steps) => {
      const world = new World();
      const deliver = () => {
        world.hash = configured;
      };
      if (at !== undefined) {
        world.at = { [at]: deliver };
      } else if (on !== undefined) {
        world.on = { [on]: deliver };
      } else {
        deliver();
      }

      const outcome = await run(world);

      expect(outcome).toBe('has a configuration');
      expect(world.hash).toBe(configured);
      expect(world.steps).toEqual([...steps, 'remove leftover']);
      expect(world.elapsedMs).toBe(elapsedMs);
    },
  );

  it('gets nothing of ours when its control plane delivers between two tries', async () => {
    const world = new World();
    world.on = { 'grant 0': fail('unreachable') };
    world.at = {
      60000: () => {
        world.hash = configured;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.steps).not.toContain('download');
  });
});

describe('a Kong that is started again while it loads the file', () => {
  it('gets the same one once it has had its seconds, and no older one', async () => {
    const world = new World();
    world.interruptions = 2;

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.steps).toEqual([...wholeWay, 'seed', 'seed']);
    expect(world.elapsedMs).toBe(15_000);
    expect(world.entries.map(({ event }) => event)).toEqual([
      'waiting',
      'asking',
      'verified',
      'waiting',
      'seeded',
    ]);
    expect(world.entries[3]?.message).toContain('beginning again with it');
  });

  it('gets the newest one when it comes back after minutes', async () => {
    const world = new World();
    world.interruptions = 1;
    world.on = {
      seed: () => {
        world.on = {};
        world.hash = error('kong', 'no answer');
      },
    };
    world.at = {
      400000: () => {
        world.hash = noConfiguration;
      },
    };

    // It is interrupted by going away.
    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.steps).toEqual([...wholeWay, ...wholeWay]);
  });

  it('is left what its control plane delivers meanwhile', async () => {
    const world = new World();
    world.interruptions = 1;
    world.at = {
      7000: () => {
        world.hash = configured;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.steps).toEqual([...wholeWay, 'remove leftover']);
  });

  it('fails no single try', async () => {
    const world = new World();
    world.interruptions = 1;

    expect(await run(world, { once: { silentLimitMs: 60_000 } })).toBe('seeded');
  });
});

describe('a node whose emptiness may be the first version of its control plane', () => {
  it('is left alone while it is connected, and has its seconds when the connection is gone', async () => {
    const world = new World();
    world.isConnected = true;
    world.at = {
      100000: () => {
        world.isConnected = false;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.elapsedMs).toBe(105_000);
    expect(world.entries[0]).toMatchObject({
      event: 'waiting',
      message: expect.stringContaining('cluster_incremental_sync'),
    });
  });

  it('is not seeded when it connects during the download', async () => {
    const world = new World();
    world.on = {
      download: () => {
        world.isConnected = true;
      },
    };
    world.at = {
      100000: () => {
        world.hash = configured;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.steps).not.toContain('seed');
  });

  it('ends a single try after a minute, as one that has a configuration', async () => {
    const world = new World();
    world.isConnected = true;

    expect(await run(world, { once: { silentLimitMs: 60_000 } })).toBe('has a configuration');
    expect(world.elapsedMs).toBe(60_000);
  });
});

describe('a vault that is away', () => {
  it('for ten minutes is asked soon at first, then slowly, and logged once', async () => {
    const world = new World();
    world.on = { 'grant 0': fail('unreachable', 'the grant endpoint did not answer') };
    let inFastTime = 0;
    world.at = {
      305000: () => {
        inFastTime = world.count('grant 0');
      },
      600000: () => {
        world.on = {};
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(inFastTime).toBe(23);
    expect(world.count('grant 0') - inFastTime).toBe(6);
    expect(world.failures()).toEqual(['the grant endpoint did not answer']);
    expect(world.entries.find(({ event }) => event === 'failed')).toMatchObject({
      code: 'unreachable',
      nextTryInSeconds: 1,
    });
  });

  it('is logged again when it fails otherwise', async () => {
    const world = new World();
    world.on = { 'grant 0': fail('unreachable', 'one') };
    world.at = {
      60000: () => {
        world.on = { 'grant 0': fail('unreachable', 'two') };
      },
      120000: () => {
        world.on = {};
      },
    };

    await run(world);

    expect(world.failures()).toEqual(['one', 'two']);
  });

  it('in one region leaves the next one, with a new grant', async () => {
    const world = new World();
    world.on = { 'grant 0': fail('unreachable') };

    const outcome = await run(world, { endpoints: 2 });

    expect(outcome).toBe('seeded');
    expect(world.steps).toEqual(['check', 'grant 0', 'grant 1', 'download', 'seed']);
    expect(world.elapsedMs).toBe(5_000);
  });

  it.each<[string, () => void, readonly string[]]>([
    ['gives no file', fail('no-file'), ['check', 'grant 0']],
    ['gives a URL that leads nowhere', () => undefined, ['check', 'grant 0', 'download', 'check']],
  ])(
    'in one region, which %s, is left for the next one before any pause',
    async (_what, ofFirst, stepsInFirst) => {
      const world = new World();
      world.on = {
        'grant 0': ofFirst,
        download: () => {
          if (world.steps.includes('grant 0') && !world.steps.includes('grant 1')) {
            fail('unreachable')();
          }
        },
      };

      const outcome = await run(world, { endpoints: 2 });

      expect(outcome).toBe('seeded');
      expect(world.steps).toEqual([...stepsInFirst, 'grant 1', 'download', 'seed']);
      expect(world.elapsedMs).toBe(5_000);
      expect(world.entries.find(({ event }) => event === 'verified')).toMatchObject({
        endpoint: 'region 1',
        message: expect.stringContaining('is verified; it is from region 1'),
      });
    },
  );

  it('starts over with a new grant when the download fails', async () => {
    const world = new World();
    world.on = {
      download: () => {
        if (world.count('download') === 1) {
          fail('unreachable')();
        }
      },
    };

    await run(world);

    expect(world.steps).toEqual([...wholeWay.slice(0, 3), ...wholeWay]);
  });

  it('with a file that cannot be trusted is asked slowly', async () => {
    const world = new World();
    world.on = { download: fail('verification', 'not signed') };
    world.at = {
      300000: () => {
        world.on = {};
      },
    };

    await run(world);

    expect(world.count('download')).toBe(6);
    expect(world.failures()).toEqual(['not signed']);
  });
});

describe('an endpoint that is silent', () => {
  it('is left for the next one after two seconds, and its request is aborted', async () => {
    const world = new World();
    const aborted: unknown[] = [];
    world.silent = { 0: (signal) => signal.addEventListener('abort', () => aborted.push('0')) };

    const outcome = await run(world, { endpoints: 2 });

    expect(outcome).toBe('seeded');
    expect(world.steps).toEqual(['check', 'grant 0', 'grant 1', 'download', 'seed']);
    expect(world.elapsedMs).toBe(7_000);
    expect(aborted).toEqual(['0']);
    expect(world.entries.map(({ event, message }) => [event, message])).toContainEqual([
      'asking',
      'no endpoint has answered for 2 s: requesting the configuration from the next one as well',
    ]);
  });

  it('is asked again where the file of the next one is of no use', async () => {
    const world = new World();
    world.silent = { 0: () => undefined };
    world.on = {
      download: () => {
        if (world.count('download') === 1) {
          world.silent = {};
          fail('verification', 'not signed')();
        }
      },
    };

    const outcome = await run(world, { endpoints: 2 });

    expect(outcome).toBe('seeded');
    expect(world.steps).toEqual([
      ...['check', 'grant 0', 'grant 1', 'download'],
      ...['check', 'grant 0', 'download', 'seed'],
    ]);
    expect(world.elapsedMs).toBe(7_000);
  });
});

describe('an endpoint that throttles', () => {
  it('is left alone for as long as it asks, and some more', async () => {
    const world = new World();
    world.on = {
      'grant 0': () => {
        if (world.count('grant 0') === 1) {
          throw new StandbyError('unreachable', 'too many', { throttling: { retryAfterMs: 10_000 } });
        }
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    // Half of the two seconds of the first pause.
    expect(world.elapsedMs).toBe(5_000 + 10_000 + 1_000);
    expect(world.entries.find(({ event }) => event === 'failed')).toMatchObject({ nextTryInSeconds: 11 });
  });
});

it('waits by chance before the first try, and says how long', async () => {
  const world = new World();

  await run(world, { spreadMs: 3_000 });

  expect(world.elapsedMs).toBe(6_500);
  expect(world.entries[0]?.message).toContain('waiting 6.5 s for its control plane');
});

describe('a node that cannot be seeded', () => {
  it('asks for no grant', async () => {
    const world = new World();
    world.on = { check: fail('kong', 'has a declarative_config that Lifeboat did not write') };
    world.at = { 600000: () => world.ending.abort() };

    const outcome = await run(world);

    expect(outcome).toBe('ended');
    expect(world.steps).not.toContain('grant 0');
    expect(world.failures()).toEqual(['has a declarative_config that Lifeboat did not write']);
  });
});

describe('a file that Kong refuses', () => {
  it('is not given to it again, but the next revision is', async () => {
    const world = new World();
    world.on = { seed: fail('refused', 'Kong did not load it') };
    world.at = {
      300000: () => {
        world.on = {};
        world.vault.manifest = manifestOf({ revision: 8, sha256: '8'.repeat(64) });
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.count('seed')).toBe(2);
    expect(world.failures()).toEqual(['Kong did not load it', 'the vault still has revision 7']);
    expect(world.entries.flatMap(({ revision }) => revision ?? [])).toEqual([7, 8]);
  });
});

describe('the revision before a refused one', () => {
  const older = manifestOf({ revision: 6, sha256: '6'.repeat(64), md5: '6'.repeat(32) });
  const refusedOnce = (world: World) => ({
    seed: () => {
      if (world.count('seed') === 1) {
        fail('refused', 'Kong did not load it')();
      }
    },
  });

  function refusingWorld(): World {
    const world = new World();
    world.vault.manifest = manifestOf({ previousSha256: older.sha256, previousVersionId: 'v6' });
    world.vault.older = older;
    world.on = refusedOnce(world);
    return world;
  }

  it('is loaded at once', async () => {
    const world = refusingWorld();

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.hash).toBe(older.md5);
    expect(world.elapsedMs).toBe(5_000);
    expect(world.steps).toEqual([...wholeWay, 'check', 'grant 0 of v6', 'download older', 'seed older']);
    expect(world.entries.map(({ event, revision }) => [event, revision])).toEqual([
      ['waiting', undefined],
      ['asking', undefined],
      ['verified', 7],
      ['failed', undefined],
      ['asking', undefined],
      ['verified', 6],
      ['seeded', undefined],
    ]);
  });

  it.each<readonly [string, (world: World) => void, number]>([
    ['Kong refuses it too', (world) => Object.assign(world.on, { 'seed older': fail('refused') }), 1],
    ['the vault has it no more', (world) => Object.assign(world.vault, { older: undefined }), 1],
    ['it is not the one', (world) => Object.assign(world.on, { 'download older': fail('verification') }), 1],
  ])('is tried once when %s, and the next revision is waited for', async (_what, spoil, tries) => {
    const world = refusingWorld();
    spoil(world);
    world.at = {
      600000: () => {
        world.vault.manifest = manifestOf({ revision: 8, sha256: '8'.repeat(64) });
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.hash).toBe(world.vault.manifest.md5);
    expect(world.count('grant 0 of v6')).toBe(tries);
    expect(world.count('seed older')).toBeLessThanOrEqual(1);
  });

  it('is tried again when nobody answered for it', async () => {
    const world = refusingWorld();
    world.on = { ...world.on, 'grant 0 of v6': fail('unreachable') };
    world.at = {
      60000: () => {
        world.on = refusedOnce(world);
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.hash).toBe(older.md5);
    expect(world.failures().filter((message) => message === 'unreachable')).toHaveLength(1);
  });

  it('is still loaded when the reload after the refusal is not answered for a moment', async () => {
    const world = refusingWorld();
    let unanswered = 1;
    const answer = world.readConfigurationHash.bind(world);
    world.readConfigurationHash = async (signal) => {
      if (world.count('seed') === 1 && unanswered-- > 0) {
        throw error('kong', 'no answer');
      }
      return answer(signal);
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.hash).toBe(older.md5);
    expect(world.count('seed')).toBe(1);
  });

  it('is not looked for where the manifest names none', async () => {
    const world = refusingWorld();
    world.vault.manifest = manifestOf({ previousSha256: older.sha256 });
    world.at = { 600000: () => world.ending.abort() };

    await run(world);

    expect(world.steps.filter((step) => step.includes(' of '))).toEqual([]);
  });

  it('is not given to Kong when that has refused it before', async () => {
    const world = refusingWorld();
    world.on = { seed: fail('refused') };
    world.vault.older = undefined;
    const first = world.vault.manifest;
    world.at = {
      60000: () => {
        world.vault.manifest = manifestOf({
          revision: 8,
          sha256: '8'.repeat(64),
          previousSha256: first.sha256,
          previousVersionId: 'v7',
        });
      },
      600000: () => world.ending.abort(),
    };

    await run(world);

    expect(world.count('seed')).toBe(2);
    expect(world.steps).not.toContain('grant 0 of v7');
  });

  it('is part of a single try', async () => {
    const world = refusingWorld();
    world.on = { ...world.on, 'seed older': fail('refused', 'nor that one') };

    await expect(run(world, { once: { silentLimitMs: 60_000 } })).rejects.toThrow('nor that one');

    expect(world.elapsedMs).toBe(5_000);
  });
});

describe('a node with an old cache', () => {
  const old = { hash: 'a'.repeat(32), writtenMs: Date.parse('2026-11-01T00:00:00.000Z') };

  function worldWithCache(isSilent = true): World {
    const world = new World();
    world.hash = old.hash;
    world.cache = { ...old, isSilent };
    return world;
  }

  it('is seeded when its control plane is silent for five seconds', async () => {
    const world = worldWithCache();

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.hash).toBe(world.vault.manifest.md5);
    expect(world.elapsedMs).toBe(5_000);
    expect(world.entries.map(({ event }) => event)).toEqual(['waiting', 'asking', 'verified', 'seeded']);
    expect(world.entries[0]?.message).toContain('2026-11-01T00:00:00.000Z');
  });

  it.each([
    ['at 4,999 ms', { at: 4_999 }, []],
    ['while a grant is asked for', { on: 'grant 0' }, wholeWay.slice(0, 2)],
    ['during the download', { on: 'download' }, wholeWay.slice(0, 3)],
    ['as it is seeded', { on: 'seed' }, wholeWay],
  ])(
    'keeps what its control plane delivers %s',
    async (_when, { at, on }: { at?: number; on?: string }, steps) => {
      const world = worldWithCache();
      const deliver = () => {
        world.hash = configured;
        world.cache = undefined;
      };
      world.at = at === undefined ? {} : { [at]: deliver };
      world.on = on === undefined ? {} : { [on]: deliver };

      const outcome = await run(world);

      expect(outcome).toBe('has a configuration');
      expect(world.hash).toBe(configured);
      expect(world.steps).toEqual([...steps, 'remove leftover']);
    },
  );

  it.each<readonly [string, (world: World) => void]>([
    [
      'its time',
      (world) => Object.assign(world, { cache: { ...old, writtenMs: old.writtenMs + 1, isSilent: true } }),
    ],
    ['its hash', (world) => Object.assign(world, { cache: { ...old, hash: configured, isSilent: true } })],
  ])('keeps a cache that changes %s meanwhile, however old it looks', async (_what, change) => {
    const world = worldWithCache();
    world.at = { 3000: () => change(world) };

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.steps).toEqual(['remove leftover']);
  });

  it('keeps it when Kong is connected to its control plane after five seconds', async () => {
    const world = worldWithCache(false);

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.elapsedMs).toBe(5_000);
    expect(world.steps).toEqual(['remove leftover']);
    expect(world.entries.at(-1)?.message).toContain('connected to its control plane');
  });

  it('keeps it when Kong connects between two steps', async () => {
    const world = worldWithCache();
    world.on = {
      download: () => {
        world.cache = { ...old, isSilent: false };
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.steps).not.toContain('seed');
  });

  it.each<readonly [string, Partial<Manifest>, boolean]>([
    [
      'exported a millisecond after it',
      { exportedAt: new Date(old.writtenMs + 1), builtAt: new Date(old.writtenMs + 1) },
      true,
    ],
    [
      'exported as it was written',
      { exportedAt: new Date(old.writtenMs), builtAt: new Date(old.writtenMs + 1) },
      false,
    ],
    ['built before it, and exported after', { builtAt: new Date(old.writtenMs) }, false],
    ['of the same configuration', { configHash: old.hash }, false],
    ['that it was seeded with', { md5: old.hash }, false],
  ])('and a file %s: replaced is %s', async (_what, changed, isReplaced) => {
    const world = worldWithCache();
    world.vault.manifest = manifestOf(changed);

    const outcome = await run(world);

    expect(outcome).toBe(isReplaced ? 'seeded' : 'has a configuration');
    expect(world.steps.includes('seed')).toBe(isReplaced);
  });

  it('has its seconds again when Kong was away, or had nothing at first', async () => {
    const world = worldWithCache();
    world.hash = noConfiguration;
    world.at = {
      3000: () => {
        world.hash = old.hash;
      },
      7000: () => {
        world.hash = error('kong', 'no answer');
      },
      8000: () => {
        world.hash = old.hash;
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.elapsedMs).toBe(13_000);
  });

  it('keeps it after a refusal, and gets the revision before if that is newer', async () => {
    const world = worldWithCache();
    const older = manifestOf({ revision: 6, sha256: '6'.repeat(64), md5: '6'.repeat(32) });
    world.vault.manifest = manifestOf({ previousSha256: older.sha256, previousVersionId: 'v6' });
    world.vault.older = { ...older, builtAt: new Date(old.writtenMs) };
    world.on = { seed: fail('refused') };

    const outcome = await run(world);

    expect(outcome).toBe('has a configuration');
    expect(world.hash).toBe(old.hash);
    expect(world.steps.slice(-3)).toEqual(['grant 0 of v6', 'download older', 'remove leftover']);
  });
});

it('warns of a missing licence before it seeds', async () => {
  const world = new World();
  world.licenceWarning = 'no licence was found on this node';

  await run(world);

  expect(world.entries.map(({ level, event }) => [level, event]).slice(-3)).toEqual([
    ['info', 'verified'],
    ['warn', 'licence-missing'],
    ['info', 'seeded'],
  ]);
});

it('reports what it does', async () => {
  const world = new World();

  await run(world);

  const states = world.reports.map(({ state, revision }) => `${state} ${revision ?? '-'}`);
  expect([...new Set(states)]).toEqual(['waiting -', 'granting -', 'downloading -', 'seeding 7', 'done 7']);
});

describe('a single try', () => {
  const once = { silentLimitMs: 60_000 };

  it('ends as any other when it succeeds', async () => {
    expect(await run(new World(), { once })).toBe('seeded');
  });

  it('throws what the last endpoint said', async () => {
    const world = new World();
    world.on = { 'grant 0': fail('denied'), 'grant 1': fail('no-file') };

    await expect(run(world, { once, endpoints: 2 })).rejects.toMatchObject({ code: 'no-file' });

    expect(world.elapsedMs).toBe(5_000);
    // What is thrown its caller says.
    expect(world.failures()).toEqual(['denied']);
  });

  it('waits a minute for the status API', async () => {
    const world = new World();
    world.hash = error('kong', 'no answer');

    await expect(run(world, { once })).rejects.toThrow('no answer');

    expect(world.elapsedMs).toBe(60_000);
    expect(world.entries.map(({ message }) => message)).toEqual([
      'Kong’s status API does not answer yet: waiting for it up to 60 s',
    ]);
  });
});

describe('the end by a signal', () => {
  it.each(['check', 'grant 0', 'download', 'seed'])('comes in the middle of: %s', async (step) => {
    const world = new World();
    world.on = {
      [step]: () => {
        world.ending.abort();
        throw new StandbyError('unreachable', 'aborted', { cause: world.ending.signal.reason });
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('ended');
    expect(world.steps.at(-1)).toBe(step);
    expect(world.failures()).toEqual([]);
  });

  it('still says what could not be undone', async () => {
    const world = new World();
    world.on = {
      seed: () => {
        world.ending.abort();
        throw error('kong', 'the line is left');
      },
    };

    await run(world);

    expect(world.failures()).toEqual(['the line is left']);
  });
});

it('never logs the URL of a grant', async () => {
  const world = new World();
  world.on = { seed: fail('refused') };
  world.at = { 600000: () => world.ending.abort() };

  await run(world);

  expect(JSON.stringify(world.entries)).not.toContain('vault.example');
});
