import { describe, expect, it } from '@jest/globals';
import { StandbyError, type StandbyErrorCode } from '../../../core/standby/errors.ts';
import {
  type StandbyLogEntry,
  type StandbyOptions,
  type StandbyPorts,
  standby,
} from '../../../core/standby/standby.ts';
import { noConfiguration } from '../../../core/standby/status.ts';
import { manifestOf } from '../../cli/published-file.ts';

const secretUrl = 'https://vault.example/config.json?X-Amz-Signature=5ec2e7';
const grant = {
  url: secretUrl,
  method: 'GET',
  expiresAt: '2026-11-23T00:02:00.000Z',
  controlPlane: 'prod',
  kongVersion: '3.9.1',
} as const;
const configured = 'f'.repeat(32);

/** A node and a vault in memory. Time passes only while something sleeps. */
class World implements StandbyPorts {
  nowMs = 70_000;
  readonly startMs = this.nowMs;
  hash: string | Error = noConfiguration;
  manifest = manifestOf();
  readonly steps: string[] = [];
  readonly entries: StandbyLogEntry[] = [];
  readonly ending = new AbortController();
  /** What happens when a step begins. */
  on: Readonly<Record<string, () => void>> = {};
  /** What happens after so many milliseconds. */
  at: Readonly<Record<number, () => void>> = {};

  async configurationHash(): Promise<string> {
    if (this.hash instanceof Error) {
      throw this.hash;
    }
    return this.hash;
  }
  async requireSeedable() {
    this.begin('check');
  }
  async requestGrant(endpoint: number) {
    this.begin(`grant ${endpoint}`);
    return grant;
  }
  async download(_grant: unknown, refusedSha256: string | undefined) {
    this.begin('download');
    if (refusedSha256 === this.manifest.sha256) {
      throw error('refused', 'the vault has still revision 7');
    }
    return this.manifest;
  }
  async seed() {
    this.begin('seed');
    if (this.hash === noConfiguration) {
      this.hash = this.manifest.md5;
      return 'seeded' as const;
    }
    return 'has a configuration' as const;
  }
  async removeLeftover() {
    this.begin('remove leftover');
  }
  monotonicMs() {
    return this.nowMs;
  }
  random() {
    return 0.5;
  }
  async sleep(milliseconds: number) {
    const before = this.nowMs - this.startMs;
    this.nowMs += milliseconds;
    for (const [time, happen] of Object.entries(this.at)) {
      if (before < Number(time) && Number(time) <= before + milliseconds) {
        happen();
      }
    }
  }
  log(entry: StandbyLogEntry) {
    this.entries.push(entry);
  }

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
  { endpoints = 1, once }: { endpoints?: number; once?: StandbyOptions['once'] } = {},
) {
  return standby(world, {
    policy: {
      afterMs: 5_000,
      endpoints,
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

describe('an empty node', () => {
  it('is seeded after five seconds', async () => {
    const world = new World();

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.elapsedMs).toBe(5_000);
    expect(world.steps).toEqual(wholeWay);
    expect(world.entries.map(({ event }) => event)).toEqual(['waiting', 'asking', 'verified', 'seeded']);
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
    expect(world.steps).toEqual(['check', 'grant 0', 'check', 'grant 1', 'download', 'seed']);
    expect(world.elapsedMs).toBe(5_000);
  });

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

describe('a node that cannot be seeded', () => {
  it('asks for no grant', async () => {
    const world = new World();
    world.on = { check: fail('kong', 'has a declarative_config of your own') };
    world.at = { 600000: () => world.ending.abort() };

    const outcome = await run(world);

    expect(outcome).toBe('ended');
    expect(world.steps).not.toContain('grant 0');
    expect(world.failures()).toEqual(['has a declarative_config of your own']);
  });
});

describe('a file that Kong refuses', () => {
  it('is not given to it again, but the next revision is', async () => {
    const world = new World();
    world.on = { seed: fail('refused', 'Kong did not load it') };
    world.at = {
      300000: () => {
        world.on = {};
        world.manifest = manifestOf({ revision: 8, sha256: '8'.repeat(64) });
      },
    };

    const outcome = await run(world);

    expect(outcome).toBe('seeded');
    expect(world.count('seed')).toBe(2);
    expect(world.failures()).toEqual(['Kong did not load it', 'the vault has still revision 7']);
    expect(world.entries.flatMap(({ revision }) => revision ?? [])).toEqual([7, 8]);
  });
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
  });

  it('waits a minute for the status API', async () => {
    const world = new World();
    world.hash = error('kong', 'no answer');

    await expect(run(world, { once })).rejects.toThrow('no answer');

    expect(world.elapsedMs).toBe(60_000);
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
