import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ControlPlaneStatus } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { signDocument } from '../../../core/vault/signed-document.ts';
import {
  readStatus,
  recordStatus,
  signStatus,
  statusType,
  verifyStatus,
} from '../../../core/vault/status.ts';
import { type LocalSigner, localSigner } from './local-signer.ts';
import { type MemoryVault, memoryVault } from './memory-vault.ts';

const version = { kongVersion: '3.9.1', revision: 3, sha256: 'a', configHash: 'b', changed: true };
const status: ControlPlaneStatus = {
  controlPlane: 'prod',
  checkedAt: new Date('2026-11-23T04:00:00.123Z'),
  versions: [{ ...version, behindSince: new Date(0), servedTables: ['f', 'g'] }],
};

let vault: MemoryVault;
let signer: LocalSigner;
beforeEach(async () => {
  vault = memoryVault();
  signer = await localSigner();
});
const parts = () => ({ vault, signer });
const read = () => readStatus(parts(), 'prod');

describe('a status', () => {
  it('is read as it was written', async () => {
    const before = await read();
    await recordStatus(parts(), status, before);

    expect(before).toEqual({ status: undefined, etag: undefined, disbelieved: undefined, missingKeys: [] });
    expect(await read()).toEqual({
      status,
      etag: expect.any(String),
      disbelieved: undefined,
      missingKeys: [],
    });
  });

  it('is believed when a retired key has signed it', async () => {
    const before = await localSigner();
    await recordStatus({ vault, signer: before }, status, { etag: undefined });

    const known = await readStatus({ vault, signer, retiredKeys: [before.publicKey] }, 'prod');

    expect(known.status).toEqual(status);
  });

  it.each<[title: string, text: () => Promise<string>]>([
    ['nothing', async () => ''],
    ['no JWS', async () => '<html>'],
    ['a status as releases before wrote it', async () => JSON.stringify(status)],
    ['one that a stranger has signed', async () => signStatus(status, await localSigner())],
    ['one whose content was changed', async () => tamper(await signStatus(status, signer))],
    [
      'a manifest that our key has signed',
      async () =>
        signDocument(
          { type: 'lifeboat-manifest+jwt', noun: 'manifest', code: 'manifest' },
          JSON.stringify(status),
          signer,
        ),
    ],
    [
      'one that names a revision after all others',
      async () =>
        signStatus({ ...status, versions: [{ ...version, revision: Number.MAX_SAFE_INTEGER }] }, signer),
    ],
    ['that of another control plane', async () => signStatus({ ...status, controlPlane: 'stage' }, signer)],
    [
      'a revision of 0',
      async () =>
        signDocument(
          { type: statusType, noun: 'status', code: 'status' },
          JSON.stringify({ ...status, versions: [{ ...version, revision: 0 }] }),
          signer,
        ),
    ],
  ])('is as if there were none where there is %s, and is replaced', async (_, text) => {
    await vault.putStatus('prod', await text(), undefined);

    const known = await read();
    await recordStatus(parts(), status, known);

    expect(known).toEqual({
      status: undefined,
      etag: expect.any(String),
      disbelieved: expect.stringContaining('status'),
      missingKeys: [],
    });
    expect((await read()).status).toEqual(status);
  });

  it('is believed where a further key cannot be asked for, and says so; one of that key is not', async () => {
    const former = await localSigner();
    const disabled = new VaultError('denied', 'the key is disabled');
    const within = (): never => {
      throw new Error('nothing binds it here');
    };
    const furtherKeys = [{ verificationKey: () => Promise.reject(disabled), within }];
    const readWithout = () => readStatus({ ...parts(), furtherKeys }, 'prod');
    await recordStatus(parts(), status, await read());

    const own = await readWithout();
    await recordStatus({ vault, signer: former }, status, own);
    const unjudged = await readWithout();

    expect(own).toMatchObject({ status, missingKeys: [disabled] });
    expect(unjudged).toMatchObject({ status: undefined, missingKeys: [disabled] });
  });

  it('is unknown, not missing, while our own key cannot be asked for', async () => {
    await recordStatus(parts(), status, await read());
    const silent = { ...signer, verificationKey: () => Promise.reject(new VaultError('unavailable', 'KMS')) };

    await expect(readStatus({ vault, signer: silent }, 'prod')).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('never quotes what it holds', async () => {
    const secret = '{"password":"MARKED-SECRET"';
    await vault.putStatus('prod', secret, undefined);

    const { disbelieved } = await read();

    expect(disbelieved).not.toContain('MARKED');
  });
});

describe('two exporters that note their checks at the same time', () => {
  const other = { ...version, kongVersion: '3.8.1' };
  const later = new Date(status.checkedAt.getTime() + 1_000);

  it('lose nothing: for each version the higher revision stays', async () => {
    const known = await read();
    await recordStatus(
      parts(),
      { ...status, checkedAt: later, versions: [{ ...version, revision: 4 }, other] },
      known,
    );

    await recordStatus(parts(), status, known);

    expect((await read()).status).toEqual({
      ...status,
      checkedAt: later,
      versions: [{ ...version, revision: 4 }, other],
    });
  });

  it('believe the newer check of a revision that both have seen', async () => {
    const known = await read();
    const behind = { ...version, behindSince: status.checkedAt, behindConfigHash: 'b'.repeat(32) };
    const caughtUp = { ...status, checkedAt: later, versions: [version] };
    await recordStatus(parts(), caughtUp, known);

    await recordStatus(parts(), { ...status, versions: [behind] }, known);

    expect((await read()).status).toEqual(caughtUp);
  });

  it('keep what a person has approved meanwhile', async () => {
    const known = await read();
    const approval = {
      until: later,
      identity: { clusterId: 'a' },
      losses: { services: 3 },
      left: { services: 1 },
    };
    await recordStatus(parts(), { ...status, approval }, known);

    await recordStatus(parts(), status, known);

    expect((await read()).status).toEqual({ ...status, approval });
  });

  it('give up where each write meets another one', async () => {
    const contested = {
      ...vault,
      async putStatus(...asked: Parameters<MemoryVault['putStatus']>) {
        await vault.noteStatus({ ...status, checkedAt: later }, signer);
        return vault.putStatus(...asked);
      },
    };

    const recording = recordStatus({ vault: contested, signer }, status, await read());

    await expect(recording).rejects.toMatchObject({ code: 'conflict' });
    expect((await read()).status?.checkedAt).toEqual(later);
  });
});

describe('signing a status', () => {
  it.each<[what: string, wrong: Partial<ControlPlaneStatus>, field: string]>([
    ['a moment that is none', { checkedAt: new Date(Number.NaN) }, 'checkedAt'],
    [
      'a revision that no number holds',
      { versions: [{ ...version, revision: 2 ** 53 }] },
      'versions.0.revision',
    ],
  ])('is refused where no reader would take it, and what stands there stays: %s', async (_, wrong, field) => {
    const known = await read();

    const recording = recordStatus(parts(), { ...status, ...wrong }, known);

    await expect(recording).rejects.toMatchObject({
      code: 'status',
      message: expect.stringContaining(field),
    });
    expect((await read()).etag).toBeUndefined();
  });
});

describe('verifying a status', () => {
  it('takes the pinned keys alone', async () => {
    const jws = await signStatus(status, signer);
    const stranger = await localSigner();

    expect(await verifyStatus(`${jws}\n`, 'prod', [stranger.publicKey, signer.publicKey])).toEqual(status);
    await expect(verifyStatus(jws, 'prod', [stranger.publicKey])).rejects.toMatchObject({ code: 'status' });
  });
});

function tamper(jws: string): string {
  const [header, , signature] = jws.split('.');
  const payload = Buffer.from(JSON.stringify({ ...status, checkedAt: new Date() })).toString('base64url');
  return `${header}.${payload}.${signature}`;
}
