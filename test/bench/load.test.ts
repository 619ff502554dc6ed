import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { listMissedAims } from '../../bench/aims.ts';
import { sendPaced } from '../../bench/paced-requests.ts';
import { listenLocally } from '../../simulators/aws/listening.ts';

describe('an aim', () => {
  it('is missed by what is above it, and by nothing else', () => {
    const missed = listMissedAims({ least: 0, at: 5, above: 5.01, other: 9 }, { least: 0, at: 5, above: 5 });

    expect(missed).toEqual(['above is 5.01, and 5 at most is the aim']);
  });

  it.each([{}, { ratio: Number.NaN }, { ratio: '1' }])(
    'of which there is no figure is an error: %j',
    (figures) => {
      expect(() => listMissedAims(figures, { ratio: 5 })).toThrow('the bench has no figure ratio');
    },
  );
});

describe('paced requests', () => {
  it('are sent at their pace while those before wait, and count the wait from when they were due', async () => {
    const heldUntil = new Map<string, () => void>();
    const seen: string[] = [];
    const server = createServer((request, response) => {
      request.resume();
      seen.push(request.url ?? '');
      if (request.url === '/held' && !heldUntil.has('first')) {
        heldUntil.set('first', () => response.writeHead(202).end());
      } else {
        response.writeHead(401).end();
        if (seen.length === 7) {
          heldUntil.get('first')?.();
        }
      }
    });
    const { url, stop } = await listenLocally(server);
    const post = (path: string, count: number) => ({ url: `${url}${path}`, headers: {}, body: '{}', count });

    const { held, other } = await sendPaced({ held: post('/held', 3), other: post('/other', 4) }, 0.1);
    await stop();

    expect(held.map(({ status }) => status)).toEqual([202, 401, 401]);
    expect(other.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    const dues = held.map(({ dueMs }) => Math.round(dueMs - (held[0]?.dueMs ?? 0)));
    expect(dues).toEqual([0, 33, 67]);
    // It was answered after the last of all had come.
    expect(held[0]?.ms).toBeGreaterThanOrEqual(66);
  });
});
