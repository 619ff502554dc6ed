import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { inspections } from '../../../core/inspect/inspection.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { readUnverifiedManifest, signManifest } from '../../../core/vault/manifest.ts';
import { publish } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf } from '../vault/guarding.ts';
import { type LocalSigner, localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const secondsLater = (seconds: number) => new Date(builtAt.getTime() + seconds * 1000);
const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const service = (number: number, fields: object = {}) => ({
  id: idOf(number),
  name: `s${number}`,
  host: 'up.test',
  ...fields,
});
const clock = skippingClock(secondsLater(600));

let vault: MemoryVault;
let signer: LocalSigner;
beforeEach(async () => {
  vault = memoryVault();
  signer = await localSigner();
});

async function publishAll(...tables: readonly object[]): Promise<void> {
  for (const table of tables) {
    await publish(
      { vault, signer, clock, random: countingRandom() },
      {
        name,
        configuration: await served(table, secondsLater(vault.versions(name).length)),
        lastStatus: undefined,
        guard: guardOf(),
      },
    );
  }
}

async function ask(parameters: Record<string, string>, own: ConfigVault = vault) {
  const parts = { name: 'prod', dataPlaneVersions: ['3.8.1', '3.9.1'], vault: own, signer, clock };
  const { answer } = await inspections(parts)(parameters);
  // As it goes over the wire.
  return JSON.parse(JSON.stringify(answer));
}

describe('the status of a control plane', () => {
  it('says with what a new data plane of each version would boot', async () => {
    await publishAll({ services: [service(1)] }, { services: [service(1), service(2)] });

    expect(await ask({})).toMatchObject({
      status: 200,
      content: {
        controlPlane: 'prod',
        versions: [
          { kongVersion: '3.8.1', state: 'missing' },
          {
            kongVersion: '3.9.1',
            state: 'ready',
            current: { revision: 2, versionId: '2', entities: { services: 2, total: 2 }, pinned: false },
          },
        ],
      },
    });
  });

  it('names what is not ours, and the revision that it stands in the place of', async () => {
    await publishAll({ services: [service(1)] });
    vault.overwrite(name, { gzip: gzipSync('{}'), manifest: undefined });

    expect((await ask({ view: 'status' })).content.versions[1]).toEqual({
      kongVersion: '3.9.1',
      state: 'foreign',
      problem: 'In its place is an object without a manifest. The next export replaces it.',
      current: expect.objectContaining({ revision: 1 }),
    });
  });

  it('calls a version unknown whose object cannot be read, and tells of the others', async () => {
    await publishAll({ services: [service(1)] });
    const broken: ConfigVault = {
      ...vault,
      current: (asked) =>
        asked.kongVersion === '3.8.1'
          ? Promise.reject(new VaultError('unavailable', 'S3 did not answer'))
          : vault.current(asked),
      within: () => broken,
    };

    expect((await ask({}, broken)).content.versions).toMatchObject([
      { state: 'unknown', problem: 'S3 did not answer.' },
      { state: 'ready' },
    ]);
  });
});

describe('a status that is asked for while an export publishes', () => {
  it('takes the revision that was read before its publication for no old one', async () => {
    await publishAll({ services: [service(1)] });
    const before = await vault.current(name);
    await publishAll({ services: [service(2)] });
    const noted = { kongVersion: '3.9.1', revision: 2, sha256: '', configHash: '', changed: true };
    await vault.noteStatus(
      { controlPlane: 'prod', checkedAt: builtAt, versions: [{ ...noted, versionId: '2' }] },
      signer,
    );
    let reads = 0;
    const racing: ConfigVault = {
      ...vault,
      current: async (asked) => {
        reads += asked.kongVersion === '3.9.1' ? 1 : 0;
        return reads === 1 && asked.kongVersion === '3.9.1' ? before : vault.current(asked);
      },
      within: () => racing,
    };

    expect((await ask({}, racing)).content.versions[1]).toMatchObject({
      state: 'ready',
      current: { revision: 2 },
    });
  });
});

describe('the revisions', () => {
  it('come newest first, in pages, and what is not ours is named', async () => {
    await publishAll({ services: [service(1)] }, { services: [service(1), service(2)] });
    vault.overwrite(name, { gzip: gzipSync('{}'), manifest: 'x.y.z' });

    const first = (await ask({ view: 'revisions', limit: '2' })).content;
    const second = (await ask({ view: 'revisions', limit: '2', after: first.next })).content;

    expect([...first.versions, ...second.versions]).toMatchObject([
      { isOwn: false, versionId: '3', what: 'an object whose manifest none of our keys has signed' },
      { isOwn: true, versionId: '2', revision: 2 },
      { isOwn: true, versionId: '1', revision: 1 },
    ]);
    expect(second.next).toBeUndefined();
    expect(await ask({ view: 'revisions', after: 'pruned' })).toMatchObject({ status: 404 });
  });

  it('show their entities, and of these what may be shown', async () => {
    const basic = { id: idOf(9), consumer: idOf(8), username: 'u', password: 'S3CR3T' };
    await publishAll({ services: [service(1, { tags: ['live'] })], basicauth_credentials: [basic] });

    const { content } = await ask({ view: 'revision', revision: '1' });

    expect(content.rows).toEqual([
      expect.objectContaining({
        type: 'services',
        name: 's1',
        fields: expect.objectContaining({ tags: ['live'] }),
      }),
      {
        type: 'basicauth_credentials',
        id: idOf(9),
        fields: {
          id: idOf(9),
          consumer: { reference: { type: 'consumers', id: idOf(8) } },
          username: '(set)',
          password: '(set)',
        },
      },
    ]);
  });
});

describe('a revision without its entities', () => {
  const counts = { view: 'revision', revision: '1', entities: 'none' };

  it('is told by what its signature says, and its file is not opened', async () => {
    await publishAll({ services: [service(1)] });
    const closed: ConfigVault = {
      ...vault,
      content: () => Promise.reject(new VaultError('unavailable', 'it was opened')),
      within: () => closed,
    };

    const { content } = await ask(counts, closed);

    expect(content).toMatchObject({ ...name, revision: 1, entities: { services: 1, total: 1 } });
    expect(content).not.toHaveProperty('rows');
    expect(await ask({ ...counts, revision: '2' }, closed)).toMatchObject({ status: 404 });
  });

  it('is told of files that are too large to be opened', async () => {
    await publishAll({ services: [service(1)] });
    const [stored] = vault.versions(name);
    const manifest = readUnverifiedManifest(stored?.manifest ?? '');
    const large = await signManifest({ ...manifest, size: 64 * 2 ** 20 + 1 }, signer);
    vault.lose(name);
    vault.overwrite(name, { gzip: stored?.gzip ?? Buffer.alloc(0), manifest: large });

    expect(await ask(counts)).toMatchObject({ status: 200 });
    expect(await ask({ view: 'revision', revision: '1' })).toMatchObject({
      status: 413,
      detail: expect.stringContaining('"lifeboat fetch --revision 1"'),
    });
  });
});

describe('a verification', () => {
  it('passes for what was published', async () => {
    await publishAll(
      { services: [service(1)] },
      { services: [service(1)], routes: [{ id: idOf(2), service: idOf(1) }] },
    );

    const { content } = await ask({ view: 'verification', revision: '2' });

    expect(content.outcome).toBe('passed');
    expect(content.checks.map(({ check, outcome }: Record<string, string>) => `${check} ${outcome}`)).toEqual(
      [
        'signature passed',
        'storedBytes passed',
        'content passed',
        'chain passed',
        'json passed',
        'references passed',
      ],
    );
  });

  it('of an old revision among many reads few of the others', async () => {
    for (let number = 1; number <= 30; number += 1) {
      await publishAll({ services: [service(number)] });
    }
    let reads = 0;
    const counting: ConfigVault = {
      ...vault,
      version: async (...asked) => {
        reads += 1;
        return vault.version(...asked);
      },
      within: () => counting,
    };

    const { content } = await ask({ view: 'verification', revision: '2' }, counting);

    expect(content).toMatchObject({ outcome: 'passed', revision: 2 });
    expect(reads).toBeLessThanOrEqual(12);
  });

  it('follows the chain where the version before is gone', async () => {
    await publishAll({ services: [service(1)] }, { services: [service(2)] });
    const pruned: ConfigVault = {
      ...vault,
      version: async (asked, versionId) => (versionId === '1' ? undefined : vault.version(asked, versionId)),
      within: () => pruned,
    };

    const { content } = await ask({ view: 'verification', revision: '2' }, pruned);

    expect(content.outcome).toBe('passed');
    expect(content.checks).toContainEqual({
      check: 'chain',
      outcome: 'unknown',
      detail: 'Revision 1 is not kept any more, or may not be read.',
    });
  });

  it('names what refers to nothing', async () => {
    await publishAll({ routes: [{ id: idOf(2), name: 'lost', service: idOf(7) }] });

    const { content } = await ask({ view: 'verification', revision: '1' });

    expect(content.outcome).toBe('failed');
    expect(content.broken).toEqual([
      {
        type: 'routes',
        id: idOf(2),
        name: 'lost',
        field: 'service',
        missing: { type: 'services', id: idOf(7) },
      },
    ]);
  });

  it('fails where another file stands under the manifest', async () => {
    await publishAll({ services: [service(1)] });
    const [first] = vault.versions(name);
    const swapped: ConfigVault = {
      ...vault,
      content: async () => gzipSync('{"services":[]}'),
      within: () => swapped,
    };

    expect(first).toBeDefined();
    expect((await ask({ view: 'verification', revision: '1' }, swapped)).content).toMatchObject({
      outcome: 'failed',
      checks: [{}, { check: 'storedBytes', outcome: 'failed' }, { check: 'content', outcome: 'failed' }, {}],
    });
  });
});

describe('a diff', () => {
  it('tells field by field what changed', async () => {
    await publishAll({ services: [service(1)] }, { services: [service(1, { host: 'other.test' })] });

    expect((await ask({ view: 'diff', from: '1', to: '2' })).content).toMatchObject({
      from: { revision: 1 },
      to: { revision: 2 },
      total: 1,
      differences: [
        {
          kind: 'updated',
          type: 'services',
          name: 's1',
          fields: [{ field: 'host', before: 'up.test', after: 'other.test' }],
        },
      ],
    });
  });

  it('comes in pages of at most 4 MB, each of the versions that the first was of', async () => {
    const tags = [Array.from({ length: 1000 }, (_, index) => `tag-${index}`).join(' ')];
    const many = Array.from({ length: 600 }, (_, index) => service(index, { tags }));
    await publishAll({ services: [] }, { services: many });

    const names: string[] = [];
    let page: string | undefined;
    let pages = 0;
    do {
      const { content } = await ask({
        view: 'diff',
        from: '1',
        to: '2',
        ...(page === undefined ? {} : { page }),
      });
      expect(JSON.stringify(content).length).toBeLessThan(4.1 * 2 ** 20);
      names.push(...content.differences.map((each: { readonly name: string }) => each.name));
      page = content.next;
      pages += 1;
      // What is published meanwhile changes nothing.
      await publishAll({ services: many.slice(0, pages) });
    } while (page !== undefined);

    expect(pages).toBeGreaterThan(1);
    expect(new Set(names).size).toBe(600);
    expect(names).toHaveLength(600);
  });

  it('of a revision that is gone says so', async () => {
    await publishAll({ services: [service(1)] });

    expect(await ask({ view: 'diff', from: '1', to: '7' })).toMatchObject({
      status: 404,
      title: 'Not there',
    });
  });
});

describe('a query that is not understood', () => {
  it.each([
    [{ view: 'secrets' }, '"view" is one of status, revisions, revision, verification, diff.'],
    [{ view: 'diff', from: '1' }, 'View "diff" needs "to", the number of a revision.'],
    [{ view: 'diff', from: '0', to: '1' }, '"from" is the number of a revision: 1, 2, 3, ….'],
    [{ view: 'revisions', limit: '500' }, '"limit" is a number from 1 to 100.'],
    [{ view: 'revision', revision: '1', page: 'e30' }, expect.any(String)],
    [{ view: 'revision', revision: '1', entities: 'all' }, '"entities" is "none", or left out.'],
    [{ view: 'status', version: '3.9.1' }, 'View "status" takes no parameters: leave the others out.'],
  ])('%j is refused with a sentence', async (parameters: Record<string, string>, detail) => {
    expect(await ask(parameters)).toMatchObject({ status: 400, detail });
  });

  it('names the versions that there are', async () => {
    expect(await ask({ view: 'revisions', version: '3.7.1' })).toMatchObject({
      status: 404,
      more: { kongVersions: ['3.8.1', '3.9.1'] },
    });
  });
});
