import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type HookKey, hookSecretForms } from '../../../core/intake/hook-secret-forms.ts';

const json = '{"secret":"sesame"}';

describe('a hook secret as it is stored', () => {
  it.each<[what: string, stored: HookKey, keys: readonly HookKey[], oddity: RegExp | undefined]>([
    ['bare', 'sesame', ['sesame'], undefined],
    ['with quotation marks', '"sesame"', ['"sesame"'], undefined],
    ['with a line break', 'sesame\n', ['sesame\n', 'sesame'], /line break at its end/],
    ['with CRLF', 'sesame\r\n', ['sesame\r\n', 'sesame'], /line break at its end/],
    ['with two line breaks', 'sesame\n\n', ['sesame\n\n', 'sesame\n'], /white space/],
    ['with a blank', 'sesame ', ['sesame '], /white space/],
    ['behind a byte order mark', '\uFEFFsesame', ['\uFEFFsesame', 'sesame'], /byte order mark/],
    ['as JSON of one value', json, [json, 'sesame'], /JSON object with one value/],
    ['as such JSON with a line break', `${json}\n`, [`${json}\n`, json, 'sesame'], /one value/],
    ['as JSON of two values', '{"a":"sesame","b":"x"}', ['{"a":"sesame","b":"x"}'], /without a single text/],
    ['as JSON of a number', '{"a":1}', ['{"a":1}'], /without a single text/],
    ['as JSON of nothing', '{"a":""}', ['{"a":""}'], /without a single text/],
    ['as a list', '["sesame"]', ['["sesame"]'], undefined],
    ['with a brace first', '{sesame', ['{sesame'], undefined],
    ['as binary', Buffer.from('sesame'), ['sesame'], /^binary$/],
    ['as binary with a line break', Buffer.from('sesame\n'), ['sesame\n', 'sesame'], /line break/],
    ['as binary JSON', Buffer.from(json), [json, 'sesame'], /one value/],
    ['as bytes that are no text', Uint8Array.of(255, 10), [Uint8Array.of(255, 10)], /^binary$/],
    ['as nothing', '', [], /^nothing/],
    ['as nothing but a line break', '\n', [], /^nothing/],
    ['as no bytes', new Uint8Array(), [], /^nothing/],
  ])('%s: what it may be', (_, stored, keys, oddity) => {
    const forms = hookSecretForms(stored);

    expect(forms.keys).toEqual(keys);
    expect(forms.oddity).toEqual(oddity === undefined ? undefined : expect.stringMatching(oddity));
    expect(forms.oddity ?? '').not.toContain('sesame');
  });

  it('has few keys, none of them empty, and the first is what was stored', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (stored) => {
        const { keys } = hookSecretForms(stored);
        const isEmpty = stored.trim() === '';
        return isEmpty ? keys.length === 0 : keys.length <= 3 && keys[0] === stored && !keys.includes('');
      }),
    );
  });
});
