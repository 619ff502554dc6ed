import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { XMLValidator } from 'fast-xml-parser';
import { drawDashboard } from '../../bin/dashboard-picture.ts';

process.env['CDK_VALIDATION'] = 'false';

describe('the picture of the dashboard', () => {
  const picture = drawDashboard();

  it('is the one in docs: draw it again with `npx tsx bin/dashboard-picture.ts`', () => {
    expect(readFileSync('docs/dashboard.svg', 'utf8') === picture).toBe(true);
  });

  it('is well-formed', () => {
    expect(XMLValidator.validate(picture)).toBe(true);
  });

  it('shows the questions in their order, alarms by name, and what each graph has', () => {
    const shown = [...picture.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text = '']) => text);

    const inOrder = [
      'Can a new data plane boot now, with which configuration, and how old is it?',
      'Lifeboat prod: Nothing verified',
      'minutesAgo',
      'Is the pipeline keeping up?',
      '■ prod ChangeToPublished',
      'What do strangers send?',
      'What does it cost?',
      'GB-seconds',
    ];
    expect(shown.filter((text) => inOrder.includes(text))).toEqual(inOrder);
  });
});
