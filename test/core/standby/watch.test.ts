import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import type { StandbyErrorCode } from '../../../core/fetch/errors.ts';
import { advanceWatch, findNextTryMs } from '../../../core/standby/watch.ts';
import {
  initialState,
  type StepFailure,
  type WatchEvent,
  type WatchPolicy,
  type WatchState,
} from '../../../core/standby/watch-state.ts';
import { manifestOf } from '../../cli/published-file.ts';

const policy: WatchPolicy = {
  afterMs: 5_000,
  spreadMs: 3_000,
  endpoints: 2,
  firstPauseMs: 1_000,
  longestPauseMs: 30_000,
  fastForMs: 300_000,
  slowPauseMs: 60_000,
};
const nowMs = 1_000_000;
const manifest = manifestOf();
const grant = {
  url: 'https://vault.example/',
  method: 'GET',
  expiresAt: '2026-11-23T00:02:00.000Z',
  controlPlane: 'prod',
  kongVersion: '3.9.1',
} as const;
const sinceStart = { answeringSinceMs: nowMs - 5_000, failedTries: 0, notBeforeMs: 0 };
const firstTry = {
  ...sinceStart,
  firstTryMs: nowMs,
  failed: [],
  mayRecoverSoon: false,
  isOutdated: false,
  retryAfterMs: 0,
};

const cache = { hash: 'a'.repeat(32), writtenMs: 1 };
const previous = { versionId: 'v6', sha256: '6'.repeat(64) };

const interrupted = { manifest, wanted: previous, goodUntilMs: nowMs + 1 };

const states = {
  'status API not up yet': initialState,
  'empty for a moment': { ...sinceStart, phase: 'waiting', answeringSinceMs: nowMs - 4_999 },
  'empty for five seconds': { ...sinceStart, phase: 'waiting' },
  'pausing after a failed try': { ...sinceStart, phase: 'waiting', failedTries: 1, notBeforeMs: nowMs + 1 },
  granting: { ...firstTry, phase: 'granting' },
  'granting at the last endpoint': { ...firstTry, phase: 'granting', failed: [0] },
  'granting, with one before it to try': { ...firstTry, phase: 'granting', failed: [0], previous },
  downloading: { ...firstTry, phase: 'downloading', grant, endpoint: 0 },
  'downloading from the last endpoint': {
    ...firstTry,
    phase: 'downloading',
    grant,
    endpoint: 1,
    failed: [0],
  },
  seeding: { ...firstTry, phase: 'seeding', manifest },
  'with an old cache for a moment': {
    ...sinceStart,
    phase: 'waiting',
    answeringSinceMs: nowMs - 4_999,
    cache,
  },
  'with an old cache for five seconds': { ...sinceStart, phase: 'waiting', cache },
  'granting over an old cache': { ...firstTry, phase: 'granting', cache },
  'downloading over an old cache': { ...firstTry, phase: 'downloading', grant, endpoint: 0, cache },
  'downloading over a newer cache': {
    ...firstTry,
    phase: 'downloading',
    grant,
    endpoint: 0,
    cache: { ...cache, writtenMs: Date.parse('2026-12-01T00:00:00.000Z') },
  },
  'seeding over an old cache': { ...firstTry, phase: 'seeding', manifest, cache },
  'seeding what has one before it': {
    ...firstTry,
    phase: 'seeding',
    manifest: { ...manifest, previousSha256: previous.sha256, previousVersionId: previous.versionId },
  },
  'seeding the one before': {
    ...firstTry,
    phase: 'seeding',
    manifest,
    previous,
    wanted: previous,
    failed: [0],
  },
  'asking for the one before': { ...firstTry, phase: 'granting', previous, wanted: previous },
  'loading it from the last endpoint': {
    ...firstTry,
    phase: 'downloading',
    grant,
    endpoint: 1,
    previous,
    wanted: previous,
    failed: [0],
  },
  'asking the last endpoint for it': {
    ...firstTry,
    phase: 'granting',
    previous,
    wanted: previous,
    failed: [0],
  },
  'interrupted while loading': { ...sinceStart, phase: 'waiting', interrupted },
  'interrupted long ago': {
    ...sinceStart,
    phase: 'waiting',
    interrupted: { ...interrupted, goodUntilMs: nowMs },
  },
  'interrupted over an old cache': { ...sinceStart, phase: 'waiting', interrupted, cache },
  'interrupted over a newer cache': {
    ...sinceStart,
    phase: 'waiting',
    interrupted,
    cache: { ...cache, writtenMs: Date.parse('2026-12-01T00:00:00.000Z') },
  },
  'seeding again': { ...firstTry, phase: 'seeding', manifest, interrupted },
  'seeded before': { phase: 'done', outcome: 'seeded' },
} as const satisfies Readonly<Record<string, WatchState>>;

type StateName = keyof typeof states;
const events = {
  stale: { type: 'stale', cache: { ...cache, isSilent: true } },
  'stale, connected': { type: 'stale', cache: { ...cache, isSilent: false } },
  'stale otherwise': { type: 'stale', cache: { ...cache, hash: 'b'.repeat(32), isSilent: true } },
  'no-file at 1': { type: 'failed', endpoint: 1, code: 'no-file' },
  'no file in both': {
    type: 'failed',
    endpoint: 1,
    code: 'no-file',
    before: [{ endpoint: 0, code: 'no-file' }],
  },
  'stale newer': {
    type: 'stale',
    cache: { ...cache, writtenMs: Date.parse('2026-12-01T00:00:00.000Z'), isSilent: true },
  },
  connected: { type: 'connected' },
  interrupted: { type: 'interrupted' },
  silent: { type: 'silent' },
  empty: { type: 'empty' },
  configured: { type: 'configured' },
  granted: { type: 'granted', endpoint: 0, grant, failures: [] },
  'granted by the second': {
    type: 'granted',
    endpoint: 1,
    grant,
    failures: [{ endpoint: 0, code: 'outdated', retryAfterMs: 7 }],
  },
  downloaded: { type: 'downloaded', manifest, currency: {} },
  seeded: { type: 'seeded' },
  unreachable: { type: 'failed', endpoint: 0, code: 'unreachable' },
  'unreachable at 1': { type: 'failed', endpoint: 1, code: 'unreachable' },
  'throttled at 1': { type: 'failed', endpoint: 1, code: 'unreachable', retryAfterMs: 1_000 },
  'both unreachable': {
    type: 'failed',
    endpoint: 1,
    code: 'unreachable',
    before: [{ endpoint: 0, code: 'unreachable' }],
  },
  verification: { type: 'failed', endpoint: 0, code: 'verification' },
  'verification at 1': { type: 'failed', endpoint: 1, code: 'verification' },
  outdated: { type: 'failed', endpoint: 0, code: 'outdated' },
  output: { type: 'failed', code: 'output' },
  kong: { type: 'failed', code: 'kong' },
  refused: { type: 'failed', endpoint: 0, code: 'refused' },
} as const satisfies Readonly<Record<string, WatchEvent>>;

type EventName = keyof typeof events;

function nextOf(name: StateName, event: EventName, random = 0.5): WatchState {
  return advanceWatch(policy, states[name], events[event], { nowMs, random });
}

describe('watching a node', () => {
  it.each<readonly [StateName, EventName, WatchState['phase'], object]>([
    ['status API not up yet', 'silent', 'waiting', { answeringSinceMs: undefined }],
    ['status API not up yet', 'empty', 'waiting', { answeringSinceMs: nowMs }],
    ['status API not up yet', 'configured', 'done', { outcome: 'has a configuration' }],
    ['empty for a moment', 'empty', 'waiting', { answeringSinceMs: nowMs - 4_999 }],
    ['empty for a moment', 'silent', 'waiting', { answeringSinceMs: undefined }],
    ['empty for a moment', 'configured', 'done', { outcome: 'has a configuration' }],
    ['empty for five seconds', 'empty', 'granting', { failed: [], firstTryMs: nowMs }],
    ['empty for five seconds', 'silent', 'waiting', { answeringSinceMs: undefined }],
    ['empty for five seconds', 'configured', 'done', { outcome: 'has a configuration' }],
    ['pausing after a failed try', 'empty', 'waiting', { failedTries: 1, notBeforeMs: nowMs + 1 }],
    ['pausing after a failed try', 'silent', 'waiting', { failedTries: 1, notBeforeMs: nowMs + 1 }],
    ['pausing after a failed try', 'configured', 'done', { outcome: 'has a configuration' }],
    ['granting', 'empty', 'granting', { failed: [] }],
    ['granting', 'silent', 'waiting', { answeringSinceMs: undefined, failedTries: 0 }],
    ['granting', 'configured', 'done', { outcome: 'has a configuration' }],
    ['granting', 'granted', 'downloading', { endpoint: 0, failed: [], grant }],
    [
      'granting',
      'granted by the second',
      'downloading',
      { endpoint: 1, failed: [0], isOutdated: true, retryAfterMs: 7 },
    ],
    ['granting', 'both unreachable', 'waiting', { failedTries: 1 }],
    // The other one was silent when the first has granted.
    ['downloading', 'unreachable', 'granting', { failed: [0], mayRecoverSoon: true, failedTries: 0 }],
    ['downloading from the last endpoint', 'unreachable at 1', 'waiting', { failedTries: 1 }],
    ['granting', 'kong', 'waiting', { failedTries: 1 }],
    ['granting at the last endpoint', 'unreachable at 1', 'waiting', { failedTries: 1 }],
    ['granting, with one before it to try', 'unreachable at 1', 'granting', { wanted: previous, failed: [] }],
    // It wants to be left alone.
    ['granting, with one before it to try', 'throttled at 1', 'waiting', { previous, failedTries: 1 }],
    ['downloading', 'empty', 'downloading', { grant }],
    ['downloading', 'silent', 'waiting', { answeringSinceMs: undefined }],
    ['downloading', 'configured', 'done', { outcome: 'has a configuration' }],
    ['downloading', 'downloaded', 'seeding', { manifest }],
    ['downloading', 'verification', 'granting', { failed: [0], mayRecoverSoon: false }],
    // A copy of what is old is no better.
    ['downloading', 'outdated', 'granting', { failed: [0], mayRecoverSoon: true, isOutdated: true }],
    // The other region may have a revision that Kong did not refuse.
    ['downloading', 'refused', 'granting', { failed: [0] }],
    ['downloading', 'output', 'waiting', { failedTries: 1 }],
    ['seeding', 'empty', 'seeding', { manifest }],
    ['seeding', 'silent', 'waiting', { answeringSinceMs: undefined }],
    ['seeding', 'configured', 'done', { outcome: 'has a configuration' }],
    ['seeding', 'seeded', 'done', { outcome: 'seeded' }],
    // Kong was started again: it has its seconds, and then the same file.
    [
      'seeding',
      'interrupted',
      'waiting',
      {
        answeringSinceMs: undefined,
        failedTries: 0,
        refusedSha256: undefined,
        interrupted: { manifest, goodUntilMs: nowMs + policy.fastForMs },
      },
    ],
    ['interrupted while loading', 'silent', 'waiting', { answeringSinceMs: undefined, interrupted }],
    ['interrupted while loading', 'empty', 'seeding', { manifest, wanted: previous }],
    ['interrupted while loading', 'configured', 'done', { outcome: 'has a configuration' }],
    ['interrupted long ago', 'empty', 'granting', { interrupted: undefined }],
    ['interrupted over an old cache', 'stale', 'seeding', { manifest, cache }],
    ['interrupted over a newer cache', 'stale newer', 'done', { because: 'nothing newer' }],
    ['seeding again', 'interrupted', 'waiting', { interrupted: { goodUntilMs: nowMs + 1 } }],
    ['seeding again', 'refused', 'waiting', { interrupted: undefined, refusedSha256: manifest.sha256 }],
    ['seeding again', 'kong', 'waiting', { interrupted: undefined, failedTries: 1 }],
    // It may have the first version of its control plane.
    ['empty for five seconds', 'connected', 'waiting', { answeringSinceMs: undefined }],
    ['granting', 'connected', 'waiting', { answeringSinceMs: undefined, failedTries: 0 }],
    ['seeding', 'connected', 'waiting', { answeringSinceMs: undefined, refusedSha256: undefined }],
    ['seeding', 'kong', 'waiting', { failedTries: 1, refusedSha256: undefined }],
    ['seeding', 'refused', 'waiting', { failedTries: 1, refusedSha256: manifest.sha256 }],
    ['empty for a moment', 'stale', 'waiting', { cache, answeringSinceMs: nowMs }],
    ['granting', 'stale', 'waiting', { cache, answeringSinceMs: nowMs }],
    ['with an old cache for a moment', 'stale', 'waiting', { cache, answeringSinceMs: nowMs - 4_999 }],
    ['with an old cache for a moment', 'stale, connected', 'waiting', { cache }],
    ['with an old cache for a moment', 'stale otherwise', 'done', { outcome: 'has a configuration' }],
    ['with an old cache for a moment', 'silent', 'waiting', { cache: undefined }],
    ['with an old cache for five seconds', 'stale', 'granting', { cache }],
    [
      'with an old cache for five seconds',
      'stale, connected',
      'done',
      { because: 'control plane connected' },
    ],
    ['with an old cache for five seconds', 'configured', 'done', { outcome: 'has a configuration' }],
    ['with an old cache for five seconds', 'empty', 'waiting', { cache: undefined }],
    ['seeding over an old cache', 'stale', 'seeding', { cache }],
    ['seeding over an old cache', 'stale, connected', 'done', { because: 'control plane connected' }],
    ['seeding over an old cache', 'refused', 'waiting', { cache, failedTries: 1 }],
    [
      'seeding what has one before it',
      'refused',
      'granting',
      { wanted: previous, failed: [], failedTries: 0 },
    ],
    ['seeding what has one before it', 'kong', 'waiting', { previous: undefined }],
    ['seeding the one before', 'refused', 'waiting', { previous: undefined, failedTries: 1 }],
    ['seeding the one before', 'kong', 'waiting', { previous }],
    ['asking for the one before', 'no file in both', 'waiting', { previous: undefined }],
    ['asking the last endpoint for it', 'no-file at 1', 'waiting', { previous: undefined }],
    ['loading it from the last endpoint', 'verification at 1', 'waiting', { previous: undefined }],
    ['asking the last endpoint for it', 'unreachable at 1', 'waiting', { previous }],
    ['asking the last endpoint for it', 'silent', 'waiting', { previous }],
    ['seeded before', 'empty', 'done', { outcome: 'seeded' }],
    ['seeded before', 'silent', 'done', { outcome: 'seeded' }],
  ])('%s, %s: %s', (state, event, phase, details) => {
    const result = nextOf(state, event);

    expect(result).toMatchObject({ phase, ...details });
  });

  it('lets a Kong that starts anew try again what it refused', () => {
    const moment = { nowMs, random: 0 };
    const once = advanceWatch(policy, nextOf('seeding', 'refused'), events.silent, moment);
    const twice = advanceWatch(policy, once, events.silent, moment);

    // Once is a reload.
    expect(once).toMatchObject({
      phase: 'waiting',
      refusedSha256: manifest.sha256,
      answeringSinceMs: undefined,
    });
    expect(twice).toMatchObject({
      phase: 'waiting',
      refusedSha256: undefined,
      answeringSinceMs: undefined,
    });
  });

  it('keeps no grant for longer than its download', () => {
    expect(nextOf('downloading', 'downloaded')).not.toHaveProperty('grant');
    expect(nextOf('downloading', 'verification')).not.toHaveProperty('grant');
    expect(nextOf('downloading', 'silent')).not.toHaveProperty('grant');
  });
});

describe('the pause after a failed try', () => {
  const pauseMs = (
    code: StandbyErrorCode,
    {
      failedTries = 0,
      tryingForMs = 0,
      random = 1,
      mayRecoverSoon = false,
      retryAfterMs = 0,
      before = [] as readonly StepFailure[],
    },
  ): number => {
    const state: WatchState = {
      ...states['granting at the last endpoint'],
      failedTries,
      firstTryMs: nowMs - tryingForMs,
      mayRecoverSoon,
    };
    const event = { type: 'failed', endpoint: 1, code, retryAfterMs, before } as const;
    const result = advanceWatch(policy, state, event, { nowMs, random });
    return result.phase === 'waiting' ? result.notBeforeMs - nowMs : Number.NaN;
  };

  it.each([
    ['up to two seconds after the first', { random: 1 }, 2_000],
    ['nothing with the smallest chance', { random: 0 }, 0],
    ['half with half', { random: 0.5 }, 1_000],
    ['up to four seconds after the second', { failedTries: 1 }, 4_000],
    ['up to sixteen seconds after the fourth', { failedTries: 3 }, 16_000],
    ['never over thirty seconds', { failedTries: 4 }, 30_000],
    ['not even after a thousand', { failedTries: 1_000 }, 30_000],
    ['short until five minutes', { tryingForMs: 299_999 }, 2_000],
    ['slow from then on', { tryingForMs: 300_000 }, 75_000],
    ['slow, at least', { tryingForMs: 300_000, random: 0 }, 45_000],
    ['slow on average', { tryingForMs: 300_000, random: 0.5 }, 60_000],
  ])('is %s', (_what, history, expected) => {
    expect(pauseMs('unreachable', history)).toBe(expected);
  });

  it.each<readonly [StandbyErrorCode, number]>([
    ['denied', 2_000],
    ['unreachable', 2_000],
    ['kong', 2_000],
    // The next export may have replaced it.
    ['outdated', 2_000],
    ['no-file', 75_000],
    ['verification', 75_000],
    ['output', 75_000],
    ['refused', 75_000],
  ])('after %s is at most %d ms', (code, expected) => {
    expect(pauseMs(code, {})).toBe(expected);
  });

  it.each([
    ['is added to what the endpoint asks for', { retryAfterMs: 5_000 }, 7_000],
    ['is never shorter than that', { retryAfterMs: 5_000, random: 0 }, 5_000],
    ['grows beside it', { retryAfterMs: 5_000, failedTries: 1 }, 9_000],
    ['takes no more than the slow pace for it', { retryAfterMs: 60_001 }, 62_000],
    [
      'takes the longest that one has asked for',
      { retryAfterMs: 1_000, before: [{ endpoint: 0, code: 'unreachable', retryAfterMs: 5_000 }] as const },
      7_000,
    ],
    ['is slow beside it, too', { retryAfterMs: 5_000, tryingForMs: 300_000 }, 80_000],
  ])('%s', (_what, history, expected) => {
    expect(pauseMs('unreachable', history)).toBe(expected);
  });

  it('is short when one of the endpoints may be better soon', () => {
    expect(pauseMs('no-file', { mayRecoverSoon: true })).toBe(2_000);
  });
});

describe('the time of the next try', () => {
  it.each([
    ['is unknown while the status API is silent', { notBeforeMs: 7 }, undefined],
    ['comes five seconds after its first answer', { answeringSinceMs: 100, notBeforeMs: 0 }, 5_100],
    ['comes later by chance', { answeringSinceMs: 100, addedMs: 2_999, notBeforeMs: 0 }, 8_099],
    ['comes after the pause', { answeringSinceMs: 100, notBeforeMs: 5_101 }, 5_101],
  ])('%s', (_what, history, expected) => {
    expect(findNextTryMs(policy, { failedTries: 0, ...history })).toBe(expected);
  });
});

describe('the spread of first tries', () => {
  it.each([
    ['at once after the five seconds', 0, 5_000],
    ['in the middle', 0.5, 6_500],
    ['at the end', 1, 8_000],
  ])('lets chance decide: %s', (_what, random, expectedMs) => {
    const begun = advanceWatch(policy, initialState, events.empty, { nowMs, random });
    const at = (afterMs: number) =>
      advanceWatch(policy, begun, events.empty, { nowMs: nowMs + afterMs, random: 0 }).phase;

    expect([at(expectedMs - 1), at(expectedMs)]).toEqual(['waiting', 'granting']);
  });

  it('is of a node with an old cache, too', () => {
    const begun = advanceWatch(policy, initialState, events.stale, { nowMs, random: 1 });

    expect(begun).toMatchObject({ phase: 'waiting', answeringSinceMs: nowMs, addedMs: 3_000 });
  });

  it('is drawn once for each wait', () => {
    const begun = advanceWatch(policy, initialState, events.empty, { nowMs, random: 0.5 });
    const later = advanceWatch(policy, begun, events.empty, { nowMs: nowMs + 1, random: 1 });
    const silent = advanceWatch(policy, later, events.silent, { nowMs: nowMs + 2, random: 0 });
    const anew = advanceWatch(policy, silent, events.empty, { nowMs: nowMs + 3, random: 1 });

    expect([later, anew]).toMatchObject([{ addedMs: 1_500 }, { addedMs: 3_000 }]);
  });
});

describe('the diagram in the doc comment', () => {
  it('has each transition from a phase by an event, and no other', async () => {
    const source = await readFile('core/standby/watch.ts', 'utf8');
    const drawn = [...source.matchAll(/^ \*\s+(\w+) --(\w+)--> ([\w|]+)$/gm)].map(
      ([, from, event, to = '']) => `${from} --${event}--> ${to.split('|').sort().join('|')}`,
    );
    const reached = new Map<string, Set<string>>();
    for (const state of Object.values<WatchState>(states)) {
      for (const event of Object.values<WatchEvent>(events)) {
        const edge = `${state.phase} --${event.type}-->`;
        const { phase } = advanceWatch(policy, state, event, { nowMs, random: 0.5 });
        reached.set(edge, (reached.get(edge) ?? new Set()).add(phase));
      }
    }
    const walked = [...reached].map(([edge, phases]) => `${edge} ${[...phases].sort().join('|')}`);

    expect(drawn.sort()).toEqual(walked.sort());
  });
});
