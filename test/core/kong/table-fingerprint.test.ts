import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fingerprintTable } from '../../../core/kong/table-fingerprint.ts';
import { anyJson, rewriteJson, seededChance, shuffled } from './notation.ts';
import { recordedFrame } from './recording.ts';

type Entity = Readonly<Record<string, unknown>>;
type Table = Readonly<Record<string, readonly Entity[]>>;

async function* inPieces(json: string | Uint8Array, pieceBytes = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(json);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield bytes.subarray(at, at + pieceBytes);
  }
}
const fingerprint = (json: string, pieceBytes?: number) => fingerprintTable(inPieces(json, pieceBytes));
const root = { _format_version: '3.0', _transform: false };
const tableOf = (table: object) => JSON.stringify({ ...root, ...table });

describe('the fingerprint of a table', () => {
  it.each([
    [
      'keys in another order',
      '{"b":[{"y":1,"x":{"q":1,"p":2}}],"a":[]}',
      '{"a":[],"b":[{"x":{"p":2,"q":1},"y":1}]}',
    ],
    ['entities in another order', '{"a":[{"id":1},{"id":2}]}', '{"a":[{"id":2},{"id":1}]}'],
    ['spaces', '{"a":[{"id":1},{"id":2}]}', ' { "a" : [ {"id":1 } ,\n{ "id":2} ] } '],
    ['another notation of strings', '{"a/b":[{"p":"/é"}]}', '{"a\\/b":[{"\\u0070":"\\/\\u00e9"}]}'],
    ['a comment', '{"a":[{"id":1}],"_comment":"who, \\"{[\\" when"}', '{"a":[{"id":1}]}'],
  ])('does not change with %s', async (_, one, other) => {
    const fingerprints = [await fingerprint(one), await fingerprint(other)];

    expect(fingerprints[0]).toBe(fingerprints[1]);
    expect(fingerprints[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['a field more', '{"a":[{"id":1}]}', '{"a":[{"id":1,"x":null}]}'],
    ['the order of a list in an entity', '{"a":[{"p":[1,2]}]}', '{"a":[{"p":[2,1]}]}'],
    ['an entity twice', '{"a":[{"id":1},{"id":2}]}', '{"a":[{"id":1},{"id":2},{"id":2}]}'],
    ['another entity twice', '{"a":[{"id":1},{"id":1},{"id":2}]}', '{"a":[{"id":1},{"id":2},{"id":2}]}'],
    ['an entity in another list', '{"a":[{"id":1}],"b":[{"id":2}]}', '{"a":[{"id":2}],"b":[{"id":1}]}'],
    ['fields in another entity', '{"a":[{"x":1,"y":2},{}]}', '{"a":[{"x":1},{"y":2}]}'],
    [
      'values in another entity',
      '{"a":[{"x":1,"y":1},{"x":2,"y":2}]}',
      '{"a":[{"x":1,"y":2},{"x":2,"y":1}]}',
    ],
    ['the name of a list', '{"a":[{"id":1}]}', '{"b":[{"id":1}]}'],
    ['an empty list more', '{"a":[{"id":1}]}', '{"a":[{"id":1}],"b":[]}'],
    ['an empty object for an empty list', '{"a":[]}', '{"a":{}}'],
    ['another format', '{"_format_version":"3.0"}', '{"_format_version":"3.1"}'],
    ['another transform', '{"_transform":false}', '{"_transform":true}'],
    ['a list that looks like a scalar’s digest', '{"a":[]}', '{"a":""}'],
    ['nothing', '{"a":[{}]}', '{}'],
  ])('changes with %s', async (_, one, other) => {
    expect(await fingerprint(one)).not.toBe(await fingerprint(other));
  });

  it.each(['3.9.1', '3.4.0'])('is that of the table for %s in any other notation', async (version) => {
    const table = recordedFrame(version).content.config_table;
    const rewritten = [1, 2, 3].map((seed) => rewriteJson(table, seededChance(seed)));

    const found = await Promise.all(
      [JSON.stringify(table), ...rewritten].map((each) => fingerprint(each, 997)),
    );

    expect(new Set(found).size).toBe(1);
  });

  it('is another one for another version', async () => {
    const [newer, older] = await Promise.all(
      ['3.9.1', '3.4.0'].map((version) =>
        fingerprint(JSON.stringify(recordedFrame(version).content.config_table), 4096),
      ),
    );

    expect(newer).not.toBe(older);
  });

  it('changes with any single character of a recorded value', async () => {
    const table = JSON.stringify(recordedFrame('3.9.1').content.config_table);
    const whole = await fingerprint(table, 4096);
    const characters = [...table.matchAll(/[0-9a-z](?=[0-9a-z"])/g)].map(({ index }) => index);
    const step = Math.floor(characters.length / 60);
    expect(step).toBeGreaterThan(10);

    for (let each = 0; each < characters.length; each += step) {
      const at = characters[each] ?? 0;
      const changed = `${table.slice(0, at)}${table[at] === '1' ? '2' : '1'}${table.slice(at + 1)}`;
      expect({ at, isEqual: (await fingerprint(changed, 4096)) === whole }).toEqual({ at, isEqual: false });
    }
  });

  it('is the same for the same content alone, for any content, notation and pieces', async () => {
    const entity = fc.dictionary(fc.constantFrom('id', 'name', 'a/b', 'ü'), anyJson({ maxDepth: 2 }));
    const entities = fc.array(entity, { maxLength: 4 });
    const table = fc.record({ services: entities, 'odd "type" {/': entities }, { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(
        table,
        table,
        fc.integer(),
        fc.integer({ min: 1, max: 40 }),
        async (one, other, seed, pieceBytes) => {
          const chance = seededChance(seed);
          const rewrite = (each: Table) =>
            rewriteJson(
              {
                ...root,
                ...Object.fromEntries(
                  Object.entries(each).map(([type, list]) => [type, shuffled(list, chance)]),
                ),
              },
              chance,
            );

          const [first, again, second] = await Promise.all(
            [rewrite(one as Table), rewrite(one as Table), rewrite(other as Table)].map((each) =>
              fingerprint(each, pieceBytes),
            ),
          );

          expect(again).toBe(first);
          expect(second === first).toBe(contentOf(one as Table) === contentOf(other as Table));
        },
      ),
    );
  });

  it('is that of a table of thousands of entities, wherever its pieces end', async () => {
    const services = Array.from({ length: 3_000 }, (_, index) => ({ id: index, name: `s${index}` }));
    const json = tableOf({ services });

    const fingerprints = await Promise.all(
      [1, 1_000, json.length].map((pieceBytes) => fingerprint(json, pieceBytes)),
    );

    expect(new Set(fingerprints).size).toBe(1);
  });
});

/** The content as another implementation sees it: lists as sets, objects without an order. */
function contentOf(table: Table): string {
  return JSON.stringify(
    Object.entries(table)
      .map(([type, list]) => [type, list.map((each) => JSON.stringify(sorted(each))).sort()])
      .sort(),
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  return typeof value === 'object' && value !== null
    ? Object.entries(value)
        .map(([key, inner]) => [key, sorted(inner)])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    : value;
}
