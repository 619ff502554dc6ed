import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ImportFilter, writeForImport } from '../../../core/fetch/import-file.ts';

const recorded = JSON.parse(
  await readFile(
    new URL('../../fixtures/kong-3.9.1/cluster/reconfigure-3.9.1.json', import.meta.url),
    'utf8',
  ),
).config_table as Record<string, unknown>;

function filtered(text: string, chunkBytes = 2 ** 20) {
  const bytes = Buffer.from(text);
  const filter = new ImportFilter();
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    parts.push(filter.filter(bytes.subarray(from, from + chunkBytes)));
  }
  return { text: Buffer.concat(parts).toString('utf8'), workspaces: filter.workspaces };
}

function without(table: object): object {
  const { workspaces: _, parameters: __, ...rest } = table as Record<string, unknown>;
  return rest;
}

describe('a file for an import', () => {
  it.each([1, 7, 4096, 2 ** 20])(
    'is the recorded one without its workspaces and parameters, by %d bytes',
    (bytes) => {
      const { text, workspaces } = filtered(JSON.stringify({ ...recorded, _comment: 'a "comment"' }), bytes);

      expect(recorded).toHaveProperty('workspaces');
      expect(JSON.parse(text)).toEqual(without({ ...recorded, _comment: 'a "comment"' }));
      expect(workspaces).toBe(1);
    },
  );

  it.each([
    ['{}', '{}', 0],
    ['{"workspaces":[]}', '{}', 0],
    ['{"workspaces":[{"id":"{\\"}"}],"a":1}', '{"a":1}', 1],
    ['{"a":1,"workspaces":[{"meta":{"x":[{}]}},{}]}', '{"a":1}', 2],
    ['{"a":1 , "parameters" : [{}] , "b" : {"workspaces":[{}]}}', '{"a":1 ,"b" : {"workspaces":[{}]}}', 0],
    ['{"work\\u0073paces":[{}],"a":"workspaces"}', '{"a":"workspaces"}', 1],
  ])('of %s is %s', (given, expected, workspaces) => {
    expect(filtered(given)).toEqual({ text: expected, workspaces });
    expect(filtered(given, 1)).toEqual({ text: expected, workspaces });
  });

  it.each([
    ['{"keyauth_credentials":[{"ttl":1795722532},{"ttl":null},{"key":"ttl","ttl" : 5.5}]}', 2],
    ['{"keyauth_credentials":[{"key":"a","ttl":null,"created_at":7}]}', 0],
    ['{"plugins":[{"config":{"ttl":5},"tags":["ttl",1]}],"ttl":5}', 0],
    ['{"keyauth_credentials":[{"ttl":null}],"_version":5}', 0],
    ['{"plugins":[{"name":"ttl"},{"x":"\\"ttl\\":5","y":1}]}', 0],
  ])('of %s has entities that end by themselves: %d', (given, expiring) => {
    for (const chunkBytes of [1, 2 ** 20]) {
      const filter = new ImportFilter();
      for (let from = 0; from < given.length; from += chunkBytes) {
        filter.filter(Buffer.from(given.slice(from, from + chunkBytes)));
      }
      expect(filter.expiring).toBe(expiring);
    }
  });

  it('is right for any JSON in any pieces', () => {
    const key = fc.oneof(fc.constantFrom('workspaces', 'parameters', 'a\\"', '{'), fc.string());
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), fc.integer({ min: 1, max: 9 }), (table, bytes) => {
        const expected = JSON.stringify(without(table));
        expect(JSON.stringify(JSON.parse(filtered(JSON.stringify(table), bytes).text))).toBe(expected);
      }),
    );
  });
});

describe('writing it', () => {
  const write = async (table: object) => {
    const seen = { written: '', isComplete: false, isAbandoned: false };
    const writing = writeForImport(
      (async function* () {
        yield Buffer.from(JSON.stringify(table));
      })(),
      async () => ({
        async write(piece) {
          seen.written += Buffer.from(piece).toString('utf8');
        },
        async complete() {
          seen.isComplete = true;
        },
        async abandon() {
          seen.isAbandoned = true;
        },
      }),
    );
    return { seen, ended: await writing.catch((error: unknown) => error) };
  };

  it('completes what an import takes, and counts what would not end by itself any more', async () => {
    const { seen, ended } = await write(recorded);

    const { keyauth_credentials: keys } = recorded as { keyauth_credentials: { ttl: unknown }[] };
    expect(ended).toBe(keys.filter(({ ttl }) => typeof ttl === 'number').length);
    expect(JSON.parse(seen.written)).toEqual(without(recorded));
    expect(seen).toMatchObject({ isComplete: true, isAbandoned: false });
  });

  it('refuses several workspaces, and leaves what was there', async () => {
    const { seen, ended } = await write({ services: [], workspaces: [{ id: 1 }, { id: 2 }] });

    expect(ended).toMatchObject({
      code: 'verification',
      message: expect.stringContaining('restore the control plane’s database'),
    });
    expect(seen).toMatchObject({ isComplete: false, isAbandoned: true });
  });
});
