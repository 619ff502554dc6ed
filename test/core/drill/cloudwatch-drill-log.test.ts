import { beforeEach, describe, expect, it } from '@jest/globals';
import { cloudWatchDrillLog } from '../../../core/drill/cloudwatch-drill-log.ts';
import type { HttpRequest, HttpResponse } from '../../../core/fetch/http-client.ts';
import type { DrillRecord } from '../../../core/inspect/drill-record.ts';
import { countingRandom } from '../counting-random.ts';
import { type ManualClock, manualClock, skippingClock } from '../manual-clock.ts';

const now = new Date('2026-11-28T12:00:00Z');
const timeoutMs = 5_000;
const record = (hour: number, more: Partial<DrillRecord> = {}): DrillRecord => ({
  ...{ at: new Date(`2026-11-28T0${hour}:00:00.000Z`), outcome: 'passed', seconds: 3, versions: [] },
  ...more,
});
const lineOf = (drill: object, message = 'drill passed') => ({
  message: JSON.stringify({ level: 'INFO', message, controlPlane: 'prod', drill }),
});

type Answer = readonly [status: number, body: unknown];
const throttled: Answer = [
  400,
  { __type: 'com.amazonaws.logs#ThrottlingException', message: 'Rate exceeded' },
];

let clock: ManualClock;
let asked: { readonly request: HttpRequest; readonly body: Readonly<Record<string, unknown>> }[];
beforeEach(() => {
  clock = skippingClock(now);
  asked = [];
});

/** CloudWatch Logs that answers with one after another, and goes on with the last. */
function logsAnswering(...answers: readonly (Answer | Error)[]) {
  return cloudWatchDrillLog({
    endpoint: new URL('https://logs.eu-central-1.amazonaws.com'),
    authentication: {
      by: 'iam',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'sesame' },
    },
    logGroupName: 'Lifeboat-Inspect',
    hours: 27,
    timeoutMs,
    clock,
    random: countingRandom(),
    async fetch(_url, request = {}) {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? new Error('there is none');
      asked.push({ request, body: JSON.parse(request.body ?? '{}') });
      if (answer instanceof Error) {
        throw answer;
      }
      return answerOf(...answer);
    },
  });
}

function answerOf(status: number, body: unknown): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: { get: () => null, has: () => false },
    body: (async function* () {
      yield Buffer.from(text);
    })(),
    discard: () => undefined,
  };
}

describe('the log of drills', () => {
  it('is asked for the time in which there should be one, by a signed request', async () => {
    const log = logsAnswering([200, { events: [lineOf(record(3))] }]);

    expect(await log.last()).toEqual(record(3));
    expect(asked.map(({ body }) => body)).toEqual([
      {
        logGroupName: 'Lifeboat-Inspect',
        startTime: now.getTime() - 27 * 3_600_000,
        filterPattern: '{ $.message = "drill *" }',
      },
    ]);
    expect(asked[0]?.request.headers).toMatchObject({
      'x-amz-target': 'Logs_20140328.FilterLogEvents',
      authorization: expect.stringMatching(/Credential=AKIDEXAMPLE\/20261128\/eu-central-1\/logs\//),
    });
  });

  it('tells the newest one, on whichever page it stands, behind empty ones too', async () => {
    const log = logsAnswering(
      [200, { events: [lineOf(record(2)), lineOf(record(1))], nextToken: 'a' }],
      [200, { nextToken: 'b' }],
      [200, { events: [lineOf(record(3)), lineOf(record(1))] }],
    );

    expect(await log.last()).toEqual(record(3));
    expect(asked.map(({ body }) => body['nextToken'])).toEqual([undefined, 'a', 'b']);
  });

  it('tells of two lines of one drill the later one, which says what was verified', async () => {
    const revisions = { at: now, passed: 3, unverified: 0, broken: [] };
    const lines = [lineOf(record(3)), lineOf(record(3, { revisions }), 'drill has verified what is kept')];

    expect(await logsAnswering([200, { events: lines }]).last()).toEqual(record(3, { revisions }));
  });

  it('passes over what is no drill', async () => {
    const events = [
      { message: 'drill, and no JSON' },
      { message: '{"message":"drill sergeant"}' },
      lineOf({ at: 'yesterday', outcome: 'passed' }),
      lineOf({ ...record(4), outcome: 'unsure' }),
    ];

    expect(await logsAnswering([200, { events }]).last()).toBeUndefined();
  });

  it('is not followed for ever', async () => {
    expect(await logsAnswering([200, { nextToken: 'again' }]).last()).toBeUndefined();
    expect(asked).toHaveLength(50);
  });

  it.each<Answer>([throttled, [503, ''], [429, 'slow down']])(
    'that refuses with %d because many ask is asked again',
    async (...refusal) => {
      const log = logsAnswering(refusal, refusal, [200, { events: [lineOf(record(3))] }]);

      expect(await log.last()).toEqual(record(3));
      expect(clock.now().getTime() - now.getTime()).toBeGreaterThan(500);
    },
  );

  it('that refuses for as long as there is time is unavailable', async () => {
    clock = manualClock(now);
    const failing = logsAnswering(throttled).last();

    const outcome = expect(failing).rejects.toMatchObject({
      name: 'DrillLogError',
      code: 'unavailable',
      message: 'CloudWatch Logs answered 400 again and again',
    });
    for (let passedMs = 0; passedMs < timeoutMs; passedMs += 100) {
      await clock.advance(100);
    }
    await outcome;
  });

  it.each<readonly [what: string, answer: Answer | Error, message: string]>([
    ['refuses', [400, { __type: 'AccessDeniedException' }], 'CloudWatch Logs answered 400'],
    ['fails', [500, ''], 'CloudWatch Logs answered 500'],
    ['is away', new Error('ECONNREFUSED sesame'), 'CloudWatch Logs did not answer as it does'],
    ['answers in HTML', [200, '<html>'], 'CloudWatch Logs did not answer as it does'],
    ['answers something else', [200, { events: 'none' }], 'CloudWatch Logs did not answer as it does'],
    [
      'never ends its answer',
      [200, `${' '.repeat(2 ** 21)}{"events":[]}`],
      'CloudWatch Logs did not answer as it does',
    ],
  ])('that %s is unavailable, and not asked again', async (_, answer, message) => {
    await expect(logsAnswering(answer).last()).rejects.toMatchObject({
      name: 'DrillLogError',
      code: 'unavailable',
      message,
    });
    expect(asked).toHaveLength(1);
  });
});
