/**
 * The history of a control plane that there never was, for the picture in the documents and for tests: two
 * weeks of a small company's gateway, on a fixed clock.
 */
import { createHash } from 'node:crypto';
import type { Comparison, History } from '../cli/history-page/history.ts';
import type { Difference, ListedVersion } from '../cli/inspection/answers.ts';

const lookedAt = new Date('2026-11-27T16:42:00Z');
const hourMs = 3_600_000;
const revisionCount = 24;

type Counts = Record<'services' | 'routes' | 'plugins' | 'consumers' | 'upstreams' | 'targets', number>;

/** What the revisions change, in a round. */
const steps: readonly Partial<Counts>[] = [
  { services: 1, routes: 2, plugins: 1 },
  { consumers: 9 },
  { routes: 1, plugins: -1 },
  { upstreams: 1, targets: 3 },
  { services: 2, routes: 5, plugins: 2, targets: 2 },
  { consumers: 14 },
  { routes: -2 },
  { services: -1, routes: -1, targets: -2 },
];

/** @returns the oldest first */
function listRevisions(): readonly Extract<ListedVersion, { readonly isOwn: true }>[] {
  const counts: Counts = {
    services: 31,
    routes: 74,
    plugins: 42,
    consumers: 212,
    upstreams: 12,
    targets: 38,
  };
  return Array.from({ length: revisionCount }, (_, index) => {
    for (const [type, change] of Object.entries(steps[index % steps.length] ?? {})) {
      counts[type as keyof Counts] += change;
    }
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    // Some in an hour, some after days.
    const hoursBefore = (revisionCount - 1 - index) ** 1.6 * 2.1 + ((index * 7) % 5) * 0.23 + 0.4;
    const exportedAt = new Date(Math.round((lookedAt.getTime() - hoursBefore * hourMs) / 1000) * 1000);
    const revision = index + 19;
    return {
      isOwn: true,
      revision,
      builtAt: new Date(exportedAt.getTime() - 4_000),
      exportedAt,
      entities: { ...counts, total },
      sizeBytes: 41_000 + total * 236,
      sha256: createHash('sha256').update(`revision ${revision}`).digest('hex'),
      pinned: false,
      ...(index === revisionCount - 5 ? { rollbackOf: revision - 2 } : {}),
    };
  });
}

const id = (number: number) => `6f1c2b9e-0d4a-4c8e-9b1f-${String(number).padStart(12, '0')}`;
const service = (name: string) => ({ reference: { type: 'services', id: id(1), name } });
const set = (field: string, after: unknown) => ({ field, before: null, after });

const newest: readonly Difference[] = [
  {
    kind: 'updated',
    type: 'plugins',
    id: id(11),
    name: 'rate-limiting',
    fields: [
      { field: 'config.minute', before: 120, after: 600 },
      { field: 'config.policy', before: 'local', after: 'redis' },
      { field: 'config.redis.password', before: null, after: '(set)' },
    ],
  },
  {
    kind: 'added',
    type: 'routes',
    id: id(12),
    name: 'checkout-v2',
    fields: [
      set('paths', ['/checkout/v2']),
      set('methods', ['GET', 'POST']),
      set('protocols', ['https']),
      set('service', service('checkout')),
    ],
  },
  {
    kind: 'updated',
    type: 'services',
    id: id(13),
    name: 'checkout',
    fields: [
      { field: 'host', before: 'checkout.internal', after: 'checkout-v2.internal' },
      { field: 'read_timeout', before: 60_000, after: 15_000 },
      { field: 'tags', before: ['team-shop', 'canary'], after: ['team-shop', 'pci'] },
      { field: 'client_certificate', before: '(set)', after: '(changed)' },
    ],
  },
  {
    kind: 'removed',
    type: 'targets',
    id: id(14),
    name: '10.4.17.22:8443',
    fields: [{ field: 'weight', before: 100, after: null }],
  },
];

function compare(to: number): Comparison {
  const step = steps[(to - 19) % steps.length] ?? {};
  const listed = Object.entries(step).flatMap(([type, change]) =>
    Array.from({ length: Math.abs(change) }, (_, index): Difference => {
      const name = `${type.slice(0, -1)}-${to}-${index + 1}`;
      const fields = [set('tags', ['team-shop'])];
      return { kind: change > 0 ? 'added' : 'removed', type, id: id(to * 100 + index), name, fields };
    }),
  );
  const all = to === revisionCount + 18 ? newest : [...listed, ...newest.slice(0, to % 3)];
  const count = (kind: Difference['kind']) => all.filter((each) => each.kind === kind).length;
  const counts = { added: count('added'), updated: count('updated'), removed: count('removed') };
  return { from: to - 1, counts, listed: all };
}

export function sampleHistory(): History {
  const revisions = listRevisions();
  const current = revisions.at(-1);
  return {
    controlPlane: 'prod',
    kongVersion: '3.9.1',
    status: {
      controlPlane: 'prod',
      lookedAt,
      checkedAt: new Date(lookedAt.getTime() - 130_000),
      versions: [{ kongVersion: '3.9.1', state: 'ready', ...(current && { current }) }],
    },
    versions: [...revisions].reverse(),
    comparisons: new Map(revisions.slice(-20).map(({ revision }) => [revision, compare(revision)])),
  };
}
