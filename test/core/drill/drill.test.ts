import type { EventEmitter } from 'node:events';
import type { ReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as v from 'valibot';
import { type DrillParts, drill, findFault, summarizeDrill } from '../../../core/drill/drill.ts';
import { StandbyError } from '../../../core/fetch/errors.ts';
import type { GrantSource } from '../../../core/fetch/grant-source.ts';
import type { HttpResponse } from '../../../core/fetch/http-client.ts';
import { drillRecordSchema } from '../../../core/inspect/drill-record.ts';
import { type Manifest, signManifest } from '../../../core/vault/manifest.ts';
import { signStatus } from '../../../core/vault/status.ts';
import { content, manifestOf, statusOf } from '../../cli/published-file.ts';
import { countingRandom } from '../counting-random.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';

const signer = await localSigner();
const now = new Date('2026-11-23T01:00:00Z');

let clock: ManualClock;
let directory: string;
beforeEach(async () => {
  clock = manualClock(now);
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-core-drill-'));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** What all open files have in common; no other way leads to it. */
const fileHandles = await open(tmpdir()).then(async (opened) => {
  await opened.close();
  return Object.getPrototypeOf(opened) as FileHandle;
});

const granted = (kongVersion: string): GrantSource => ({
  requestGrant: async () => ({
    url: `https://vault.example/${kongVersion}/config.json?X-Amz-Signature=sesame`,
    statusUrl: 'https://vault.example/status/prod.json?X-Amz-Signature=sesame',
    method: 'GET',
    expiresAt: '2026-11-23T01:02:00.000Z',
    controlPlane: 'prod',
    kongVersion,
  }),
});
const failing = (error: StandbyError): GrantSource => ({ requestGrant: () => Promise.reject(error) });
/** That nobody answers, until the time is up. */
const silent: GrantSource = {
  requestGrant: (_versionId, signal) =>
    new Promise((_, reject) => {
      const end = () =>
        reject(new StandbyError('unreachable', 'the grant endpoint did not answer (timeout)'));
      if (signal?.aborted === true) {
        end();
      }
      signal?.addEventListener('abort', end);
    }),
};

function answerOf(status: number, body: Uint8Array | string, headers: Record<string, string> = {}) {
  return {
    status,
    headers: { get: (name: string) => headers[name] ?? null, has: (name: string) => name in headers },
    body: (async function* () {
      yield Buffer.from(body);
    })(),
    discard: () => undefined,
  } satisfies HttpResponse;
}

/** A vault with the file of each version. */
function parts(more: Partial<DrillParts> = {}, says: Partial<Manifest> = {}): DrillParts {
  return {
    controlPlane: 'prod',
    grantsOf: granted,
    trusted: async () => [signer.publicKey],
    lmdbMapBytes: 2 ** 20,
    holdDirectory: directory,
    timeoutMs: 120_000,
    totalMs: 720_000,
    clock,
    random: countingRandom(),
    async fetch(address) {
      const { pathname } = new URL(address);
      if (pathname.startsWith('/status/')) {
        return answerOf(200, await signStatus(statusOf(7), signer));
      }
      const [, kongVersion = ''] = pathname.split('/');
      const manifest = await signManifest(manifestOf({ kongVersion, ...says }), signer);
      return answerOf(200, content, { 'x-amz-meta-manifest': manifest });
    },
    ...more,
  };
}

describe('a drill', () => {
  it('passes where each file would boot, and says how old the oldest is', async () => {
    const report = await drill(parts(), ['3.9.1']);

    expect(report).toMatchObject({ outcome: 'passed', restorableAgeSeconds: 55 * 60 });
    expect(report.versions).toMatchObject([{ kongVersion: '3.9.1', outcome: 'passed', revision: 7 }]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('says of no age what it cannot tell of one of the files', async () => {
    // The status does not speak of the second one.
    const report = await drill(parts(), ['3.9.1', '3.8.1']);

    expect(report).toMatchObject({ outcome: 'passed', restorableAgeSeconds: undefined });
  });

  it('is not failed by a version without a file where another one boots, and is where none does', async () => {
    const missing = failing(new StandbyError('no-file', 'there is none'));
    const grantsOf = (kongVersion: string) => (kongVersion === '3.8.1' ? missing : granted(kongVersion));

    expect(await drill(parts({ grantsOf }), ['3.8.1', '3.9.1'])).toMatchObject({ outcome: 'passed' });
    expect(await drill(parts({ grantsOf }), ['3.8.1'])).toMatchObject({ outcome: 'failed' });
  });

  it.each<[fault: string, at: string, more: Partial<DrillParts>, says: Partial<Manifest>]>([
    ['api', 'grant', { grantsOf: () => failing(new StandbyError('denied', 'no')) }, {}],
    ['vault', 'file', { fetch: () => Promise.reject(new Error('reset')) }, {}],
    ['disk', 'file', { holdDirectory: '/nowhere/at/all' }, {}],
    ['control-plane', 'file', {}, { controlPlane: 'other' }],
    ['outdated', 'file', {}, { revision: 6 }],
    ['size', 'size', { lmdbMapBytes: content.length * 2 - 1 }, {}],
    // It is not even downloaded.
    ['size', 'file', { lmdbMapBytes: content.length - 1 }, {}],
  ])('names what is broken: %s, when it looks at the %s', async (fault, at, more, says) => {
    const report = await drill(parts(more, says), ['3.9.1']);

    expect(report.outcome).toBe('failed');
    expect(report.versions.map(findFault)).toEqual([fault]);
    expect(report.versions[0]?.checks.at(-1)).toMatchObject({ check: at, outcome: 'failed' });
    expect(JSON.stringify(report)).not.toContain('sesame');
    // As it is noted, it can be read again.
    const noted = JSON.parse(JSON.stringify(summarizeDrill(report)));
    expect(v.parse(drillRecordSchema, noted)).toMatchObject({ versions: [{ fault }] });
  });

  it('blames the disk, and not the file, where it cannot be read again', async () => {
    jest.spyOn(fileHandles, 'createReadStream').mockImplementation(() => {
      const pieces = new PassThrough();
      pieces.destroy(Object.assign(new Error('read failed'), { code: 'EIO' }));
      return pieces as unknown as ReadStream;
    });

    const report = await drill(parts(), ['3.9.1']);

    expect(report.versions.map(findFault)).toEqual(['disk']);
    expect(report.versions[0]?.checks.at(-1)?.detail).toContain('EIO');
  });

  it('of many versions that hang ends in its time, and says so of each', async () => {
    const versions = Array.from({ length: 10 }, (_, index) => `3.9.${index}`);

    const playing = drill(parts({ grantsOf: () => silent }), versions);
    for (let seconds = 0; seconds <= 720; seconds += 60) {
      await clock.advance(60_000);
    }

    const { outcome, seconds, versions: drilled } = await playing;
    expect({ outcome, seconds }).toEqual({ outcome: 'failed', seconds: 720 });
    // Each of them took 120 s.
    expect(drilled.map(findFault)).toEqual(versions.map((_, index) => (index < 6 ? 'api' : 'time')));
  });

  it('fails loudly where the fault is ours', async () => {
    const trusted = () => Promise.reject(new Error('KMS is away'));
    const told = jest.spyOn(fileHandles as unknown as EventEmitter, 'emit');

    await expect(drill(parts({ trusted }), ['3.9.1'])).rejects.toThrow('KMS is away');
    expect(await readdir(directory)).toEqual([]);
    expect(told.mock.calls).toEqual([['close']]);
  });
});
