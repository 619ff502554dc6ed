import { afterEach, describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '../../../core/clock.ts';
import { type Health, startHealth } from '../../../core/standby/health.ts';

const started = new Date('2026-11-23T00:00:00.000Z');
const later = new Date('2026-11-23T00:00:05.000Z');
const clockAt = (now: () => Date): Clock => ({ ...systemClock, now });
let health: Health | undefined;

afterEach(async () => {
  await health?.stop();
});

async function get(path: string) {
  const response = await fetch(`${health?.url}${path}`);
  return { status: response.status, body: await response.json() };
}

describe('the health page', () => {
  it('is well and not ready while the node has nothing', async () => {
    health = await startHealth(
      { host: '127.0.0.1', port: 0 },
      clockAt(() => started),
    );

    const answers = [await get('/healthz'), await get('/readyz')];

    const body = { state: 'waiting', since: started.toISOString() };
    expect(answers).toEqual([
      { status: 200, body },
      { status: 503, body },
    ]);
  });

  it.each(['waiting', 'granting', 'downloading', 'seeding', 'done'] as const)(
    'says what it does, since when, and with which revision: %s',
    async (state) => {
      const times = [started, later];
      health = await startHealth(
        { host: '127.0.0.1', port: 0 },
        clockAt(() => times.shift() ?? later),
      );
      health.report({ state: state === 'waiting' ? 'granting' : 'waiting', revision: undefined });
      times.splice(0, 2, later);

      health.report({ state, revision: 7 });
      health.report({ state, revision: 7 });

      const body = { state, since: later.toISOString(), revision: 7 };
      expect(await get('/healthz')).toEqual({ status: 200, body });
      expect(await get('/readyz?verbose')).toEqual({ status: state === 'done' ? 200 : 503, body });
    },
  );

  it('has no other page', async () => {
    health = await startHealth(
      { host: '::1', port: 0 },
      clockAt(() => started),
    );

    expect(await get('/metrics')).toEqual({
      status: 404,
      body: { message: 'the paths are /healthz and /readyz' },
    });
  });

  it('cannot be where somebody else listens', async () => {
    health = await startHealth(
      { host: '127.0.0.1', port: 0 },
      clockAt(() => started),
    );
    const port = Number(new URL(health.url).port);

    await expect(
      startHealth(
        { host: '127.0.0.1', port },
        clockAt(() => started),
      ),
    ).rejects.toThrow('EADDRINUSE');
  });
});
