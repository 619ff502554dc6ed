import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { gatherHistory, mostListed, mostListedBytes } from '../../../cli/history-page/history.ts';
import type { Ask } from '../../../cli/inspection/asking.ts';
import { ApiError } from '../../../core/fetch/api-request.ts';

const at = '2026-11-27T12:00:00.000Z';
const own = (revision: number) => ({
  isOwn: true,
  ...{
    revision,
    builtAt: at,
    exportedAt: at,
    entities: { total: 1 },
    sizeBytes: 1,
    sha256: 'a',
    pinned: false,
  },
});
const file = { controlPlane: 'prod', kongVersion: '3.9.1' };

interface Asked {
  readonly view: string;
  readonly query: Readonly<Record<string, string>>;
}

/** Answers from lists, and keeps what was asked. */
function answering(versions: readonly object[], diff: (query: Asked['query']) => object) {
  const asked: Asked[] = [];
  const ask: Ask = async (schema, view, query) => {
    asked.push({ view, query });
    const begin = Number(query['after'] ?? 0);
    const answer =
      view === 'status'
        ? { controlPlane: 'prod', lookedAt: at, versions: [] }
        : view === 'revisions'
          ? {
              ...file,
              versions: versions.slice(begin, begin + 3),
              ...(begin + 3 < versions.length && { next: `${begin + 3}` }),
            }
          : { ...file, from: own(1), to: own(2), ...diff(query) };
    return { json: answer, read: v.parse(schema, answer) };
  };
  return { ask, asked };
}

const nothing = () => ({ total: 0, differences: [] });
const query = { kongVersion: undefined, diffs: 20, onProgress: () => undefined };

describe('gathering a history', () => {
  it('compares each revision with the one before it that is kept, the newest first, and takes all pages', async () => {
    const { ask, asked } = answering(
      [own(9), own(7), own(4), { isOwn: false, versionId: 'x', what: 'x' }, own(2)],
      nothing,
    );
    const told: string[] = [];

    const history = await gatherHistory(ask, {
      ...query,
      kongVersion: '3.9.1',
      onProgress: (text) => told.push(text),
    });

    expect(history.versions).toHaveLength(5);
    expect(asked.filter(({ view }) => view === 'diff').map((each) => each.query)).toEqual([
      { version: '3.9.1', from: '7', to: '9' },
      { version: '3.9.1', from: '4', to: '7' },
      { version: '3.9.1', from: '2', to: '4' },
    ]);
    expect(told.at(-1)).toBe('comparing revisions 2 and 4 (3 of 3)');
  });

  it('compares no more than it is asked to, and none twice that stands there twice', async () => {
    const { ask } = answering([own(2), own(3), own(2), own(1)], nothing);

    expect([...(await gatherHistory(ask, { ...query, diffs: 1 })).comparisons.keys()]).toEqual([3]);
    expect([...(await gatherHistory(ask, query)).comparisons.keys()]).toEqual([3, 2]);
    expect((await gatherHistory(ask, { ...query, diffs: 0 })).comparisons.size).toBe(0);
  });

  it('counts all differences, and keeps as many as a page can show', async () => {
    const differences = (kind: string) =>
      Array.from({ length: mostListed }, () => ({ kind, type: 'services', fields: [] }));
    const { ask } = answering([own(2), own(1)], ({ page }) =>
      page === undefined
        ? { total: 2 * mostListed, differences: differences('added'), next: 'more' }
        : { total: 2 * mostListed, differences: differences('removed') },
    );

    const { comparisons } = await gatherHistory(ask, query);

    expect(comparisons.get(2)).toMatchObject({
      counts: { added: mostListed, updated: 0, removed: mostListed },
    });
    expect(comparisons.get(2)).toHaveProperty('listed.length', mostListed);
  });

  it('lists no more than a page can hold, of long values neither', async () => {
    const long = 'x'.repeat(mostListedBytes / 4);
    const difference = { kind: 'added', type: 'services', name: long, fields: [] };
    const { ask } = answering([own(3), own(2), own(1)], () => ({
      total: 3,
      differences: [difference, difference, difference],
    }));

    const { comparisons } = await gatherHistory(ask, query);

    expect(comparisons.get(3)).toMatchObject({ counts: { added: 3 }, listed: { length: 3 } });
    expect(comparisons.get(2)).toMatchObject({ counts: { added: 3 }, listed: { length: 1 } });
  });

  it('goes on where one comparison is refused, and not where nobody answers', async () => {
    const failing = (code: 'refused' | 'failed') =>
      answering([own(3), own(2), own(1)], ({ from }) => {
        if (from === '2') {
          throw new ApiError(code, 'too large');
        }
        return nothing();
      }).ask;

    const { comparisons } = await gatherHistory(failing('refused'), query);

    expect(comparisons.get(3)).toEqual({ from: 2, refused: 'too large' });
    expect(comparisons.get(2)).toHaveProperty('counts');
    await expect(gatherHistory(failing('failed'), query)).rejects.toMatchObject({ code: 'failed' });
  });
});
