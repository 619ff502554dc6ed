import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConfigHashFinder } from '../../../core/kong/config-hash-finder.ts';
import { recordedFrame } from './recording.ts';

const hash = '0cb222c3ca1f465ee7578d9c4972c141';
const other = 'f'.repeat(32);

/** What is found in a text that comes in pieces of this size. */
function find(text: string, pieceBytes = 7): string | undefined {
  const finder = new ConfigHashFinder();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    finder.write(bytes.subarray(at, at + pieceBytes));
  }
  return finder.end();
}

const inTable = (content: string) =>
  `{"config_table":{"plugins":[{"config":${content}}]},"timestamp":1.5,"config_hash":"${hash}"}`;

describe('the hash in a frame', () => {
  it.each([
    ['behind the table', `{"config_table":{"services":[]},"config_hash":"${hash}","hashes":{"config":"a"}}`],
    ['before the table', `{"type":"reconfigure","config_hash":"${hash}","config_table":{"services":[{}]}}`],
    ['with white space', `{ "config_table" : { } , "config_hash" :\n "${hash}" }\n`],
    ['beside one in a plugin', inTable(`{"config_hash":"${other}"}`)],
    ['beside a text that quotes one', inTable(JSON.stringify(`"config_hash":"${other}"}]}}`))],
    ['beside a name that ends like it', inTable(`{"my\\"config_hash":"${other}"}`)],
    ['beside a value of that name', inTable('"config_hash"')],
  ])('is found %s, however the frame is cut', (_, text) => {
    const cuts = Array.from({ length: text.length }, (__, index) => find(text, index + 1));

    expect(new Set(cuts)).toEqual(new Set([hash]));
  });

  it.each([
    ['there is none', '{"config_table":{"services":[]},"type":"reconfigure"}'],
    [
      'there is one in the table only',
      `{"config_table":{"plugins":[{"config_hash":"${other}"}]},"timestamp":1}`,
    ],
    ['the table has it behind everything else', `{"timestamp":1,"config_table":{"config_hash":"${other}"}}`],
    ['it is null', '{"config_table":{},"config_hash":null}'],
    ['it is too short', `{"config_table":{},"config_hash":"${hash.slice(1)}"}`],
    ['it is in capitals', `{"config_table":{},"config_hash":"${hash.toUpperCase()}"}`],
    ['the frame ends too early', `{"config_table":{},"config_hash":"${hash}"`],
    ['something stands behind the frame', `{"config_table":{},"config_hash":"${hash}"}{}`],
    ['it is no JSON', 'a server error'],
    ['nothing came', ''],
  ])('is not found where %s', (_, text) => {
    expect(find(text)).toBeUndefined();
  });

  it('is known at once where it stands before the table', () => {
    const finder = new ConfigHashFinder();

    finder.write(Buffer.from(`{"config_hash":"${hash}","config_table":{"services":[`));

    expect(finder.found).toBe(hash);
  });

  it('is not taken for known while it could still be a part of the table', () => {
    const finder = new ConfigHashFinder();

    finder.write(Buffer.from(`{"config_table":{"config_hash":"${hash}"`));

    expect(finder.found).toBeUndefined();
  });

  it.each(['3.9.1', '3.8.1', '3.4.0'])('is found in what Kong sent to a data plane of %s', (version) => {
    const { content } = recordedFrame(version);

    expect(find(JSON.stringify(content), 4096)).toBe(content.config_hash);
  });

  it('is never another one, whatever the table holds and however it is cut', () => {
    const key = fc.constantFrom(
      'config_hash',
      'config_table',
      'a',
      '"config_hash"',
      '\\"config_hash',
      '{',
      '[',
    );
    const leaf = fc.oneof(key, fc.constant(other), fc.integer(), fc.constant(null));
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        leaf,
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    const envelope = fc.record({
      before: fc.dictionary(
        key.filter((name) => name !== 'config_hash'),
        tree,
        { maxKeys: 3 },
      ),
      value: fc.oneof(fc.constant(hash), fc.constant(undefined)),
      behind: fc.dictionary(
        key.filter((name) => name !== 'config_hash'),
        tree,
        { maxKeys: 3 },
      ),
    });

    fc.assert(
      fc.property(envelope, fc.integer({ min: 1, max: 40 }), ({ before, value, behind }, pieceBytes) => {
        const rest = Object.fromEntries(Object.entries(behind).filter(([name]) => !(name in before)));
        const text = JSON.stringify({ ...before, config_hash: value, ...rest });
        const found = find(text, pieceBytes);
        // One in what follows hides it. Then the ring tells no hash.
        const isHidden = JSON.stringify(rest).includes('"config_hash"');
        expect(found === value || (isHidden && found === undefined)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
