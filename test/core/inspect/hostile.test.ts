/** What somebody may put into a configuration, a vault or a query to break an inspection. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../core/clock.ts';
import { listDifferences } from '../../../core/inspect/file-differences.ts';
import { inspections } from '../../../core/inspect/inspection.ts';
import { writeCursor } from '../../../core/inspect/inspection-query.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { readUnverifiedManifest, signManifest } from '../../../core/vault/manifest.ts';
import { publish } from '../../../core/vault/publish.ts';
import { jsonAnswer } from '../../../lambdas/http-answer.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf } from '../vault/guarding.ts';
import { type LocalSigner, localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const clock = skippingClock(new Date(builtAt.getTime() + 600_000));
const service = (number: number, fields: object = {}) => ({ id: id(number), name: `s${number}`, ...fields });

let vault: MemoryVault;
let signer: LocalSigner;
beforeEach(async () => {
  [vault, signer] = [memoryVault(), await localSigner()];
});

async function publishAll(...tables: readonly object[]): Promise<void> {
  for (const table of tables) {
    const at = new Date(builtAt.getTime() + 1000 * vault.versions(name).length);
    const request = { name, configuration: await served(table, at), lastStatus: undefined };
    const parts = { vault, signer, clock, random: countingRandom() };
    const { outcome } = await publish(parts, { ...request, guard: guardOf(undefined, 'off') });
    expect(outcome).toBe('published');
  }
}

async function ask(
  parameters: Record<string, string>,
  { own = vault, time = clock }: { readonly own?: ConfigVault; readonly time?: Clock } = {},
) {
  const parts = { name: 'prod', dataPlaneVersions: ['3.9.1'], vault: own, signer, clock: time };
  const { answer, error } = await inspections(parts)(parameters);
  // As it goes over the wire.
  return { ...JSON.parse(JSON.stringify(answer)), error };
}

/** All pages of a view. */
async function askAll(parameters: Record<string, string>) {
  const contents = [];
  for (let page: string | undefined; page !== undefined || contents.length === 0; ) {
    const { content } = await ask(page === undefined ? parameters : { ...parameters, page });
    contents.push(content);
    page = content.next;
    if (page === undefined) {
      break;
    }
  }
  return contents;
}

describe('a page', () => {
  it('is small enough for Lambda, whatever stands in names', async () => {
    // Each of these characters is four in the answer that Lambda counts.
    const tags = ['"'.repeat(2_000)];
    await publishAll(
      { services: [], routes: [{ id: id(0) }] },
      {
        services: Array.from({ length: 1_000 }, (_, index) => service(index + 1, { tags })),
      },
    );

    for (const content of [
      ...(await askAll({ view: 'diff', from: '1', to: '2' })),
      ...(await askAll({ view: 'revision', revision: '2' })),
    ]) {
      expect(Buffer.byteLength(JSON.stringify(jsonAnswer(200, content)))).toBeLessThan(6 * 1024 * 1024);
    }
  });

  it('leaves out the fields of what is too large for any page, and goes on behind it', async () => {
    const large = service(2, { tags: Array.from({ length: 500_000 }, (_, index) => `tag ${index}`) });
    await publishAll({ services: [service(1)] }, { services: [service(1), large, service(3)] });

    const differences = (await askAll({ view: 'diff', from: '1', to: '2' })).flatMap(
      (content) => content.differences,
    );
    const rows = (await askAll({ view: 'revision', revision: '2' })).flatMap((content) => content.rows);

    expect(differences).toMatchObject([{ id: id(2), fields: [], isCut: true }, { name: 's3' }]);
    expect(rows).toMatchObject([{ name: 's1' }, { id: id(2), fields: {}, isCut: true }, { name: 's3' }]);
  });

  it('cuts a name that is none', async () => {
    await publishAll({ routes: [{ id: id(2), name: 'x'.repeat(100_000), service: id(7) }] });

    const { content } = await ask({ view: 'verification', revision: '1' });

    expect(content.broken[0].name).toBe(`${'x'.repeat(500)}…`);
  });

  it('of a version that was pruned meanwhile says so, and never shows another one', async () => {
    await publishAll({ services: [service(1)] }, { services: [service(2)] });
    const pruned: ConfigVault = {
      ...vault,
      version: async (asked, versionId) => (versionId === '1' ? undefined : vault.version(asked, versionId)),
      within: () => pruned,
    };
    const page = writeCursor({ ids: ['1', '2'], at: 0 });

    expect(await ask({ view: 'diff', from: '1', to: '2', page }, { own: pruned })).toMatchObject({
      status: 404,
      detail: expect.stringContaining('begin with the first page'),
    });
  });

  it.each([
    ['another revision’s version', { ids: ['2'], at: 0 }, 404],
    ['a version that never was', { ids: ['77'], at: 0 }, 404],
    ['no version', { ids: [], at: 0 }, 200],
    ['a place far behind the end', { ids: ['1'], at: Number.MAX_SAFE_INTEGER }, 200],
    ['a place before the beginning', { ids: ['1'], at: -1 }, 400],
    ['half a place', { ids: ['1'], at: 0.5 }, 400],
    ['a version with a way out of the URL', { ids: ['../../x?y'], at: 0 }, 400],
    ['more versions than there may be', { ids: Array.from({ length: 900 }, () => '1'), at: 0 }, 400],
  ])('that is forged, with %s, shows nothing else', async (_, cursor, status) => {
    await publishAll({ services: [service(1)] }, { services: [service(2)] });

    const answer = await ask({ view: 'revision', revision: '1', page: writeCursor(cursor) });

    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer)).not.toContain('s2');
  });

  it.each(['', 'e30', 'bnVsbA', 'W10', '%00', 'a'.repeat(5_000), randomBytes(64).toString('base64url')])(
    'that is no token (%j) is refused with the same sentence',
    async (page) => {
      expect(await ask({ view: 'revision', revision: '1', page })).toMatchObject({ status: 400 });
    },
  );
});

describe('a query', () => {
  it.each<object>([
    { view: 'diff', from: '1,2', to: '1' },
    { view: 'diff', from: '1', to: '9'.repeat(400) },
    { view: 'revision', revision: '0x1' },
    { view: 'revisions', after: '<script>' },
    { view: 'revisions', version: '../3.9.1' },
    { view: '__proto__' },
    { view: 'constructor' },
    { view: 'status', constructor: '1' },
  ])('%j is refused in a sentence that repeats nothing of it', async (parameters) => {
    const { status, detail } = await ask(parameters as Record<string, string>);

    expect(status).toBe(400);
    expect(detail).toMatch(/^[^<>]{10,250}\.$/);
    expect(detail).not.toMatch(/script|\.\.\/|proto|0x1|9{20}/);
  });
});

describe('a history', () => {
  it('of 101 versions comes in two pages, each version once', async () => {
    await publishAll({ services: [service(1)] });
    const [first] = vault.versions(name);
    for (let number = 2; number <= 101; number += 1) {
      vault.overwrite(name, { gzip: first?.gzip ?? Buffer.alloc(0), manifest: first?.manifest });
    }

    const one = (await ask({ view: 'revisions', limit: '100' })).content;
    const two = (await ask({ view: 'revisions', limit: '100', after: one.next })).content;

    const ids = [...one.versions, ...two.versions].map(({ versionId }) => versionId);
    expect(ids).toEqual(Array.from({ length: 101 }, (_, index) => String(101 - index)));
    expect(two.next).toBeUndefined();
  });

  it('in which a stranger claims a number shows ours', async () => {
    await publishAll({ services: [service(1)] });
    const stranger = await localSigner();
    const manifest = readUnverifiedManifest(vault.versions(name)[0]?.manifest ?? '');
    vault.overwrite(name, { gzip: gzipSync('{}'), manifest: await signManifest(manifest, stranger) });
    vault.overwrite(name, {
      gzip: gzipSync('{}'),
      manifest: await signManifest({ ...manifest, revision: 2 }, stranger),
    });

    expect((await ask({ view: 'revision', revision: '1' })).content).toMatchObject({ versionId: '1' });
    expect(await ask({ view: 'revision', revision: '2' })).toMatchObject({
      status: 422,
      detail: expect.stringContaining('none of our keys has signed: nothing of it is shown'),
    });
    expect((await ask({ view: 'diff', from: '1', to: '2' })).status).toBe(422);
  });
});

describe('a file', () => {
  it('whose entities share a key, as those of custom plugins may, is compared whole', async () => {
    const rows = (values: readonly number[]) => values.map((value) => ({ key: 'same', value }));
    await publishAll(
      { ours: rows([1, 2, 3, 4]) },
      { others: [{ id: id(1) }, { id: id(2) }, { id: id(3) }], ours: rows([4, 5, 1]) },
    );

    const { content } = await ask({ view: 'diff', from: '1', to: '2' });

    const kinds = content.differences.map(({ kind, type }: Record<string, string>) => `${type} ${kind}`);
    const count = (kind: string) => kinds.filter((each: string) => each === kind).length;
    // Four became three, whichever of them.
    expect(count('ours removed') - count('ours added')).toBe(1);
    expect(count('others added')).toBe(3);
  });

  it('has fields with names of JavaScript’s own', async () => {
    await publishAll({ services: [service(1)] }, { services: [service(1, { constructor: 'x' })] });

    const { content } = await ask({ view: 'diff', from: '1', to: '2' });

    expect(content.differences[0].fields).toEqual([{ field: 'constructor', before: null, after: '(set)' }]);
  });

  it('that is nested as deep as a frame may be is shown and compared', async () => {
    const nest = (depth: number, value: unknown): unknown =>
      depth === 0 ? value : { a: nest(depth - 1, value) };
    const plugin = (value: string) => ({ id: id(1), name: 'ours', config: nest(90, value) });
    await publishAll({ plugins: [plugin('a')] }, { plugins: [plugin('b')] });

    expect((await ask({ view: 'diff', from: '1', to: '2' })).content.differences[0].fields).toEqual([
      { field: 'config', before: '(set)', after: '(changed)' },
    ]);
  });

  it('that differs in more than can be listed is refused as too different', async () => {
    const of = (value: number) =>
      async function* open() {
        const fields = Array.from({ length: 400 }, (_, field) => `"f${field}":${value}`).join(',');
        const rows = Array.from({ length: 40 }, (_, row) => `{"id":"${id(row)}",${fields}}`);
        yield Buffer.from(`{"ours":[${rows.join(',')}]}`);
      };

    // 40 entities of 2 kB may wait in half a megabyte; 16,000 changed fields take more than three halves.
    await expect(listDifferences(of(1), of(2), 2 ** 19)).rejects.toThrow('differ in too much');
    await expect(listDifferences(of(1), of(1), 2 ** 19)).resolves.toEqual([]);
  });
});

describe('a vault that does not answer', () => {
  /** A clock whose time is up when it is told so. */
  function endingClock() {
    const controller = new AbortController();
    const time: Clock = { ...clock, deadline: () => controller.signal };
    return { time, end: () => controller.abort(new DOMException('over', 'TimeoutError')) };
  }

  it.each([
    ['status', { view: 'status' }],
    ['current', { view: 'verification', revision: '1' }],
    ['version', { view: 'revision', revision: '1' }],
    ['versionIds', { view: 'revisions' }],
    ['content', { view: 'diff', from: '1', to: '1' }],
  ])(
    'at %s is waited for no longer than the time there is',
    async (call, parameters: Record<string, string>) => {
      await publishAll({ services: [service(1)] });
      const { time, end } = endingClock();
      const silent: ConfigVault = {
        ...vault,
        [call]: () => {
          end();
          return new Promise(() => undefined);
        },
        within: () => silent,
      };

      expect(await ask(parameters, { own: silent, time })).toMatchObject({
        status: 504,
        detail: expect.stringContaining('more than 25 s'),
      });
    },
  );

  it('ends the work, too: nothing of it is left for the next answer', async () => {
    const noise = Array.from({ length: 400 }, (_, index) =>
      service(index, { host: randomBytes(8_000).toString('hex') }),
    );
    await publishAll({ services: noise });
    const { time, end } = endingClock();
    const signal = time.deadline(0);
    let looks = 0;
    Object.defineProperty(signal, 'aborted', {
      get() {
        looks += 1;
        return Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get?.call(signal);
      },
    });
    const late: ConfigVault = {
      ...vault,
      content: async (...asked) => {
        const gzip = await vault.content(...asked);
        setImmediate(end);
        return gzip;
      },
      within: () => late,
    };

    const { status, error } = await ask({ view: 'revision', revision: '1' }, { own: late, time });
    await new Promise((resolve) => setTimeout(resolve, 50));

    expect({ status, error }).toMatchObject({ status: 504, error: { name: 'TimeoutError' } });
    // The first look and the last one are not the work's, which looks before each of some 50 pieces.
    expect(looks).toBeGreaterThan(2);
    expect(looks).toBeLessThan(20);
  });
});
