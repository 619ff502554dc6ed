/**
 * What standby may expect of the node that it watches, held against the double in memory and a Kong that
 * runs.
 */
import { createHash } from 'node:crypto';
import { appendFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { StandbyError } from '../../../core/fetch/errors.ts';
import { noConfiguration } from '../../../core/standby/status.ts';
import { watchedKong } from '../../../core/standby/watched-kong.ts';
import type { WatchedNode } from '../../../core/standby/watched-node.ts';
import type { Manifest } from '../../../core/vault/manifest.ts';
import { manifestOf } from '../../cli/published-file.ts';
import { fakeKong, removeEverything, startNode } from '../../simulators/kong/running-kong.ts';
import { MemoryNode } from './memory-node.ts';

interface NodeUnderTest {
  readonly node: WatchedNode;
  /** Stores a file where the node is given it from. */
  store(kind: 'good' | 'another good' | 'refused'): Promise<Manifest>;
  /** Turns what it runs on into an old cache, with a control plane that is silent. */
  age(): Promise<void>;
  /** Lets its user load a file of their own. */
  loadOwnFile(): Promise<void>;
  stop(): Promise<void>;
}

const contents = {
  good: '{"_format_version":"3.0","_transform":false,"upstreams":[{"name":"one"}]}',
  'another good': '{"_format_version":"3.0","_transform":false,"upstreams":[{"name":"other"}]}',
  refused: '{"_format_version":"3.0","_transform":false,"no_such_entities":[]}',
} as const;
const manifestFor = (kind: keyof typeof contents) => manifestOf({}, Buffer.from(contents[kind]));
const dayMs = 24 * 3600 * 1000;
const going = () => new AbortController().signal;

afterEach(() => removeEverything());

async function nodeInMemory(): Promise<NodeUnderTest> {
  const node = new MemoryNode();
  node.refusedMd5 = manifestFor('refused').md5;
  return {
    node,
    store: async (kind) => manifestFor(kind),
    async age() {
      node.cache = { hash: String(node.hash), writtenMs: 1, isSilent: true };
    },
    async loadOwnFile() {
      node.isSeedable = false;
    },
    async stop() {
      node.hash = new StandbyError('kong', 'no answer');
    },
  };
}

async function runningKong(): Promise<NodeUnderTest> {
  let kong = await startNode(fakeKong);
  const { directory, certificate, prefix } = kong;
  const file = join(prefix, 'lifeboat-config.json');
  return {
    node: watchedKong({
      prefix,
      file,
      findStatusUrl: async () => kong.statusUrl,
      maxCacheAgeMs: dayMs / 2,
      loadTimeoutMs: 10_000,
      pollMs: 20,
      environment: {},
      clock: systemClock,
    }),
    async store(kind) {
      await writeFile(file, contents[kind], { mode: 0o600 });
      return manifestFor(kind);
    },
    async age() {
      await kong.stop();
      const before = (Date.now() - dayMs) / 1000;
      await utimes(join(prefix, 'dbless.lmdb/data.mdb'), before, before);
      kong = await startNode(fakeKong, { directory, certificate });
    },
    loadOwnFile: () => appendFile(join(prefix, '.kong_env'), 'declarative_config = /etc/kong/own.json\n'),
    stop: () => kong.stop(),
  };
}

describe.each([
  ['in memory', nodeInMemory],
  ['that runs', runningKong],
])('a node %s', (_where, start) => {
  it('shows that it is empty, and then what it was given, which the next file does not replace', async () => {
    const { node, store } = await start();
    const first = await store('good');

    const before = await node.readConfigurationHash(going());
    await node.requireSeedable();
    const seeded = await node.seed(first, undefined, going());
    const after = await node.readConfigurationHash(going());
    const again = await node.seed(await store('another good'), undefined, going());
    await node.removeLeftover();

    expect([before, seeded, after, again]).toEqual([
      noConfiguration,
      'seeded',
      createHash('md5').update(contents.good).digest('hex'),
      'has a configuration',
    ]);
    expect(await node.readConfigurationHash(going())).toBe(first.md5);
    expect(await node.findStaleCache(first.md5)).toBeUndefined();
  });

  it('stays empty when it refuses a file', async () => {
    const { node, store } = await start();
    const seeding = node.seed(await store('refused'), undefined, going());

    await expect(seeding).rejects.toMatchObject({ name: 'StandbyError', code: 'refused' });
    expect(await node.readConfigurationHash(going())).toBe(noConfiguration);
  });

  it('stays empty when the seeding is cancelled', async () => {
    const { node, store } = await start();
    const ended = AbortSignal.abort();

    const seeding = node.seed(await store('good'), undefined, ended);

    await expect(seeding).rejects.toMatchObject({ code: 'kong', cause: ended.reason });
    expect(await node.readConfigurationHash(going())).toBe(noConfiguration);
  });

  it('says before any download that its user loads a file of their own', async () => {
    const { node, loadOwnFile } = await start();
    await loadOwnFile();

    await expect(node.requireSeedable()).rejects.toMatchObject({ name: 'StandbyError', code: 'kong' });
  });

  it('gives up an old cache for a file, and no other configuration', async () => {
    const { node, store, age } = await start();
    const old = await store('good');
    await node.seed(old, undefined, going());
    await age();
    const newer = await store('another good');

    const cache = await node.findStaleCache(old.md5);
    const instead = await node.seed(newer, { hash: 'f'.repeat(32), writtenMs: 1 }, going());
    const seeded = await node.seed(newer, cache, going());

    expect(cache).toMatchObject({ hash: old.md5, isSilent: true });
    expect([instead, seeded]).toEqual(['has a configuration', 'seeded']);
    expect(await node.readConfigurationHash(going())).toBe(newer.md5);
  });

  it('fails as Kong does while it does not answer', async () => {
    const { node, stop } = await start();
    await stop();

    await expect(node.readConfigurationHash(going())).rejects.toMatchObject({
      name: 'StandbyError',
      code: 'kong',
    });
  });
});
