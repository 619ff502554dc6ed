import { describe, expect, it } from '@jest/globals';
import { computeConfigHash, formatNumber } from '../../../core/kong/config-hash.ts';
import { recordedFrame } from './recording.ts';

const hashOf = (table: Readonly<Record<string, unknown>>, pieceBytes = 1_000) => {
  const bytes = Buffer.from(JSON.stringify(table));
  return computeConfigHash({
    async *pieces() {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        yield bytes.subarray(at, at + pieceBytes);
      }
    },
    entities: Object.fromEntries(
      Object.entries(table).flatMap(([name, list]) => (Array.isArray(list) ? [[name, list.length]] : [])),
    ),
    scalars: new Map(Object.entries(table).filter(([, value]) => !Array.isArray(value))),
  });
};
const recorded = recordedFrame('3.9.1').content;
const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
};

describe('the hash of a configuration that came without one', () => {
  it.each([1_000_000, 1_000, 7])(
    'is the one that a real control plane computed, in pieces of %d',
    async (bytes) => {
      expect(await hashOf(recorded.config_table, bytes)).toBe(recorded.config_hash);
    },
  );

  it('does not depend on the order of keys', async () => {
    const table = reversed(recorded.config_table) as Readonly<Record<string, unknown>>;

    expect(Object.keys(table)[0]).not.toBe(Object.keys(recorded.config_table)[0]);
    expect(await hashOf(table)).toBe(recorded.config_hash);
  });

  it.each([
    ['another value', { consumers: [{ id: 'a', tags: ['x'] }] }],
    ['another list', { acls: [{ id: 'a', tags: [] }] }],
    ['an empty list more', { consumers: [{ id: 'a', tags: [] }], snis: [] }],
    ['another scalar', { _transform: true, consumers: [{ id: 'a', tags: [] }] }],
  ])('is another one for %s', async (_what, table) => {
    const before = await hashOf({ consumers: [{ id: 'a', tags: [] }] });

    expect(await hashOf(table)).not.toBe(before);
  });

  it('is Kong’s also for a text of more than a million bytes, which it hashes on the way', async () => {
    const consumers = Array.from({ length: 20_000 }, (_, at) => ({
      id: String(at),
      username: `user-${at}`.repeat(5),
    }));

    // By Kong's own function in its own LuaJIT.
    expect(await hashOf({ _format_version: '3.0', _transform: false, consumers })).toBe(
      '2721a48bf936956b178a1ffac53f9ef6',
    );
  });
});

describe('a number in it', () => {
  it.each([
    [0, '0'],
    [80, '80'],
    [-1, '-1'],
    [1795377387, '1795377387'],
    [1795377387.501, '1795377387.501'],
    [0.01, '0.01'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [99999999999999, '99999999999999'],
    [100000000000000, '1e+14'],
    // As LuaJIT rounds; glibc would round to the even digit.
    [123456789012345, '1.2345678901235e+14'],
    [1 / 3, '0.33333333333333'],
    [1e300, '1e+300'],
    [1234567890123.45, '1234567890123.4'],
    [99999999999999.5, '1e+14'],
    [2 ** 53, '9.007199254741e+15'],
    [-2.5e-7, '-2.5e-07'],
  ])('%d is written as C would: %s', (value, written) => {
    expect(formatNumber(value)).toBe(written);
  });
});
