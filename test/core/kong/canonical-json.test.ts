import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalizeJson } from '../../../core/kong/canonical-json.ts';
import { anyJson, rewriteJson, seededChance } from './notation.ts';

const canonical = (json: string | Uint8Array) =>
  canonicalizeJson(typeof json === 'string' ? Buffer.from(json) : json);
const value = anyJson({ stringUnit: 'binary' });

describe('the canonical form of JSON', () => {
  it.each([
    ['spaces', ' { "a" : [ 1 , 2 ] ,\n\t"b":\r{ } } ', '{"a":[1,2],"b":{}}'],
    ['keys in another order, at any depth', '{"b":{"d":1,"c":2},"a":3}', '{"a":3,"b":{"c":2,"d":1}}'],
    ['a slash that is escaped', '{"a":"x\\/y"}', '{"a":"x/y"}'],
    ['a letter that is escaped', '{"\\u0061":"\\u0062\\u0063d"}', '{"a":"bcd"}'],
    ['what must be escaped', '["\\u0022","\\u005C","\\u000a"]', '["\\"","\\\\","\\n"]'],
    ['an escaped backslash before a u', '["\\\\u0061"]', '["\\\\u0061"]'],
    ['a pair of surrogates', '["\\ud83d\\ude00"]', '["😀"]'],
    ['bytes beyond ASCII', '["\\u00fc\\u20ac"]', '["ü€"]'],
  ])('does not keep %s', (_, written, expected) => {
    const form = canonical(written);

    expect(Buffer.from(form, 'latin1').toString('utf8')).toBe(expected);
    expect(canonical(Buffer.from(form, 'latin1'))).toBe(form);
  });

  it.each([
    ['the order of a list', '[1,2]', '[2,1]'],
    ['the kind of a value', '["1"]', '[1]'],
    ['null and what is not there', '{"a":null}', '{}'],
    ['null and a word', '[null]', '["null"]'],
    ['an empty list and an empty object', '{"a":[]}', '{"a":{}}'],
    ['numbers that are one double', '[9007199254740992]', '[9007199254740993]'],
    ['numbers beyond any double', '[1e400]', '[1e500]'],
    ['zero and its negative', '[0]', '[-0]'],
    ['a key that stands twice and one that does not', '{"a":1,"a":2}', '{"a":2}'],
    ['where a string ends', '["a","b"]', '["a\\",\\"b"]'],
    ['keys that look like their values', '{"a":"b"}', '{"b":"a"}'],
    ['halves of surrogate pairs', '["\\ud800"]', '["\\ud801"]'],
    ['half of a surrogate pair and the sign for what cannot be read', '["\\ud800"]', '["\\ufffd"]'],
    ['half of a surrogate pair and its name', '["\\ud800"]', '["\\\\ud800"]'],
    ['__proto__ and nothing', '{"__proto__":1}', '{}'],
    ['where an object ends', '[{"a":1},{"b":2}]', '[{"a":1,"b":2},{}]'],
  ])('tells %s apart', (_, one, other) => {
    expect(canonical(one)).not.toBe(canonical(other));
  });

  it('tells bytes apart that are no UTF-8', () => {
    const withByte = (byte: number) =>
      Buffer.concat([Buffer.from('["'), Buffer.of(byte), Buffer.from('\\n"]')]);

    expect(canonical(withByte(0xff))).not.toBe(canonical(withByte(0xfe)));
  });

  it('is one for all notations of a value, and another for any other value', () => {
    fc.assert(
      fc.property(value, value, fc.integer(), (one, other, seed) => {
        const chance = seededChance(seed);

        const forms = [one, one, other].map((each) => canonical(rewriteJson(each, chance)));

        expect(forms[1]).toBe(forms[0]);
        expect(forms[2] === forms[0]).toBe(isSame(one, other));
      }),
    );
  });

  it.each(['', '{"a"', '["a', '[1,', '["a\\'])('refuses %j, which nobody checked', (cut) => {
    expect(() => canonical(cut)).toThrow('not checked');
  });
});

function isSame(one: unknown, other: unknown): boolean {
  try {
    expect(one).toStrictEqual(other);
    return true;
  } catch {
    return false;
  }
}
