import { describe, expect, it } from '@jest/globals';
import type { Difference, ListedVersion, StatusAnswer } from '../../cli/inspection/answers.ts';
import {
  differenceText,
  diffSummary,
  findConcerns,
  historyText,
  statusText,
  verificationText,
} from '../../cli/inspection/text.ts';
import { formatValue, forTerminal } from '../../cli/inspection/words.ts';

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
const widest = (text: string) => Math.max(...text.split('\n').map(({ length }) => length));

describe('status', () => {
  it('finds nothing to look at when all is well, also when a revision is pinned on purpose', () => {
    expect(findConcerns(good, quarter)).toEqual([]);
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
  ])('finds one thing to look at when it %s', (_what, changed, words) => {
    const status = { ...good, ...changed };

    const concerns = findConcerns(status, quarter);

    expect(concerns).toEqual([expect.stringContaining(words)]);
    expect(statusText(status, concerns)).toContain(`Needs attention:\n- ${concerns[0]}\n`);
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
    const text = statusText({ ...good, lastCommand }, []);

    expect(text).toMatch(/last command {3}rollback, 1 hour ago: done, revision 12\n/);
    expect(widest(text)).toBeLessThanOrEqual(60);
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
