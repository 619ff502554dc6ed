import { describe, expect, it } from '@jest/globals';
import type { Difference, ListedVersion, StatusAnswer } from '../../cli/inspection/answers.ts';
import { findConcerns } from '../../cli/inspection/status-report.ts';
import { statusText } from '../../cli/inspection/status-text.ts';
import { differenceText, diffSummary, historyText, verificationText } from '../../cli/inspection/text.ts';
import { alignColumns, formatValue, forTerminal } from '../../cli/inspection/words.ts';
import { paintFor, plain, wrap } from '../../cli/terminal.ts';

const now = new Date('2026-11-27T12:00:00Z');
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const revision = {
  revision: 12,
  builtAt: minutesAgo(180),
  exportedAt: minutesAgo(180),
  entities: { total: 30_000, services: 30_000 },
  sizeBytes: 13_000_000,
  sha256: 'a'.repeat(64),
  pinned: false,
};
const good: StatusAnswer = {
  controlPlane: 'prod',
  lookedAt: now,
  checkedAt: minutesAgo(4),
  versions: [{ kongVersion: '3.9.1', state: 'ready', current: revision }],
};
const version = { kongVersion: '3.9.1', state: 'ready', current: revision };
const quarter = 15 * 60_000;
const look = { paint: plain, columns: 60 };
const daysAhead = (days: number) => minutesAgo(-days * 24 * 60);
const widest = (text: string) => Math.max(...text.split('\n').map(({ length }) => length));

describe('status', () => {
  it('finds nothing to look at when all is well, also when a revision is pinned on purpose', () => {
    expect(findConcerns({ ...good, certificateEndsAt: daysAhead(30) }, quarter)).toEqual([]);
    const pinned = { ...version, current: { ...revision, pinned: true } };
    expect(findConcerns({ ...good, versions: [pinned] }, quarter)).toEqual([]);
  });

  it.each<readonly [string, Partial<StatusAnswer>, string]>([
    [
      'is not ready',
      { versions: [{ ...version, state: 'missing', problem: 'Nothing.' }] },
      'missing: Nothing',
    ],
    ['is behind', { versions: [{ ...version, behindSince: minutesAgo(1) }] }, 'older than'],
    ['is not served', { versions: [{ ...version, notServedSince: minutesAgo(1) }] }, 'does not serve'],
    ['is held', { held: { since: minutesAgo(9), reason: 'half is gone' } }, 'half is gone'],
    ['is not believed', { disbelieved: 'it is not signed' }, 'it is not signed'],
    ['was never checked', { checkedAt: undefined }, 'Nothing was checked'],
    ['was checked 16 minutes ago', { checkedAt: minutesAgo(16) }, '16 minutes ago'],
    ['has a certificate for 29 days', { certificateEndsAt: daysAhead(29) }, 'ends in 29 days'],
    ['has a certificate that ended', { certificateEndsAt: daysAhead(-3) }, 'ended 3 days ago'],
  ])('finds one thing to look at when it %s', (_what, changed, words) => {
    const status = { ...good, ...changed };

    const concerns = findConcerns(status, quarter);

    expect(concerns).toEqual([expect.objectContaining({ sentence: expect.stringContaining(words) })]);
    const unbroken = statusText(status, concerns, { ...look, columns: 500 });
    expect(unbroken).toContain(`Needs attention:\n- ${concerns[0]?.sentence}\n`);
    expect(widest(statusText(status, concerns, look))).toBeLessThanOrEqual(60);
  });

  it('fits into 60 columns', () => {
    const lastCommand = {
      command: 'rollback',
      by: 'arn:aws:sts::1:assumed-role/ops/ann',
      reason: 'bad routes',
      at: minutesAgo(70),
      outcome: 'done',
      revision: 12,
    };
    const text = statusText({ ...good, lastCommand, certificateEndsAt: daysAhead(30) }, [], look);

    expect(text).toMatch(/certificate +ends in 30 days\n/);
    expect(text).toMatch(/last command {3}rollback, 1 hour ago: done, revision 12\n/);
    expect(widest(text)).toBeLessThanOrEqual(60);
  });

  it.each([
    [[{ fault: 'key' }, { fault: 'missing' }], 'failed'],
    [[{ fault: 'missing' }, {}], 'passed'],
    // As before the first publication: it is told of by version, and fails no drill for good.
    [[{ fault: 'missing' }], 'found no file'],
  ])('says of the last drill of %j: %s', (found, said) => {
    const versions = found.map((each) => ({ kongVersion: '3.9.1', ...each }));
    const outcome = said === 'passed' ? 'passed' : 'failed';
    const drill = { state: 'played', at: minutesAgo(3), outcome, versions };

    expect(statusText({ ...good, drill }, [], look)).toMatch(
      new RegExp(`last drill +${said}, 3 minutes ago\n`),
    );
  });
});

describe('history', () => {
  const versions: readonly ListedVersion[] = [
    { isOwn: true, ...revision, pinned: true, rollbackOf: 9 },
    { isOwn: false, versionId: 'v', what: 'not signed by this deployment, and a long story besides' },
    { isOwn: true, ...revision, revision: 9, entities: { total: 1 } },
  ];

  it('aligns what is ours, and names what is not', () => {
    expect(historyText(versions, now, true)).toBe(
      [
        '  12  3 hours ago  30000 entities  12.4 MiB  current, pinned, content of 9',
        '  - not ours: it is not signed by this deployment, and a long story besides',
        '   9  3 hours ago        1 entity  12.4 MiB',
        '',
      ].join('\n'),
    );
  });

  it('calls no revision of a later page current', () => {
    expect(historyText(versions, now, false)).not.toContain('current');
  });
});

describe('diff', () => {
  const updated: Difference = { kind: 'updated', type: 'services', name: 'billing', fields: [] };

  it('names references, and puts a long change on two lines', () => {
    const reference = { reference: { type: 'services', id: '1', name: 'billing' } };
    const fields = [
      { field: 'service', before: null, after: reference },
      { field: 'paths', before: ['/a'.repeat(20)], after: ['/b'.repeat(20)] },
      { field: 'config', before: '(set)', after: '(changed)' },
    ];

    expect(differenceText({ ...updated, type: 'routes', fields })).toBe(
      [
        '~ route billing',
        '    service: (none) → service billing',
        '    paths',
        `      - [${'/a'.repeat(20)}]`,
        `      + [${'/b'.repeat(20)}]`,
        '    config: (set) → (changed)',
        '',
      ].join('\n'),
    );
  });

  it('says so where nothing of an entity can be named', () => {
    expect(differenceText(updated)).toContain('only its dates');
  });

  it('ends with what there was', () => {
    expect(diffSummary({ added: 1, updated: 0, removed: 0 })).toBe(
      '1 difference: 1 added, 0 changed, 0 removed.\n',
    );
  });
});

describe('what comes from a configuration', () => {
  it('moves no cursor and turns no line', () => {
    expect(forTerminal('a\u001b[2Jb\u202ec\n')).toBe('a\\u001b[2Jb\\u202ec\\u000a');
    expect(formatValue(['x\u0007', { 'y\r': '' }])).toBe('[x\\u0007, {y\\u000d: ""}]');
  });
});

describe('verify', () => {
  it('shows each check with what was found', () => {
    expect(
      verificationText({
        controlPlane: 'prod',
        kongVersion: '3.9.1',
        revision: 3,
        sha256: '',
        outcome: 'failed',
        checks: [{ check: 'references', outcome: 'failed', detail: '1 of 2 lead to no entity.' }],
        broken: [{ type: 'routes', name: 'r', field: 'service' }],
      }),
    ).toBe(
      'Revision 3: failed\n  failed   references\n           1 of 2 lead to no entity.\n    broken: {type: routes, name: r, field: service}\n',
    );
  });
});

describe('a terminal', () => {
  const terminal = { isTTY: true, columns: 60, hasColors: () => true };

  it('gets colour, unless it has none or nobody wants it', () => {
    expect(paintFor(terminal, [])('ready', 'good')).toBe('\u001b[32mready\u001b[0m');
    expect(paintFor({ ...terminal, hasColors: () => false }, [])('ready', 'good')).toBe('ready');
    expect(paintFor({ ...terminal, isTTY: false }, [])('ready', 'good')).toBe('ready');
    expect(paintFor(terminal, ['status', '--no-color'])('ready', 'good')).toBe('ready');
  });

  it('gets lines that end between words, below where they began', () => {
    expect(wrap('- one two three', 8, '  ')).toBe('- one\n  two\n  three');
    expect(wrap('  one two', 9, '    ')).toBe('  one two');
    expect(wrap('a-name-that-is-copied-whole yes', 8, '  ')).toBe('a-name-that-is-copied-whole\n  yes');
  });

  it('gets columns of which the last one goes on below itself', () => {
    const rows = [
      ['12', 'an hour ago', 'current, pinned, content of 9'],
      ['9', 'two hours ago', ''],
    ];

    expect(alignColumns(rows, 44)).toBe(
      '  12  an hour ago    current, pinned,\n                     content of 9\n   9  two hours ago\n',
    );
    expect(alignColumns(rows, 200)).toContain('  12  an hour ago    current, pinned, content of 9\n');
  });
});
