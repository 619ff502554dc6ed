import { describe, expect, it } from '@jest/globals';
import type { Ring } from '../../../core/intake/bell.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { type ListenerParts, listener } from '../../../core/listen/listener.ts';
import type { ListenerEvent } from '../../../core/listen/listener-event.ts';
import type { Manner } from '../../../core/listen/manners.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { type SimpleControlPlane, simpleControlPlane } from './simple-control-plane.ts';

const start = new Date('2026-11-23T04:00:00Z');
const [hashA, hashB, hashC] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string];
const zeros = '0'.repeat(32);
const minute = 60_000;

interface World {
  readonly clock: ManualClock;
  readonly controlPlane: SimpleControlPlane;
  readonly rings: Ring[];
  readonly events: ListenerEvent[];
  readonly measured: number[];
  readonly parts: ListenerParts;
  /** Begins a run; resolves when it has begun. */
  listen(seconds: number): Promise<{ readonly ended: Promise<void> }>;
  change(hash: string | undefined): Promise<void>;
  hangUp(): Promise<void>;
}

function world(more: Partial<ListenerParts> = {}, firstHash: string = hashA): World {
  const clock = manualClock(start);
  const controlPlane = simpleControlPlane(clock, firstHash);
  const rings: Ring[] = [];
  const events: ListenerEvent[] = [];
  const measured: number[] = [];
  const parts: ListenerParts = {
    endpoint: 'kong-cp.example.com:8005',
    dataPlaneVersions: ['3.8.1', '3.9.1'],
    connect: controlPlane.connect,
    bell: {
      async ring(ring) {
        rings.push(ring);
      },
    },
    report: (event) => events.push(event),
    measure: (seconds) => measured.push(seconds),
    clock,
    random: { next: () => 0.5, uuid: () => '' },
    ...more,
  };
  const listen = listener(parts);
  return {
    clock,
    controlPlane,
    rings,
    events,
    measured,
    parts,
    async listen(seconds) {
      const ended = listen(new Date(clock.now().getTime() + seconds * 1000));
      await clock.advance(0);
      return { ended };
    },
    async hangUp() {
      controlPlane.hangUp();
      await clock.advance(0);
    },
    async change(hash) {
      controlPlane.change(hash);
      await clock.advance(0);
    },
  };
}

const hashes = (rings: readonly Ring[]) => rings.map(({ configHash }) => configHash);
const whats = (events: readonly ListenerEvent[]) => events.map(({ what }) => what);
const messagesOf = (events: readonly ListenerEvent[]) =>
  events.flatMap((event) => ('error' in event ? [(event.error as Error).message] : []));
const failing = (code: ControlPlaneErrorCode) => new ControlPlaneError(code, `it is ${code}`);
const named = (version: string): Manner => ({ version, pluginVersions: 'named' });
const omitted = (version: string): Manner => ({ version, pluginVersions: 'omitted' });

describe('a listener', () => {
  it('rings for the configuration that it finds, and for each that comes', async () => {
    const { clock, rings, events, listen, change } = world();
    await listen(840);
    await clock.advance(10_000);

    await change(hashB);
    await clock.advance(3_000);
    await change(hashC);
    await clock.advance(minute);

    expect(rings).toEqual([
      { at: start, configHash: hashA },
      { at: new Date(start.getTime() + 10_000), configHash: hashB },
      { at: new Date(start.getTime() + 13_000), configHash: hashC },
    ]);
    expect(whats(events)).toEqual(['listening', 'rung', 'rung', 'rung']);
  });

  it('rings for what was there before, when it is there again', async () => {
    const { clock, rings, listen, change } = world();
    await listen(840);
    await clock.advance(1_000);

    await change(hashB);
    await clock.advance(1_000);
    await change(hashA);
    await clock.advance(1_000);

    expect(hashes(rings)).toEqual([hashA, hashB, hashA]);
  });

  it('does not ring for what it has rung for, as after a restart of the control plane', async () => {
    const { clock, controlPlane, rings, listen, change, hangUp } = world();
    await listen(840);
    await clock.advance(1_000);

    await change(hashA);
    await hangUp();
    await clock.advance(minute);

    expect(controlPlane.manners).toHaveLength(2);
    expect(hashes(rings)).toEqual([hashA]);
  });

  it('rings for each configuration that has no hash', async () => {
    const { clock, rings, listen, change } = world({}, '');
    await listen(840);
    await clock.advance(1_000);

    await change(undefined);
    await clock.advance(1_000);

    expect(hashes(rings)).toEqual([undefined, undefined]);
  });

  it('pings with the last hash every 30 s, and at once when a configuration has come', async () => {
    const { clock, controlPlane, listen, change } = world();
    await listen(840);
    await clock.advance(40_000);
    await change(hashB);
    await clock.advance(50_000);

    expect(controlPlane.pings).toEqual([
      { hash: hashA, atSeconds: 0 },
      { hash: hashA, atSeconds: 30 },
      { hash: hashB, atSeconds: 40 },
      { hash: hashB, atSeconds: 70 },
    ]);
  });

  it('ends when its time has come, and leaves nothing behind', async () => {
    const { clock, controlPlane, listen, measured } = world();
    let isOver = false;
    const { ended } = await listen(840);
    void ended.then(() => {
      isOver = true;
    });

    await clock.advance(839_999);
    const before = { isOver, connections: controlPlane.connectionCount() };
    await clock.advance(1);
    await ended;

    expect(before).toEqual({ isOver: false, connections: 1 });
    expect(controlPlane.connectionCount()).toBe(0);
    expect(clock.pendingCount()).toBe(0);
    expect(measured.reduce((sum, seconds) => sum + seconds)).toBe(840);
  });

  it('does nothing when its time is over before it begins', async () => {
    const { controlPlane, listen } = world();

    await (await listen(-1)).ended;

    expect(controlPlane.manners).toEqual([]);
  });

  it('measures each minute for how long it has listened', async () => {
    const { clock, controlPlane, measured, listen, hangUp } = world();
    await listen(840);
    await clock.advance(90_000);
    controlPlane.treat({ refuses: () => failing('unreachable') });
    await hangUp();
    await clock.advance(150_000);

    expect(measured).toEqual([60, 30, 0, 0]);
  });

  it('connects again after a loss, with longer pauses while nobody answers', async () => {
    const { clock, controlPlane, events, listen, hangUp } = world();
    await listen(840);
    await clock.advance(1_000);
    controlPlane.treat({ refuses: () => failing('unreachable') });
    await hangUp();
    const tries: number[] = [];
    for (let second = 0; second < 120; second += 1) {
      const before = controlPlane.manners.length;
      await clock.advance(1_000);
      tries.push(...(controlPlane.manners.length > before ? [second + 1] : []));
    }

    controlPlane.treat({});
    await clock.advance(30_000);

    // 1.5, 3, 6, 12, 22.5 s, and so on.
    expect(tries).toEqual([2, 5, 11, 23, 45, 68, 90, 113]);
    expect(messagesOf(events)).toEqual([
      expect.stringContaining("ended the listener's connection"),
      'it is unreachable',
    ]);
    expect(whats(events)).toEqual(['listening', 'rung', 'not listening', 'not listening', 'listening']);
  });

  it('tells a loss anew when it was connected in between', async () => {
    const { clock, events, listen, hangUp } = world();
    await listen(840);
    for (let losses = 0; losses < 2; losses += 1) {
      await clock.advance(10_000);
      await hangUp();
    }
    await clock.advance(10_000);

    expect(whats(events)).toEqual([
      ...['listening', 'rung', 'not listening'],
      ...['listening', 'not listening'],
      'listening',
    ]);
  });
});

describe('a control plane that', () => {
  it('lets the listener in and never sends anything is told, and asked in other ways', async () => {
    const { clock, controlPlane, events, measured, rings, listen } = world();
    controlPlane.treat({ sendsNothing: () => true });

    const { ended } = await listen(840);
    await clock.advance(840_000);
    await ended;

    expect(controlPlane.manners.slice(0, 5)).toEqual([
      named('3.9.1'),
      omitted('3.9.1'),
      named('3.8.1'),
      omitted('3.8.1'),
      named('3.9.1'),
    ]);
    expect(messagesOf(events)).toEqual([
      expect.stringMatching(/let the listener in and sent no configuration within 20 s.*customPlugins/),
    ]);
    expect(controlPlane.pings).toEqual([]);
    expect(rings).toEqual([]);
    expect(measured).toEqual(Array(13).fill(0));
  });

  it('serves an older data plane only, or one without versions of plugins, is remembered for that', async () => {
    const { clock, controlPlane, listen } = world();
    controlPlane.treat({
      refuses: ({ version }) => (version === '3.9.1' ? failing('refused') : undefined),
      sendsNothing: ({ pluginVersions }) => pluginVersions === 'named',
    });
    const { ended } = await listen(840);
    await clock.advance(840_000);
    await ended;
    controlPlane.treat({});

    await listen(840);
    await clock.advance(1_000);

    expect(controlPlane.manners).toEqual([
      ...[named('3.9.1'), omitted('3.9.1'), named('3.8.1'), omitted('3.8.1')],
      omitted('3.8.1'),
    ]);
  });

  it.each([
    [
      ['3.9.1', '3.10.0', '3.10.1'],
      [named('3.10.1'), named('3.10.0'), named('3.9.1')],
    ],
    [['3.10.0'], [named('3.10.0'), omitted('3.10.0'), named('3.10.0')]],
  ])('cannot serve the newest of %j is asked for the next one at once', async (dataPlaneVersions, asked) => {
    const { clock, controlPlane, listen } = world({ dataPlaneVersions });
    controlPlane.treat({
      refuses: ({ version }) => (version.startsWith('3.10.') ? failing('incompatible') : undefined),
    });

    await listen(840);
    await clock.advance(20_000);

    expect(controlPlane.manners.slice(0, 3)).toEqual(asked);
  });

  it('cannot be reached is asked in the same way again', async () => {
    const { clock, controlPlane, listen } = world();
    controlPlane.treat({ refuses: () => failing('unreachable') });

    await listen(840);
    await clock.advance(10_000);

    expect(new Set(controlPlane.manners.map(({ version }) => version))).toEqual(new Set(['3.9.1']));
    expect(controlPlane.manners.length).toBeGreaterThan(2);
  });

  it('sends one byte a second is given up, and told', async () => {
    const { clock, controlPlane, events, listen } = world();
    controlPlane.treat({ bytesPerSecond: 1 });

    await listen(840);
    await clock.advance(25_000);

    expect(messagesOf(events)).toEqual([expect.stringMatching(/sent the listener only 2\d bytes in 2\d s/)]);
  });

  it('sends a large frame slowly is given the time for it', async () => {
    const { clock, controlPlane, events, listen } = world();
    controlPlane.treat({ bytesPerSecond: 60_000 });

    await listen(840);
    await clock.advance(800_000);

    expect(controlPlane.manners).toHaveLength(1);
    expect(events).toEqual([]);
  });

  it('sends a frame that is too large: it is rung for once, without a hash, and for the next that can be read', async () => {
    const { clock, controlPlane, rings, events, listen, change } = world();
    const tooLarge = new ControlPlaneError('too-large', 'raise the setting maxFrameMiB');
    const cutAgain = async () => {
      controlPlane.hangUp(tooLarge);
      await clock.advance(0);
    };
    await listen(840);

    // What is too large once is so at each connection: nothing else comes there.
    controlPlane.treat({ sendsNothing: () => true });
    await cutAgain();
    for (let seconds = 0; seconds < 120; seconds += 10) {
      await clock.advance(10_000);
      await cutAgain();
    }
    const ofTooLarge = hashes(rings);
    controlPlane.treat({});
    await clock.advance(minute);
    await change(hashB);
    controlPlane.treat({ sendsNothing: () => true });
    await cutAgain();
    await clock.advance(10_000);

    expect(ofTooLarge).toStrictEqual([hashA, undefined]);
    // The one of before came again meanwhile.
    expect(hashes(rings)).toStrictEqual([hashA, undefined, hashA, hashB, undefined]);
    expect(messagesOf(events)).toContain('raise the setting maxFrameMiB');
  });

  it('is told of a frame that is too large when the bell can be rung again', async () => {
    let isDeaf = false;
    const rings: Ring[] = [];
    const bell = {
      async ring(ring: Ring) {
        if (isDeaf) {
          throw new Error('no answer');
        }
        rings.push(ring);
      },
    };
    const { clock, controlPlane, listen } = world({ bell });
    await listen(840);
    isDeaf = true;

    controlPlane.treat({ sendsNothing: () => true });
    controlPlane.hangUp(new ControlPlaneError('too-large', 'raise the setting maxFrameMiB'));
    await clock.advance(5_000);
    isDeaf = false;
    await clock.advance(10_000);

    expect(hashes(rings)).toStrictEqual([hashA, undefined]);
  });

  it('does not answer pings for 45 s is taken for lost', async () => {
    const { clock, controlPlane, events, listen } = world();
    controlPlane.treat({ isDeaf: true });
    await listen(840);

    await clock.advance(44_999);
    const before = controlPlane.connectionCount();
    await clock.advance(1);

    expect(before).toBe(1);
    expect(controlPlane.connectionCount()).toBe(0);
    expect(messagesOf(events)).toEqual([
      expect.stringMatching(/did not answer the listener's pings for 45 s/),
    ]);
  });

  it('has another certificate than before is told once, and listened to again when the secret has it, too', async () => {
    let isRenewed = false;
    const { clock, controlPlane, events, listen, hangUp } = world();
    await listen(840);
    await clock.advance(1_000);

    controlPlane.treat({ refuses: () => (isRenewed ? undefined : failing('refused')) });
    await hangUp();
    await clock.advance(3 * minute);
    isRenewed = true;
    await clock.advance(minute);

    expect(whats(events)).toEqual(['listening', 'rung', 'not listening', 'not listening', 'listening']);
  });
});

describe('a bell that', () => {
  it('cannot be rung is rung again, also for a change, and the connection stays', async () => {
    let isBroken = true;
    const rung: (string | undefined)[] = [];
    const { clock, controlPlane, events, listen, change } = world({
      bell: {
        async ring({ configHash }) {
          if (isBroken) {
            throw new Error('SQS is away');
          }
          rung.push(configHash);
        },
      },
    });
    await listen(840);
    await clock.advance(4_000);
    await change(hashB);
    await clock.advance(20_000);
    isBroken = false;
    await clock.advance(30_000);

    expect(rung).toEqual([hashB]);
    expect(controlPlane.manners).toHaveLength(1);
    expect(whats(events)).toEqual(['listening', 'not rung', 'not rung', 'not rung', 'not rung', 'rung']);
  });

  it('hangs is given up after 10 s, and rung again', async () => {
    let tries = 0;
    const { clock, events, listen } = world({
      bell: {
        ring: (_, signal) =>
          new Promise((resolve, reject) => {
            tries += 1;
            signal.addEventListener('abort', () => reject(signal.reason));
            if (tries > 1) {
              resolve();
            }
          }),
      },
    });
    await listen(840);

    await clock.advance(minute);

    expect(whats(events)).toEqual(['listening', 'not rung', 'rung']);
  });
});

describe('between two runs', () => {
  const everySecond = Array.from({ length: 31 }, (_, index) => index - 15);

  /** Two runs, with a pause of 10 s between them, and a change so many seconds after the first one's end. */
  async function relay(changeAfterSeconds: number, isSameProcess: boolean, bellFails = false) {
    let mayRing = true;
    const rung: (string | undefined)[] = [];
    const { clock, controlPlane, parts } = world({
      bell: {
        async ring({ configHash }) {
          if (!mayRing) {
            throw new Error('SQS is away');
          }
          rung.push(configHash);
        },
      },
    });
    const process = listener(parts);
    const next = isSameProcess ? process : listener(parts);
    const until = (seconds: number) => new Date(start.getTime() + seconds * 1000);

    const first = process(until(60));
    const tick = async (from: number, to: number) => {
      for (let second = from; second < to; second += 1) {
        await clock.advance(500);
        if (second === 60 + changeAfterSeconds) {
          mayRing = !bellFails;
          controlPlane.change(hashB);
          await clock.advance(0);
        }
        await clock.advance(500);
      }
    };
    await tick(0, 60);
    await first;
    await tick(60, 70);
    mayRing = true;
    const second = next(until(130));
    await tick(70, 130);
    await second;
    return { rung, most: controlPlane.mostConnections() };
  }

  it.each(everySecond.flatMap((at) => [[at, true] as const, [at, false] as const]))(
    'no change is lost: one %d s after the end of the first, in the same process: %s',
    async (at, isSameProcess) => {
      const { rung, most } = await relay(at, isSameProcess);

      expect(rung.at(-1)).toBe(hashB);
      expect(most).toBe(1);
    },
  );

  it.each([true, false])(
    'a change is not lost whose ring failed at the end of the first, in the same process: %s',
    async (isSameProcess) => {
      const { rung } = await relay(-1, isSameProcess, true);

      expect(rung.at(-1)).toBe(hashB);
    },
  );

  it('a warm process does not ring for what has not changed', async () => {
    const { rung } = await relay(1_000, true);

    expect(rung).toEqual([hashA]);
  });
});

it('a listener pings with zeros where the control plane names no hash', async () => {
  const { clock, controlPlane, listen } = world({}, '');
  await listen(840);

  await clock.advance(1_000);

  expect(controlPlane.pings).toEqual([{ hash: zeros, atSeconds: 0 }]);
});
