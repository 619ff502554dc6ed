import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findStaleCache, isSurelyEmpty } from '../../../core/standby/stale-cache.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';
import { removeEverything, temporaryDirectory } from '../../simulators/kong/running-kong.ts';

const hash = 'a'.repeat(32);
const writtenMs = Date.parse('2026-11-01T00:00:00.000Z');
const startedMs = Date.parse('2026-11-20T00:00:00.000Z');
const ends: (() => Promise<unknown> | unknown)[] = [];
let prefix: string;

beforeEach(async () => {
  prefix = await temporaryDirectory();
  await mkdir(join(prefix, 'pids'));
  await mkdir(join(prefix, 'dbless.lmdb'));
  // For the look into a network namespace any process will do.
  await put('pids/nginx.pid', `${process.pid}\n`, startedMs);
  await put('dbless.lmdb/data.mdb', '', writtenMs);
  await put('.kong_env', 'cluster_control_plane = cp.example.com:8\n');
});

afterEach(async () => {
  for (const end of ends.splice(0)) {
    await end();
  }
  await removeEverything();
});

async function put(name: string, text: string, timeMs = startedMs): Promise<void> {
  const path = join(prefix, name);
  await writeFile(path, text);
  await utimes(path, timeMs / 1000, timeMs / 1000);
}

const ask = ({ maxAgeMs = 1_000, nowMs = startedMs + 1_000 } = {}) =>
  findStaleCache({ prefix, hash, maxAgeMs, now: new Date(nowMs) });

describe('a cache', () => {
  it('is too old from its age on, to the millisecond', async () => {
    const nowMs = startedMs + 1_000;

    const found = [
      await ask({ nowMs, maxAgeMs: nowMs - writtenMs }),
      await ask({ nowMs, maxAgeMs: nowMs - writtenMs + 1 }),
    ];

    expect(found).toEqual([{ hash, writtenMs, isSilent: true }, undefined]);
  });

  it.each<readonly [string, () => Promise<unknown>]>([
    // What comes while a clock is wrong looks old when it is right.
    ['was written as Kong started', () => put('dbless.lmdb/data.mdb', '', startedMs)],
    ['was written after Kong’s start', () => put('dbless.lmdb/data.mdb', '', startedMs + 1)],
    ['is of the future', () => put('dbless.lmdb/data.mdb', '', startedMs + 1e9)],
    ['cannot be found', () => rm(join(prefix, 'dbless.lmdb/data.mdb'))],
    ['is of a Kong whose start is not known', () => rm(join(prefix, 'pids/nginx.pid'))],
  ])('that %s is left alone', async (_what, change) => {
    await change();

    expect(await ask()).toBeUndefined();
  });
});

describe('a node that shows no configuration', () => {
  it.each(['on', 'true'])('may have its first one, when it syncs incrementally (%s)', async (value) => {
    // Without a port, nobody can tell whether it is connected.
    await put('.kong_env', `cluster_incremental_sync = ${value}\n`);

    expect(await isSurelyEmpty(prefix)).toBe(false);
  });

  it.each(['off', 'false'])('has none, when it does not (%s)', async (value) => {
    await put('.kong_env', `cluster_incremental_sync = ${value}\n`);

    expect(await isSurelyEmpty(prefix)).toBe(true);
  });
});

describe('a control plane', () => {
  it.each<readonly [string, string]>([
    ['is not named', 'role = data_plane\n'],
    ['has no port', 'cluster_control_plane = cp.example.com\n'],
    ['is behind a proxy', 'cluster_control_plane = cp.example.com:8\ncluster_use_proxy = on\n'],
    // As Kong writes it itself.
    ['is behind a proxy, for Kong', 'cluster_control_plane = cp.example.com:8\ncluster_use_proxy = true\n'],
  ])('that %s may be connected', async (_what, settings) => {
    await put('.kong_env', settings);

    expect(await ask()).toMatchObject({ isSilent: false });
  });

  it('is asked about in the namespace of a process that is there', async () => {
    await put('pids/nginx.pid', '4194304\n', startedMs);

    expect(await ask()).toMatchObject({ isSilent: false });
  });

  it.each(['127.0.0.1', '::1'])('is connected as long as a connection to %s is there', async (host) => {
    const server = createServer();
    const { port, stop } = await listen(server, host, 0);
    ends.push(stop);
    await put('.kong_env', `cluster_control_plane = cp.example.com:${port}\n`);
    const before = await ask();
    const socket = connect(port, host);
    await new Promise((resolve) => socket.once('connect', resolve));

    const during = await ask();

    socket.destroy();
    expect([before?.isSilent, during?.isSilent]).toEqual([true, false]);
  });
});
