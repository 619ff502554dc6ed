/** What becomes of an operator's command where not everything can be seen; the rest is in test/local. */
import { describe, expect, it } from '@jest/globals';
import { readAnswer } from '../../cli/inspection/answers.ts';
import { carryOut, type Desk, type OperateOptions } from '../../cli/operate/run.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { StandbyError } from '../../core/fetch/errors.ts';
import { manualClock } from '../core/manual-clock.ts';

const options: OperateOptions = { reason: 'INC-7', yes: true, wait: true, timeout: 10 };
const denied = new ApiError('denied', 'https://api.example answered 403 to "status"');

function desk(changes: Partial<Desk>): Desk & { readonly sent: object[] } {
  const sent: object[] = [];
  const clock = manualClock(new Date('2026-11-27T12:00:00Z'));
  return {
    sent,
    ask: () => Promise.reject(denied),
    send: (name, body) => {
      sent.push({ name, ...body });
      return Promise.resolve('{"revision":43,"rollbackOf":41,"pinned":true,"id":"abc"}');
    },
    person: { isThere: false, ask: () => Promise.resolve('') },
    // Nobody waits for real.
    clock: { ...clock, sleep: (milliseconds) => clock.advance(milliseconds) },
    tell: () => undefined,
    ...changes,
  };
}

describe('who may send commands and not look', () => {
  it.each<[what: string, given: Partial<OperateOptions>, lacking: string]>([
    ['nothing', {}, '--kong-version and --sees'],
    ['a version', { kongVersion: '3.9.1' }, '--sees'],
    ['what is current', { sees: 42 }, '--kong-version'],
  ])('must say what is current, and has said %s', async (_what, given, lacking) => {
    const { sent, ...rest } = desk({});

    await expect(carryOut('rollback', { ...options, revision: 41, ...given }, rest)).rejects.toThrow(
      `what is current cannot be shown: ${denied.message}. Without that right give ${lacking}`,
    );
    expect(sent).toEqual([]);
  });

  it('is answered with what is held, where an approval does not say of what', async () => {
    const { sent, send: _send, ...rest } = desk({});
    const refused = new ApiError('refused', 'answered 409 (… send it again with "sees": "0123456789ab")');

    const approval = carryOut(
      'approve',
      { reason: 'INC-7', wait: true, timeout: 10 },
      {
        ...rest,
        send: () => Promise.reject(refused),
      },
    );

    await expect(approval).rejects.toBe(refused);
    expect(sent).toEqual([]);
  });

  it('is told that the effect cannot be shown', async () => {
    const { sent, ...rest } = desk({});

    const given = { kongVersion: '3.9.1', sees: 42, revision: 41 };
    const { plan, effect } = await carryOut('rollback', { ...options, ...given }, rest);

    expect(sent).toEqual([
      { name: 'rollback', version: '3.9.1', revision: 41, sees: 42, reason: 'INC-7', id: undefined },
    ]);
    expect(plan).toEqual({ unseen: denied.message });
    expect(effect).toEqual({
      outcome: 'hidden',
      what: `what became of it cannot be shown: ${denied.message}`,
    });
  });
});

describe('an effect that does not come', () => {
  it('is waited for as long as was said, and the last reason is told', async () => {
    let asked = 0;
    const { ask: _ask, ...rest } = desk({});
    const ask: Desk['ask'] = () => {
      asked += 1;
      return Promise.reject(new ApiError('failed', 'https://api.example did not answer (timeout)'));
    };

    const { effect } = await carryOut('export', options, { ...rest, ask });

    expect(effect).toEqual({
      outcome: 'unseen',
      what: 'it was sent, and its effect was not seen within 10 s (https://api.example did not answer (timeout)): look at lifeboat status',
    });
    expect(asked).toBe(6);
  });

  it.each([
    [false, ['The next check publishes it; lifeboat export asks for one at once.']],
    [true, []],
  ])('is told of beforehand where an approval has asked for an export: %s', async (exportRequested, said) => {
    const told: string[] = [];
    const { sent: _sent, ...rest } = desk({
      send: async () => JSON.stringify({ until: '2026-11-27T12:30:00Z', exportRequested }),
      tell: (line) => told.push(line),
    });

    await carryOut('approve', { ...options, sees: '0123456789ab' }, rest);

    expect(told.filter((line) => line.includes('Approved until'))).toEqual(
      said.map((words) => `Approved until 2026-11-27T12:30:00Z. ${words}`),
    );
  });

  it('is not waited for with --no-wait', async () => {
    const { effect } = await carryOut('export', { ...options, wait: false }, desk({}));

    expect(effect).toBeUndefined();
  });
});

describe('a person at a terminal', () => {
  it('who gives no reason has sent nothing', async () => {
    const { sent, ...rest } = desk({ person: { isThere: true, ask: () => Promise.resolve('') } });
    const { reason: _reason, ...without } = options;

    await expect(carryOut('export', without, rest)).rejects.toThrow('no reason was given');
    expect(sent).toEqual([]);
  });
});

/** A status of one version, as the API answers it. */
const statusOf = (changes: Readonly<Record<string, unknown>>) => ({
  controlPlane: 'prod',
  lookedAt: '2026-11-27T12:00:00Z',
  checkedAt: '2026-11-27T11:59:00Z',
  versions: [
    {
      kongVersion: '3.9.1',
      state: 'ready',
      current: {
        revision: 42,
        builtAt: '2026-11-27T11:00:00Z',
        exportedAt: '2026-11-27T11:00:00Z',
        entities: { total: 5 },
        sizeBytes: 1000,
        sha256: 'a',
        pinned: true,
      },
    },
  ],
  ...changes,
});

/** Answers each question with the next of these statuses, and the last one again and again. */
function answering(...statuses: readonly object[]): Desk['ask'] {
  let asked = 0;
  return async (schema) =>
    readAnswer(schema, JSON.stringify(statuses[Math.min(asked++, statuses.length - 1)]));
}

describe('a status that says nothing of what is held', () => {
  it.each<[what: string, status: Readonly<Record<string, unknown>>, why: string]>([
    [
      'is not believed',
      { checkedAt: undefined, disbelieved: 'it is signed by a stranger' },
      'it is signed by a stranger',
    ],
    ['is not there', { checkedAt: undefined }, 'there is no note of a check'],
  ])('is no “nothing is held”, and approves nothing: it %s', async (_what, status, why) => {
    const { sent, ...rest } = desk({ ask: answering(statusOf(status)) });

    await expect(carryOut('approve', options, rest)).rejects.toThrow(`nobody knows what is held (${why})`);
    expect(sent).toEqual([]);
  });

  it('is no effect of an approval either', async () => {
    const held = { since: '2026-11-27T11:59:00Z', reason: 'mass deletion', what: 'x', sees: '0123456789ab' };
    const lost = statusOf({ checkedAt: undefined, disbelieved: 'it is signed by a stranger' });

    const { effect } = await carryOut('approve', options, desk({ ask: answering(statusOf({ held }), lost) }));

    expect(effect?.outcome).toBe('unseen');
  });
});

describe('a plan', () => {
  it('says what stands in the file’s place where that is not ours', async () => {
    const told: string[] = [];
    const [version] = statusOf({}).versions;
    const foreign = statusOf({
      versions: [
        {
          ...version,
          state: 'foreign',
          problem: 'In its place is a delete marker. The next export replaces it.',
        },
      ],
    });

    await carryOut(
      'unpin',
      { ...options, wait: false },
      desk({ ask: answering(foreign), tell: (line) => told.push(line) }),
    );

    expect(told[1]).toBe(
      'but    it is foreign: In its place is a delete marker. The next export replaces it.',
    );
  });
});

describe('credentials that end while the effect is awaited', () => {
  it('do not hide that the command was sent', async () => {
    const ended = new StandbyError('denied', 'the credentials have expired');

    const { effect, answer } = await carryOut('export', options, desk({ ask: () => Promise.reject(ended) }));

    expect(answer).toMatchObject({ id: 'abc' });
    expect(effect).toMatchObject({ outcome: 'unseen', what: expect.stringContaining('it was sent') });
    expect(effect?.what).toContain('the credentials have expired');
  });
});
