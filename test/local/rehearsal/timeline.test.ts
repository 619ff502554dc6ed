import { afterEach, describe, expect, it } from '@jest/globals';
import {
  countNoun,
  describeManifest,
  formatKilobytes,
  paintFor,
  startTimeline,
} from '../../../local/rehearsal/timeline.ts';
import { manifestOf } from '../../cli/published-file.ts';

describe('a timeline', () => {
  it('writes a line per step, with the second at which it was done', () => {
    const lines: string[] = [];
    const { title, step, result, seconds } = startTimeline((line) => lines.push(line));

    title('A rehearsal');
    step('First export', 'revision 1');
    step('Nothing else');
    result('Tampered file', true, 'refused');
    result('Outage', false, 'NOT as expected');
    result('Changes', null, 'left out');

    expect(lines.map((line) => line.replace(/^ {3}\d\.\d s/, '   0.0 s'))).toEqual([
      '\nA rehearsal\n\n',
      '   0.0 s  ✓ First export                    revision 1\n',
      '   0.0 s  ✓ Nothing else\n',
      '   0.0 s  ✓ Tampered file                   refused\n',
      '   0.0 s  ✗ Outage                          NOT as expected\n',
      '   0.0 s  – Changes                         left out\n',
    ]);
    expect(seconds()).toBeLessThan(10);
  });
});

describe('colours', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  it.each([
    ['a terminal', { isTTY: true }, {}, true],
    ['a file', {}, {}, false],
    ['who wants none', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['a terminal that has none', { isTTY: true }, { TERM: 'dumb' }, false],
  ])('are for a terminal, and for nobody who wants none: %s', (_what, stream, variables, isColoured) => {
    process.env = { TERM: 'xterm', ...variables };

    const painted = paintFor(stream)('green', 'text');

    expect(painted).toBe(isColoured ? '\u001b[32mtext\u001b[39m' : 'text');
  });
});

describe('a manifest', () => {
  it('is described by its three most frequent types, without what Kong itself adds', () => {
    const manifest = manifestOf({
      revision: 2,
      size: 32_149,
      entities: { workspaces: 99, parameters: 98, routes: 7, services: 8, plugins: 13, snis: 1, total: 226 },
    });

    const text = describeManifest(manifest);

    expect(text).toBe('revision 2 · 226 entities (plugins 13, services 8, routes 7, …) · 32.1 kB');
  });

  it.each([
    [{ services: 2, routes: 1, total: 3 }, '3 entities (services 2, routes 1)'],
    [{ a: 3, b: 2, c: 1, total: 6 }, '6 entities (a 3, b 2, c 1)'],
  ])('is described without an ellipsis where nothing is left out: %j', (entities, text) => {
    expect(describeManifest(manifestOf({ entities }))).toContain(`${text} · `);
  });

  it('is described by its total where it holds no more', () => {
    expect(describeManifest(manifestOf({ entities: { total: 5 }, size: 1000 }))).toBe(
      'revision 7 · 5 entities · 1.0 kB',
    );
  });
});

it.each([
  [0, '0 exports'],
  [1, '1 export'],
  [2, '2 exports'],
])('%d is counted as %s', (count, text) => {
  expect(countNoun(count, 'export')).toBe(text);
});

it.each([
  [0, '0.0 kB'],
  [1049, '1.0 kB'],
  [1051, '1.1 kB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatKilobytes(bytes)).toBe(text);
});
