import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Changes, changesBetween, summarizeChanges } from '../../../core/export/changes.ts';
import { TooDifferent } from '../../../core/inspect/entity-pairs.ts';

type Table = Readonly<Record<string, readonly object[]>>;

/** A published file, read in pieces of that size. */
function opener(table: Table, pieceBytes = 7) {
  const bytes = Buffer.from(
    JSON.stringify({ _format_version: '3.0', _transform: false, ...table, _comment: 'revision "1", {[' }),
  );
  return async function* open() {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      yield bytes.subarray(at, at + pieceBytes);
    }
  };
}

const changes = (before: Table, after: Table, pieceBytes?: number): Promise<Changes> =>
  changesBetween(opener(before, pieceBytes), opener(after, pieceBytes));
const none = { added: [], updated: [], removed: [] };

describe('the changes between two files', () => {
  it('are counted by type and named', async () => {
    const before = {
      services: [
        { id: 's1', name: 'kept', tags: [] },
        { id: 's2', name: 'gone' },
      ],
      routes: [{ id: 'r1', name: 'r', paths: ['/a'] }],
    };
    const after = {
      services: [
        { id: 's3', name: 'new' },
        { id: 's1', name: 'kept', tags: [] },
      ],
      routes: [{ id: 'r1', name: 'r', paths: ['/b'] }],
    };

    const found = await changes(before, after);

    expect(found).toEqual({
      services: {
        added: 1,
        updated: 0,
        removed: 1,
        examples: { ...none, added: ['new'], removed: ['gone'] },
      },
      routes: { added: 0, updated: 1, removed: 0, examples: { ...none, updated: ['r'] } },
    });
    expect(summarizeChanges(found)).toBe('services +1 −1, routes ~1');
  });

  it('are none when only the order of rows and keys differs, at any depth', async () => {
    const before = {
      plugins: [
        { id: 'a', name: 'x', config: { one: { p: 1, q: [1, { r: 2, s: 3 }] }, two: null } },
        { id: 'b', name: 'y' },
      ],
    };
    const after = {
      plugins: [
        { name: 'y', id: 'b' },
        { config: { two: null, one: { q: [1, { s: 3, r: 2 }], p: 1 } }, name: 'x', id: 'a' },
      ],
    };

    const found = await changes(before, after);

    expect(found).toEqual({});
    expect(summarizeChanges(found)).toBe('no entity');
  });

  it('do not take the next key for the id of a row whose id is a number', async () => {
    const row = (key: string, value: number) => ({ id: 5, name: 'n', key, value });

    const found = await changes(
      { things: [row('a', 1), row('b', 1)] },
      { things: [row('a', 1), row('b', 2)] },
    );

    expect(found['things']).toMatchObject({ added: 0, updated: 1, removed: 0 });
  });

  it('see a list in another order as a change', async () => {
    const found = await changes(
      { routes: [{ id: 'a', paths: ['/a', '/b'] }] },
      { routes: [{ id: 'a', paths: ['/b', '/a'] }] },
    );

    expect(found['routes']?.updated).toBe(1);
  });

  it('never name what may be a secret', async () => {
    const secret = 'hunter2-token';
    const id = '0c1f7a3e-1111-4222-8333-444455556666';
    const before = {
      keyauth_credentials: [],
      jwt_secrets: [],
      parameters: [],
      custom_things: [],
    };
    const after = {
      keyauth_credentials: [{ id, key: secret, name: secret }],
      jwt_secrets: [{ id, key: secret, secret }],
      parameters: [{ key: secret, value: secret }],
      custom_things: [{ name: secret, password: secret }],
    };

    const found = await changes(before, after);

    expect(JSON.stringify(found)).not.toContain(secret);
    expect(found['keyauth_credentials']?.examples.added).toEqual([id]);
    expect(found['parameters']?.examples.added).toEqual(['(without id)']);
  });

  it('name five of each at the most', async () => {
    const services = Array.from({ length: 6 }, (_, index) => ({
      id: `id-${index}`,
      name: `service-${index}`,
    }));

    const found = await changes({ services: [] }, { services });

    expect(found['services']?.added).toBe(6);
    expect(found['services']?.examples.added).toHaveLength(5);
  });

  it('are given up where too many rows have no other side, and not a row sooner', async () => {
    const services = Array.from({ length: 10 }, (_, index) => ({ id: `id-${index}`, name: 'n' }));
    const rowBytes = JSON.stringify(services[0]).length + 200;
    const compare = (maxWaitingBytes: number) =>
      changesBetween(opener({ services: [] }), opener({ services }), maxWaitingBytes);

    await expect(compare(10 * rowBytes)).resolves.toMatchObject({ services: { added: 10 } });
    await expect(compare(10 * rowBytes - 1)).rejects.toBeInstanceOf(TooDifferent);
  });

  it('need no memory for rows behind one that was added or removed', async () => {
    const rows = Array.from({ length: 100 }, (_, index) => ({ id: `id-${index}`, name: 'n' }));
    const rowBytes = JSON.stringify(rows[99]).length + 200;
    const fewer = rows.filter((_, index) => index !== 3);

    const added = await changesBetween(opener({ rows: fewer }), opener({ rows }), 3 * rowBytes);
    const removed = await changesBetween(opener({ rows }), opener({ rows: fewer }), 3 * rowBytes);

    expect([added['rows'], removed['rows']]).toMatchObject([{ added: 1 }, { removed: 1 }]);
  });

  it('are what a comparison of the parsed files finds, for any content and pieces', async () => {
    const row = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      name: fc.string(),
      value: fc.jsonValue(),
    });
    const rows = fc.uniqueArray(row, { selector: ({ id }) => id });
    const table = fc.record({ services: rows, 'odd "type" {': rows });
    await fc.assert(
      fc.asyncProperty(table, table, fc.integer({ min: 1, max: 40 }), async (before, after, pieceBytes) => {
        const found = await changes(before, after, pieceBytes);

        for (const type of Object.keys(before) as (keyof typeof before)[]) {
          const old = new Map(before[type].map((each) => [each.id, JSON.stringify(sorted(each))]));
          const now = new Map(after[type].map((each) => [each.id, JSON.stringify(sorted(each))]));
          const added = [...now.keys()].filter((id) => !old.has(id)).length;
          const removed = [...old.keys()].filter((id) => !now.has(id)).length;
          const updated = [...now].filter(([id, content]) => old.has(id) && old.get(id) !== content).length;
          // The reader leaves a type's name as it is escaped.
          const {
            added: a = 0,
            updated: u = 0,
            removed: r = 0,
          } = found[JSON.stringify(type).slice(1, -1)] ?? {};
          expect([a, u, r]).toEqual([added, updated, removed]);
        }
      }),
    );
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
