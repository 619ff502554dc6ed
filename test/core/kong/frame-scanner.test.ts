import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FrameEnvelope } from '../../../core/kong/frame-content.ts';
import { FrameScanner } from '../../../core/kong/frame-scanner.ts';
import { recordedFrameJson } from './recording.ts';

/** @param misplacedBytes by how many the JSON stands beside a word of memory */
function scan(
  json: Buffer | string,
  pieceBytes = Number.POSITIVE_INFINITY,
  misplacedBytes = 0,
): FrameEnvelope {
  const content = Buffer.from(json);
  const bytes = Buffer.from(new ArrayBuffer(content.length + misplacedBytes), misplacedBytes);
  content.copy(bytes);
  const scanner = new FrameScanner();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    scanner.write(bytes.subarray(at, Math.min(bytes.length, at + pieceBytes)));
  }
  return scanner.end();
}

const table = { _format_version: '3.0', _transform: false, services: [{ id: 'a' }] };
const envelope = {
  type: 'reconfigure',
  timestamp: 1_795_377_393.298,
  config_table: table,
  config_hash: '0123456789abcdef0123456789abcdef',
};
const withTable = (configTable: unknown) => JSON.stringify({ ...envelope, config_table: configTable });
/** An envelope whose JSON has `text` as the value of a further key. */
const withValue = (text: string) => JSON.stringify(envelope).replace('{', `{"extra":${text},`);
/** An envelope in whose first entity `text` is the value of a key; another entity follows. */
const inEntity = (text: string) =>
  withTable({ ...table, services: [{ id: 'a', more: [1] }, { id: 'b' }] }).replace('[1]', () => text);

const fragment = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u00',
    '\\u12ab',
    '1',
    '-',
    '0',
    '.',
    'e',
    '+',
    'true',
    'false',
    'fals',
    '[1,20,0,00]',
    '{"c":null}',
    'a string that is longer than a few words',
    'nul',
    'null',
    ' ',
    '\n',
    '\u0001',
    'é',
    '"a"',
    '"b":',
  ],
);
const longText = fc.string({ unit: 'binary', maxLength: 60 });

describe('the frame scanner', () => {
  it.each([
    ['in a value', '"name":"', [0xc3, 0x28]],
    ['in a key', '"na', [0xff]],
    ['that writes a character too long', '"name":"', [0xc0, 0xaf]],
  ])('refuses what is no UTF-8 %s (RFC 8259, 8.1)', (_, behind, bytes) => {
    const json = Buffer.from(inEntity('{"name":"x"}'));
    const at = json.indexOf(behind) + behind.length;
    const broken = Buffer.concat([json.subarray(0, at), Buffer.from(bytes), json.subarray(at)]);

    for (const pieceBytes of [1, 3, 1000]) {
      expect(() => scan(broken, pieceBytes)).toThrow('it is not in UTF-8');
    }
  });

  it.each([
    ['of the envelope', (names: string) => withValue('1').replace('{', `{${names},`)],
    ['of the table', (names: string) => withTable(table).replace('"_transform"', `${names},"_transform"`)],
  ])('keeps no more than 1,000 names %s', (_, makeJson) => {
    const named = (count: number) =>
      makeJson(Array.from({ length: count }, (__, index) => `"n${index}":[]`).join(','));

    expect(() => scan(named(900), 1000)).not.toThrow();
    expect(() => scan(named(1_001), 1000)).toThrow('more than 1000 names');
  });

  it('keeps no entity of more than 32 MiB', () => {
    const of = (bytes: number) => Buffer.from(inEntity(`"${'x'.repeat(bytes)}"`));

    expect(() => scan(of(31 * 2 ** 20), 2 ** 18)).not.toThrow();
    expect(() => scan(of(33 * 2 ** 20), 2 ** 18)).toThrow(
      '"services" in the config_table has an entity of more',
    );
  });

  it.each(['3.9.1', '3.8.1', '3.4.0'])('finds the recorded table for %s, whatever the pieces', (version) => {
    const json = recordedFrameJson(version);
    const recorded = JSON.parse(json.toString('utf8'));

    const found = [1, 2, 7, 1000, Number.POSITIVE_INFINITY].map((pieceBytes) => scan(json, pieceBytes));

    for (const each of found) {
      expect(JSON.parse(json.subarray(each.tableStart, each.tableEnd).toString('utf8'))).toEqual(
        recorded.config_table,
      );
      expect(each.configHash).toBe(recorded.config_hash);
      expect(each.builtAt).toEqual(new Date(Math.floor(recorded.timestamp * 1000)));
      expect(each.entities).toEqual(
        Object.fromEntries(
          Object.entries(recorded.config_table as Record<string, unknown>)
            .filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
            .map(([type, rows]) => [type, rows.length]),
        ),
      );
    }
  });

  it('takes every JSON value that JSON.parse takes, in any pieces', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 1, max: 9 }), fc.nat(3), (text, pieceBytes, indent) => {
        const json = JSON.stringify({ extra: JSON.parse(text), ...envelope }, null, indent);

        const found = scan(json, pieceBytes);

        const bytes = Buffer.from(json);
        expect(JSON.parse(bytes.subarray(found.tableStart, found.tableEnd).toString('utf8'))).toEqual(table);
      }),
    );
  });

  it.each([
    ['in the envelope', withValue],
    ['in an entity', inEntity],
  ])('refuses every text %s that JSON.parse refuses, and takes every other one', (_, makeJson) => {
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(3),
        (fragments, pieceBytes, misplacedBytes) => {
          const json = makeJson(fragments.join(''));
          let parsed: Record<string, unknown> | undefined;
          try {
            parsed = JSON.parse(json) as Record<string, unknown>;
          } catch {
            parsed = undefined;
          }

          let accepted = true;
          try {
            scan(json, pieceBytes, misplacedBytes);
          } catch {
            accepted = false;
          }

          if (parsed === undefined) {
            expect(accepted).toBe(false);
          } else if (!hasTwins(json, parsed)) {
            expect(accepted).toBe(true);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([0, 1, 2, 3])(
    'finds each byte that no string may have, wherever it stands in one (%i bytes beside a word)',
    (misplacedBytes) => {
      for (const byte of ['\u0000', '\u001f', '\n', '"', '\\']) {
        for (let before = 0; before < 40; before += 1) {
          const json = inEntity(`"${'é'.repeat(before % 2)}${'a'.repeat(before)}${byte}${'c'.repeat(20)}"`);

          expect(() => scan(json, 1_000, misplacedBytes)).toThrow(/ at byte \d+/);
        }
      }
    },
  );

  it.each(['[}', '{]', '[1}', '{"c":1]', '[1,]', '{"c":1,}', '[null'])('refuses %s in an entity', (text) => {
    const json = inEntity(text);

    expect(() => scan(json)).toThrow(/ at byte \d+/);
  });

  it('takes strings of any length and of all characters, wherever they stand in memory', () => {
    fc.assert(
      fc.property(fc.array(longText, { maxLength: 5 }), fc.nat(3), (texts, misplacedBytes) => {
        const json = inEntity(JSON.stringify(texts));

        const found = scan(json, 1_000, misplacedBytes);

        expect(found.entities).toEqual({ services: 2 });
      }),
    );
  });

  it.each([
    ['cut short', JSON.stringify(envelope).slice(0, -1)],
    ['nothing', ''],
    ['no object', '[]'],
    ['bytes behind the end', `${JSON.stringify(envelope)} {}`],
    ['another type', JSON.stringify({ ...envelope, type: 'delta' })],
    ['no type', JSON.stringify({ ...envelope, type: undefined })],
    ['a type that is an object', JSON.stringify({ ...envelope, type: { a: 1 } })],
    ['no table', JSON.stringify({ ...envelope, config_table: undefined })],
    ['a table that is null', withTable(null)],
    ['a table that is a list', withTable([])],
    ['an older format version than any', withTable({ ...table, _format_version: '0.9' })],
    ['a format version that is no version', withTable({ ...table, _format_version: '3' })],
    ['a format version that is a number', withTable({ ...table, _format_version: 3.1 })],
    ['no format version', withTable({ ...table, _format_version: undefined })],
    ['_transform true', withTable({ ...table, _transform: true })],
    ['no _transform', withTable({ ...table, _transform: undefined })],
    ['a _comment, which is ours', withTable({ ...table, _comment: 'x' })],
    ['a field that data planes refuse', withTable({ ...table, _info: {} })],
    ['entities that are no list', withTable({ ...table, routes: 'none' })],
    ['entities that are an object', withTable({ ...table, routes: { a: { id: 'a' } } })],
    ['entities that are null', withTable({ ...table, routes: null })],
    ['an entity that is no object', withTable({ ...table, routes: [1] })],
    ['a list in the place of an entity', withTable({ ...table, routes: [[]] })],
    ['a key twice', JSON.stringify(envelope).replace('{', '{"type":"reconfigure",')],
    [
      'a key twice, written differently',
      JSON.stringify(envelope).replace('{', '{"\\u0074ype":"reconfigure",'),
    ],
    ['an entity type twice', withTable(table).replace('"services":[', '"services":[],"services":[')],
    ['a hash that is null', JSON.stringify({ ...envelope, config_hash: null })],
    ['an empty hash', JSON.stringify({ ...envelope, config_hash: '' })],
    ['a hash that is none', JSON.stringify({ ...envelope, config_hash: 'x'.repeat(32) })],
    ['a timestamp that is null', JSON.stringify({ ...envelope, timestamp: null })],
    ['a timestamp before hybrid mode', JSON.stringify({ ...envelope, timestamp: 0 })],
    ['a timestamp in milliseconds', JSON.stringify({ ...envelope, timestamp: 1_795_377_393_298 })],
    ['a timestamp that is text', JSON.stringify({ ...envelope, timestamp: '1795377393' })],
    ['a key of 300 bytes', withTable({ ...table, ['x'.repeat(300)]: [] })],
  ])('refuses a frame with %s', (_, json) => {
    expect(() => scan(json)).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  });

  it.each([
    ['an older format', { ...table, _format_version: '2.1' }, 0],
    ['the format that we know', table, 0],
    ['a later minor', { ...table, _format_version: '3.1' }, 1],
    ['a later major', { ...table, _format_version: '4.0' }, 1],
  ])('takes a table of %s: warnings %#', (_, content, warnings) => {
    expect(scan(withTable(content)).warnings).toHaveLength(warnings);
  });

  it.each([1, 2, 3, 1_000])(
    'makes a list of each {} that stands for one, in pieces of %d bytes',
    (pieceBytes) => {
      const json = withTable({
        ...table,
        routes: {},
        snis: {},
        services: [{ id: 'a', headers: {} }],
      }).replaceAll('"routes":{}', '"routes":{ \n}');
      const bytes = Buffer.from(json);
      const scanner = new FrameScanner();
      const pieces: Buffer[] = [];

      for (let at = 0; at < bytes.length; at += pieceBytes) {
        pieces.push(Buffer.from(scanner.write(bytes.subarray(at, at + pieceBytes))));
      }

      expect(scanner.end().entities).toMatchObject({ routes: 0, snis: 0, services: 1 });
      expect(JSON.parse(`${Buffer.concat(pieces).toString('utf8')}}`)).toEqual({
        ...table,
        routes: [],
        snis: [],
        services: [{ id: 'a', headers: {} }],
      });
    },
  );

  it.each([
    [98, true],
    [99, true],
    [100, false],
  ])('nested %d levels below its own object: accepted %s', (depth, accepted) => {
    const json = withValue('['.repeat(depth) + ']'.repeat(depth));

    const scanned = () => scan(json);

    if (accepted) {
      expect(scanned).not.toThrow();
    } else {
      expect(scanned).toThrow('nested deeper than 100');
    }
  });

  it('says where a frame is broken', () => {
    expect(() => scan('{"type":tru}')).toThrow('byte 11');
  });
});

/** Whether the text names a key of the upper levels twice, which JSON.parse lets pass. */
function hasTwins(json: string, parsed: Record<string, unknown>): boolean {
  const keys = (json.match(/"(b|a|extra|type|timestamp|config_table|config_hash)"\s*:/g) ?? []).length;
  return keys > Object.keys(parsed).length;
}
