/** What becomes of an operator's command where not everything can be seen; the rest is in test/local. */
import { describe, expect, it } from '@jest/globals';
import { carryOut, type Desk, type OperateOptions } from '../../cli/operate/run.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
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
