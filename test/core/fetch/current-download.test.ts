/** Whether a file is the newest: the status beside it, over HTTP. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { type DownloadRequest, downloadVerified } from '../../../core/fetch/download.ts';
import { systemRandom } from '../../../core/random-source.ts';
import { signDocument } from '../../../core/vault/signed-document.ts';
import { statusType } from '../../../core/vault/status.ts';
import {
  type Answer,
  content,
  goodFile,
  goodStatus,
  manifestOf,
  newSigningKey,
  statusOf,
  urlSecret,
} from '../../cli/published-file.ts';
import { eventually } from '../../local/processes.ts';
import { type AnsweringServer, answeringServer } from '../answering-server.ts';
import { manualClock } from '../manual-clock.ts';

const key = newSigningKey();
const strangersKey = newSigningKey();
const { revision } = manifestOf();

let directory: string;
let server: AnsweringServer;
/** Of the file, one after the other; the last one stays. */
let revisions: number[];
let answerStatus: (response: ServerResponse, request: IncomingMessage) => unknown;

const answerWith = (answer: Answer | Promise<Answer>) => async (response: ServerResponse) => {
  const { status, headers, body } = await answer;
  response.writeHead(status, headers).end(body);
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-current-'));
  revisions = [revision];
  answerStatus = answerWith(goodStatus(key));
  server = await answeringServer(async (request, response) => {
    if (request.url?.startsWith('/status') === true) {
      await answerStatus(response, request);
    } else if (request.url === '/away') {
      await answerWith({ status: 503, body: '' })(response);
    } else {
      const next = (revisions.length > 1 ? revisions.shift() : revisions[0]) ?? 0;
      await answerWith(goodFile(key, { revision: next }))(response);
    }
  });
});

afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

async function request(more: Partial<DownloadRequest> = {}): Promise<DownloadRequest> {
  return {
    url: `${server.origin}/file?${urlSecret}`,
    statusUrl: `${server.origin}/status?${urlSecret}`,
    trusted: [await key.verificationKey()],
    controlPlane: 'prod',
    kongVersion: '3.9.1',
    output: join(directory, 'config.json'),
    maxBytes: 2 ** 20,
    timeoutMs: 600_000,
    clock: systemClock,
    random: systemRandom,
    ...more,
  };
}

const download = async (more: Partial<DownloadRequest> = {}) => downloadVerified(await request(more));
const countRequests = (path: string) =>
  server.requests.filter(({ url }) => url?.startsWith(path) === true).length;

async function refusalOf(more: Partial<DownloadRequest> = {}) {
  const error = await download(more).then(
    () => {
      throw new Error('the download should have been refused');
    },
    (reason: Error & { code: string }) => reason,
  );
  expect(await readdir(directory)).toEqual([]);
  expect(error.message).not.toMatch(/5ec2e7|https?:\/\//);
  return error;
}

describe('a file', () => {
  it('was verified as current when its control plane was last looked at', async () => {
    const checkedAt = new Date('2026-11-23T00:05:00.000Z');
    answerStatus = answerWith(goodStatus(key, { checkedAt }));

    const { manifest, currency } = await download();

    expect([manifest.revision, currency]).toEqual([revision, { verifiedAt: checkedAt }]);
    expect(await readFile(join(directory, 'config.json'))).toEqual(content);
  });

  it('that was asked for by its number is taken at once whatever is published, and said to be older', async () => {
    revisions = [revision - 2];

    const { manifest, currency } = await download({ wantedRevision: revision - 2, maxUnverifiedAgeMs: 1 });

    expect(manifest.revision).toBe(revision - 2);
    expect(currency.warning).toContain(`revision ${revision} is published`);
    expect(countRequests('/file')).toBe(1);
  });

  it('that is not the one that was asked for by its number is refused', async () => {
    const { code, message } = await refusalOf({ wantedRevision: revision - 1 });

    expect([code, message]).toEqual([
      'verification',
      `the vault returned revision ${revision}, and revision ${revision - 1} was asked for`,
    ]);
  });

  it('that is newer than the status is no fault', async () => {
    revisions = [revision + 1];

    const { manifest, currency } = await download();

    expect([manifest.revision, currency]).toEqual([revision + 1, { verifiedAt: expect.any(Date) }]);
  });

  it('that is older than the status is asked for once more, and refused', async () => {
    revisions = [revision - 1];

    const { code, message } = await refusalOf();

    expect([code, message]).toEqual(['outdated', expect.stringContaining('returned revision 6')]);
    expect(countRequests('/file')).toBe(2);
  });

  it('that was replaced meanwhile is taken at the second try', async () => {
    revisions = [revision - 1, revision];

    const { manifest, currency } = await download();

    expect([manifest.revision, currency]).toEqual([revision, { verifiedAt: expect.any(Date) }]);
    expect(countRequests('/status')).toBe(1);
  });

  it('that is older than the status comes with a warning from a copy', async () => {
    revisions = [revision - 1];

    const { manifest, currency } = await download({ mayLag: true });

    expect(manifest.revision).toBe(revision - 1);
    expect(currency).toEqual({ warning: expect.stringMatching(/revision 6.*revision 7.*copy is behind/) });
    expect(await readFile(join(directory, 'config.json'))).toEqual(content);
  });

  it('that is asked for by its version may be old, and no status is asked for', async () => {
    revisions = [revision - 1];

    const { currency } = await download({ wantedSha256: manifestOf().sha256, maxUnverifiedAgeMs: 1 });

    expect([currency, countRequests('/status')]).toEqual([{}, 0]);
  });

  it.each([
    ['behind', -86_400_000],
    ['ahead', 86_400_000],
  ])('is taken by a machine whose clock is a day %s', async (_, offsetMs) => {
    const clock = { ...systemClock, now: () => new Date(Date.now() + offsetMs) };

    const { currency } = await download({ clock });

    expect(currency).toEqual({ verifiedAt: expect.any(Date) });
  });
});

describe('a file whose status cannot be believed', () => {
  const cases: readonly (readonly [string, () => typeof answerStatus, RegExp])[] = [
    ['is missing', () => answerWith({ status: 404, body: 'no such key' }), /answered 404/],
    ['is forbidden', () => answerWith({ status: 403, body: 'denied' }), /answered 403/],
    [
      'is that of another control plane',
      () => answerWith(goodStatus(key, { controlPlane: 'staging' })),
      /of control plane "staging", not of "prod"/,
    ],
    ['is signed by a stranger', () => answerWith(goodStatus(strangersKey)), /which is not trusted here/],
    ['is garbage', () => answerWith({ status: 200, body: '\0\xff{"' }), /not a compact JWS/],
    [
      'has the form of before it was signed',
      () => answerWith({ status: 200, body: JSON.stringify(statusOf(revision)) }),
      /not a compact JWS/,
    ],
    [
      'is a manifest',
      () => async (response) => {
        const { headers } = await goodFile(key);
        response.end(headers?.['x-amz-meta-manifest']);
      },
      /not a status/,
    ],
    [
      'is signed, and nonsense',
      () => async (response) =>
        response.end(await signDocument({ type: statusType, noun: 'status', code: 'status' }, '{}', key)),
      /content is not valid/,
    ],
    ['is huge', () => answerWith({ status: 200, body: 'x'.repeat(2 ** 20 + 1) }), /larger than 1048576/],
    [
      'breaks off',
      () => (response) => response.writeHead(200).write('eyJ', () => response.destroy()),
      /not received/,
    ],
    ['hangs up', () => (response) => response.destroy(), /not received/],
    ['leads elsewhere', () => answerWith({ status: 307, headers: { location: '/x' }, body: '' }), /redirect/],
  ];

  it.each(cases)('because it %s, comes with a warning', async (_, answer, words) => {
    answerStatus = answer();

    const { currency } = await download();

    expect(currency).toEqual({ warning: expect.stringMatching(words) });
    expect(currency.warning).not.toMatch(/5ec2e7|https?:\/\//);
    expect(await readFile(join(directory, 'config.json'))).toEqual(content);
  });

  it.each(cases)('because it %s, is refused where an age is demanded', async (_, answer, words) => {
    answerStatus = answer();

    const { code, message } = await refusalOf({ maxUnverifiedAgeMs: 43_200_000 });

    expect([code, message]).toEqual(['outdated', expect.stringMatching(words)]);
  });

  it('because the grant is an old release’s, comes with a warning', async () => {
    const { currency } = await download({ statusUrl: undefined });

    expect(currency).toEqual({ warning: expect.stringContaining('of an older release') });
  });

  it.each([
    ['never comes', () => undefined],
    ['comes a byte at a time', (response: ServerResponse) => response.writeHead(200).write('e')],
  ])('because it %s, waits three seconds for it, counted from the first request', async (_, answer) => {
    answerStatus = answer;
    const clock = manualClock(new Date());
    const downloading = download({ clock });
    const wereAsked = await eventually(() => countRequests('/status') + countRequests('/file') === 2);

    await clock.advance(2_999);
    const early = await Promise.race([downloading, 'still waiting']);
    await clock.advance(1);

    const { currency } = await downloading;
    expect([wereAsked, early]).toEqual([true, 'still waiting']);
    expect(currency).toEqual({ warning: expect.stringMatching(/not received.*timeout/i) });
  });
});

describe('a demanded age', () => {
  it('is met by a file that was verified since', async () => {
    const { currency } = await download({ maxUnverifiedAgeMs: 300_000 });

    expect(currency).toEqual({ verifiedAt: expect.any(Date) });
  });

  it('is not met by one that was verified before', async () => {
    const { code, message } = await refusalOf({ maxUnverifiedAgeMs: 200_000 });

    expect([code, message]).toEqual(['outdated', expect.stringContaining('4 minutes before')]);
  });

  it('is not met by an older copy', async () => {
    revisions = [revision - 1];

    const { code } = await refusalOf({ maxUnverifiedAgeMs: 300_000, mayLag: true });

    expect(code).toBe('outdated');
  });
});

describe('the request for a status', () => {
  it('ends with the file’s failure', async () => {
    const closed = new Promise((resolve) => {
      answerStatus = (response) => response.once('close', () => resolve('closed'));
    });

    const { code } = await refusalOf({ clock: manualClock(new Date()), url: `${server.origin}/away` });

    expect([code, await closed]).toEqual(['unreachable', 'closed']);
  });

  it('ends with the signal that ends the download, whose reason is the cause', async () => {
    answerStatus = () => undefined;
    const giveUp = new AbortController();
    const failing = refusalOf({ signal: giveUp.signal, maxUnverifiedAgeMs: 1 });
    await eventually(() => countRequests('/status') + countRequests('/file') === 2);

    giveUp.abort(new Error('given up'));

    expect(await failing).toMatchObject({ code: 'unreachable', cause: giveUp.signal.reason });
  });
});
