import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deliveryKind, isSignedByOneOf, largestPingBytes } from '../../../core/kong/event-hook.ts';

const secret = 'current secret';
const body = Buffer.from('{"source": "dao:crud",  "entity": {"name":"\\u00e9"}}');

function signature(algorithm: 'sha1' | 'sha256', key: string, content: Uint8Array): string {
  return `${algorithm}=${createHmac(algorithm, key).update(content).digest('hex')}`;
}

const sha256 = signature('sha256', secret, body);

describe('the signature of an event hook', () => {
  it.each<[title: string, secrets: readonly string[], signedWith: string, good: boolean]>([
    ['the current secret', ['current secret', 'previous'], 'current secret', true],
    ['the previous secret', ['current secret', 'previous'], 'previous', true],
    ['another secret', ['current secret', 'previous'], 'one before', false],
    ['a secret when there is none', [], 'current secret', false],
    ['the empty secret that somebody stored', [''], '', false],
    ['a good secret beside an empty one', ['', 'current secret'], 'current secret', true],
    ['the empty secret beside a good one', ['current secret', ''], '', false],
  ])('with %s, by either algorithm', (_, secrets, signedWith, good) => {
    const results = (['sha1', 'sha256'] as const).map((algorithm) =>
      isSignedByOneOf({ signature: signature(algorithm, signedWith, body), body }, secrets, true),
    );

    expect(results).toEqual([good, good]);
  });

  it('by sha1 is refused where sha1 is forbidden, and sha256 is not', () => {
    const results = (['sha1', 'sha256'] as const).map((algorithm) =>
      isSignedByOneOf({ signature: signature(algorithm, secret, body), body }, [secret], false),
    );

    expect(results).toEqual([false, true]);
  });

  it('covers the raw bytes: the same JSON written anew does not pass', () => {
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(body.toString('utf8'))));

    const result = isSignedByOneOf({ signature: sha256, body: rewritten }, [secret], true);

    expect(result).toBe(false);
  });

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['only the digest', sha256.slice('sha256='.length)],
    ['no digest', 'sha256='],
    ['one digit less', sha256.slice(0, -1)],
    ['one byte less', sha256.slice(0, -2)],
    ['one byte more', `${sha256}00`],
    ['one digit more', `${sha256}0`],
    ['a space in front', ` ${sha256}`],
    ['a line end behind', `${sha256}\n`],
    ['two signatures', `${sha256},${sha256}`],
    ['the name in capitals', sha256.replace('sha256', 'SHA256')],
    ['an algorithm that nobody agreed on', sha256.replace('sha256', 'md5')],
    ['the digest of one under the name of the other', sha256.replace('sha256', 'sha1')],
    ['no hexadecimal', `sha256=${'z'.repeat(64)}`],
  ])('is refused with %s', (_, header) => {
    expect(isSignedByOneOf({ signature: header, body }, [secret], true)).toBe(false);
  });

  it.each([
    ['capitals', sha256.slice('sha256='.length).toUpperCase()],
    ['both', sha256.slice('sha256='.length).replace(/[a-f]/, (digit) => digit.toUpperCase())],
  ])('is the same in %s', (_, digest) => {
    expect(isSignedByOneOf({ signature: `sha256=${digest}`, body }, [secret], true)).toBe(true);
  });

  it('is checked with bytes as with the text that they are, and never with none', () => {
    const bytes = Uint8Array.of(0, 255, 128);
    const header = `sha256=${createHmac('sha256', bytes).update(body).digest('hex')}`;

    const results = [[bytes], [Buffer.from(bytes)], [bytes.subarray(1)], [new Uint8Array()]].map((keys) =>
      isSignedByOneOf({ signature: header, body }, keys, true),
    );
    const empty = isSignedByOneOf(
      { signature: signature('sha256', '', body), body },
      [new Uint8Array()],
      true,
    );

    expect([...results, empty]).toEqual([true, true, false, false, false]);
  });

  it('passes for what was signed, and for no body or secret that differs from it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ maxLength: 200 }),
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.constantFrom('sha1', 'sha256'),
        (content, otherContent, key, otherKey, algorithm) => {
          const header = signature(algorithm, key, content);
          // HMAC pads short keys with zeros (RFC 2104 section 2), so that these two are the same key.
          const sameKey = key.replace(/\0+$/, '') === otherKey.replace(/\0+$/, '');

          expect(isSignedByOneOf({ signature: header, body: content }, [otherKey, key], true)).toBe(true);
          expect(isSignedByOneOf({ signature: header, body: otherContent }, [key], true)).toBe(
            Buffer.from(content).equals(Buffer.from(otherContent)),
          );
          expect(isSignedByOneOf({ signature: header, body: content }, [otherKey], true)).toBe(sameKey);
        },
      ),
    );
  });
});

describe('the kind of a delivery', () => {
  it.each([
    ['a ping', '{"source":"kong:event_hooks","event":"ping","config":{}}', 'ping'],
    ['a change', '{"source":"dao:crud","event":"services","operation":"update"}', 'change'],
    ['a change of Kong’s own source', '{"source":"kong:event_hooks","event":"pong"}', 'change'],
    ['a ping from elsewhere', '{"source":"dao:crud","event":"ping"}', 'change'],
    ['a body of the user’s own', '{}', 'change'],
    ['nothing', '', 'malformed'],
    ['no JSON', 'payload={}', 'malformed'],
    ['a list', '[]', 'malformed'],
    ['null', 'null', 'malformed'],
    ['a word', '"ping"', 'malformed'],
    ['half an object', '{"source":', 'malformed'],
  ])('%s', (_, text, kind) => {
    expect(deliveryKind(Buffer.from(text))).toBe(kind);
  });

  it.each([
    ['an object', '{"a":"', '"}', 'change'],
    ['an object in white space', ' \t{"a":"', '"} \r\n', 'change'],
    ['a list', '["', '"]', 'malformed'],
    ['half an object', '{"a":"', '"', 'malformed'],
    ['no JSON', 'a=', '', 'malformed'],
    // It is signed, and nothing in it is trusted: an export that changes nothing is all that comes of it.
    ['what only looks like an object', '{', '}', 'change'],
  ])('is seen without parsing it where it is larger than a ping: %s', (_, begin, end, kind) => {
    const body = Buffer.from(`${begin}${'x'.repeat(largestPingBytes + 1)}${end}`);

    expect(deliveryKind(body)).toBe(kind);
  });

  it.each([
    [largestPingBytes, 'ping'],
    [largestPingBytes + 1, 'change'],
  ])('of a ping with %d bytes: %s', (sizeBytes, kind) => {
    const ping = '{"source":"kong:event_hooks","event":"ping"}';

    expect(deliveryKind(Buffer.from(ping.padEnd(sizeBytes)))).toBe(kind);
  });

  it('of white space alone is malformed, however much', () => {
    expect(deliveryKind(Buffer.alloc(largestPingBytes + 1, 0x20))).toBe('malformed');
  });

  it('is malformed when the text is no UTF-8', () => {
    expect(deliveryKind(Buffer.from('{"a":"\xff"}', 'latin1'))).toBe('malformed');
  });
});
