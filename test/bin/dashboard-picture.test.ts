import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { XMLValidator } from 'fast-xml-parser';
import { keyOfMetric, readRecording } from '../../bin/dashboard-figures.ts';
import { drawDashboard, listedMetrics } from '../../bin/dashboard-picture.ts';

process.env['CDK_VALIDATION'] = 'false';

/** Nobody is refused and nothing fails: what is told only where there is something to tell is not there. */
const withoutFigures = [
  'Behind',
  'CertificateDaysLeft',
  'CommandsRefused',
  'DrillSeconds',
  'DrillSucceeded',
  'ExportFailed',
  'GrantsRefused',
  'GrantsToDrills',
  'HooksRefused',
  'RestorableAgeSeconds',
  'Throttles',
  'VersionsNotServed',
  'VersionsWithoutFile',
];

describe('the picture of the dashboard', () => {
  const picture = drawDashboard();

  it('is the one in docs: draw it again with `npx tsx bin/dashboard-picture.ts`', () => {
    expect(readFileSync('docs/dashboard.svg', 'utf8') === picture).toBe(true);
  });

  it('is well-formed', () => {
    expect(XMLValidator.validate(picture)).toBe(true);
  });

  it('shows the questions in their order, alarms by name, and what each graph has', () => {
    const shown = [...picture.matchAll(/>([^<>\n]+)</g)].map(([, text = '']) => text.trim());

    const inOrder = [
      'Can a new data plane boot now, with which configuration, and how old is it?',
      'Lifeboat prod: No file verified',
      'minutesAgo',
      'Is the pipeline keeping up?',
      'prod ChangeToPublished',
      'What do strangers send?',
      'What does it cost?',
      'GB-seconds',
    ];
    expect(shown.filter((text) => inOrder.includes(text))).toEqual(inOrder);
  });

  it('has the figures of a rehearsal, and the alarms that these ring', () => {
    const ringing = [...picture.matchAll(/>!<\/text>\n<text[^>]*>([^<]*)</g)].map(([, name]) => name);

    // A mass deletion is held, and an old revision is put back: each is what a rehearsal plays.
    expect(ringing).toEqual(['Lifeboat prod: Foreign object replaced', 'Lifeboat prod: Configuration held']);
    expect(picture.match(/<polyline/g)?.length).toBeGreaterThan(15);
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('lacks figures for nothing but what a rehearsal does not have: record them with `npx tsx bin/record-rehearsal.ts`', () => {
    const { figures } = readRecording();
    const missing = listedMetrics().filter((metric) => !(keyOfMetric(metric) in figures));

    expect(missing.map(({ name }) => name).sort()).toEqual(withoutFigures);
  });
});
