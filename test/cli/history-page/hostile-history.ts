/** A history in which everything that a configuration or an answer may have is somebody's attempt. */
import { sampleHistory } from '../../../bin/sample-history.ts';
import type { Comparison, History } from '../../../cli/history-page/history.ts';
import type { Difference } from '../../../cli/inspection/answers.ts';

export const longTag = 'x'.repeat(10_000);

export const hostileNames = [
  '</script><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '</style><style>*{display:none}</style>',
  '<!-- <script>',
  '&lt;script&gt;',
  'javascript:alert(1)',
  '\u202etxt.exe\u2066 \u0000\u001b[2J',
  '\ud800 alone',
];

const hostile = (name: string, index: number): Difference => ({
  kind: (['added', 'updated', 'removed'] as const)[index % 3] ?? 'added',
  type: name,
  id: name,
  name,
  fields: [
    { field: name, before: name, after: { [name]: name } },
    { field: 'tags', before: [name, 'stays', 'goes'], after: ['stays', `${name} too`, longTag] },
    { field: 'service', before: null, after: { reference: { type: name, id: name, name } } },
  ],
});

/** With each mark that a revision can have, a publication that is held, and a diff that was cut. */
export function hostileHistory(): History {
  const sample = sampleHistory();
  const [newest, second, third, ...older] = sample.versions.flatMap((each) => (each.isOwn ? [each] : []));
  if (newest === undefined || second === undefined || third === undefined) {
    throw new Error('the sample has too few revisions');
  }
  const [name = ''] = hostileNames;
  const many = Array.from({ length: 20 }, (_, index) => ({
    ...hostile('many', index),
    type: 'services',
    id: `many-${index}`,
  }));
  const comparisons = new Map<number, Comparison>(sample.comparisons);
  comparisons.set(newest.revision, {
    from: second.revision,
    counts: { added: 3, updated: 3, removed: 3 },
    listed: hostileNames.map(hostile),
  });
  comparisons.set(second.revision, { from: third.revision, refused: name });
  comparisons.set(third.revision, {
    from: third.revision - 1,
    counts: { added: 30_000, updated: 0, removed: 0 },
    listed: many,
  });
  return {
    ...sample,
    status: {
      ...sample.status,
      disbelieved: name,
      held: { since: new Date(sample.status.lookedAt.getTime() - 7_200_000), reason: name },
    },
    versions: [
      { isOwn: false, versionId: name, what: name },
      // Somebody put it back.
      { ...third, entities: { ...third.entities } },
      { ...newest, pinned: true, entities: { ...newest.entities, [name]: 900 } },
      second,
      third,
      ...older,
    ],
    comparisons,
  };
}
