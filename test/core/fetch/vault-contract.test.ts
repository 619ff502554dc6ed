/**
 * What standby may expect of grants and files, held against the double in memory and the real client over
 * HTTP.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { type FileSource, vaultFileSource } from '../../../core/fetch/download.ts';
import type { StandbyErrorCode } from '../../../core/fetch/errors.ts';
import { endpointGrantSource, type GrantSource } from '../../../core/fetch/grant-source.ts';
import { systemRandom } from '../../../core/random-source.ts';
import type { Manifest } from '../../../core/vault/manifest.ts';
import {
  type Answer,
  type Answers,
  goodFile,
  goodGrant,
  goodStatus,
  manifestOf,
  newSigningKey,
  startStandIn,
} from '../../cli/published-file.ts';
import { MemoryVault } from './memory-vault.ts';

interface VaultUnderTest {
  readonly grants: GrantSource;
  readonly files: FileSource;
  /** Of the current file. */
  readonly manifest: Manifest;
  failGrants(code: 'denied' | 'no-file' | 'unreachable'): void;
  failDownloads(code: 'denied' | 'no-file' | 'unreachable'): void;
  /** Publishes another file: the current one is an older version from now on. */
  readonly older: Manifest;
  /** The status says that this revision of the file is the newest. */
  note(revision: number): void;
}

const older = manifestOf({ revision: 6, builtAt: new Date('2026-11-22T00:00:00.000Z') });
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) {
    await end();
  }
});

function vaultInMemory(): VaultUnderTest {
  const vault = new MemoryVault();
  vault.older = older;
  return {
    grants: vault,
    files: vault,
    manifest: vault.manifest,
    older,
    failGrants(code) {
      vault.grantFailure = code;
    },
    failDownloads(code) {
      vault.downloadFailure = code;
    },
    note(revision) {
      vault.notedRevision = revision;
    },
  };
}

const refusals = {
  denied: { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' },
  'no-file': { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' },
  unreachable: { status: 503, body: '<Error><Code>SlowDown</Code></Error>' },
} as const;

/** As API Gateway says it of a grant. */
const gatewayRefusals = {
  denied: { status: 403, body: '{"message":"Forbidden"}' },
  'no-file': { status: 404, body: '{"message":"Not Found"}' },
  unreachable: { status: 503, body: '{"message":"Service Unavailable"}' },
} as const;

async function vaultOverHttp(): Promise<VaultUnderTest> {
  const key = newSigningKey();
  const lastVersionId = () =>
    new URL(standIn.requests.at(-1)?.path ?? '', standIn.url).searchParams.get('versionId');
  const answers: Answers = {
    grant: (url) => goodGrant(lastVersionId() === null ? url : `${url}&versionId=${lastVersionId()}`),
    file: () => goodFile(key, lastVersionId() === null ? {} : older),
    status: () => goodStatus(key),
  };
  const standIn = await startStandIn(answers);
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-contract-'));
  ends.push(standIn.stop, () => rm(directory, { recursive: true }));
  const shared = {
    controlPlane: 'prod',
    kongVersion: '3.9.1',
    timeoutMs: 30_000,
    clock: systemClock,
    random: systemRandom,
  };
  return {
    grants: endpointGrantSource(
      {
        endpoint: new URL(standIn.url),
        authenticate: async () => ({
          by: 'iam',
          region: 'eu-central-1',
          credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
        }),
      },
      shared,
    ),
    files: vaultFileSource({
      ...shared,
      trusted: [await key.verificationKey()],
      output: join(directory, 'config.json'),
      maxBytes: 1_000_000,
    }),
    manifest: manifestOf(),
    older,
    failGrants(code) {
      answers.grant = (): Answer => gatewayRefusals[code];
    },
    failDownloads(code) {
      answers.file = (): Answer => refusals[code];
    },
    note(revision) {
      answers.status = () => goodStatus(key, { revision });
    },
  };
}

describe.each([
  ['in memory', vaultInMemory],
  ['over HTTP', vaultOverHttp],
])('grants and files %s', (_where, start) => {
  it('give the current file', async () => {
    const { grants, files, manifest } = await start();

    const grant = await grants.requestGrant(undefined);

    expect(grant).toMatchObject({ method: 'GET', controlPlane: 'prod', kongVersion: '3.9.1' });
    expect((await files.download(grant, {})).manifest).toMatchObject(manifest);
  });

  it('give an older version by its id', async () => {
    const { grants, files } = await start();

    const grant = await grants.requestGrant('v6');

    expect(grant.url).toContain('versionId=v6');
    expect((await files.download(grant, { wantedSha256: older.sha256 })).manifest).toMatchObject(older);
  });

  it.each(['denied', 'no-file', 'unreachable'] as const)('give no grant: %s', async (code) => {
    const vault = await start();
    vault.failGrants(code);

    await expect(vault.grants.requestGrant(undefined)).rejects.toMatchObject({ name: 'StandbyError', code });
  });

  it.each(['denied', 'no-file', 'unreachable'] as const)('give no file: %s', async (code) => {
    const vault = await start();
    const grant = await vault.grants.requestGrant(undefined);
    vault.failDownloads(code);

    await expect(vault.files.download(grant, {})).rejects.toMatchObject({ name: 'StandbyError', code });
  });

  it.each<readonly [string, (manifest: Manifest) => object, StandbyErrorCode]>([
    ['content that Kong refused', ({ sha256 }) => ({ refusedSha256: sha256 }), 'refused'],
    ['other content than was asked for', () => ({ wantedSha256: 'f'.repeat(64) }), 'verification'],
  ])('do not give %s', async (_what, wish, code) => {
    const { grants, files, manifest } = await start();
    const grant = await grants.requestGrant(undefined);

    await expect(files.download(grant, wish(manifest))).rejects.toMatchObject({ code });
  });

  it('say when the file was last verified as the newest', async () => {
    const { grants, files } = await start();

    const { currency } = await files.download(await grants.requestGrant(undefined), {});

    expect(currency).toEqual({ verifiedAt: expect.any(Date) });
  });

  it('do not give a file that is older than the status says, unless it is a copy', async () => {
    const { grants, files, manifest, note } = await start();
    const grant = await grants.requestGrant(undefined);
    note(manifest.revision + 1);

    await expect(files.download(grant, {})).rejects.toMatchObject({ code: 'outdated' });
    const { currency } = await files.download(grant, { mayLag: true });
    expect(currency).toEqual({ warning: expect.stringContaining('this copy is behind') });
  });

  it('give an older file that is asked for by its version', async () => {
    const { grants, files, note } = await start();
    const grant = await grants.requestGrant('v6');
    note(older.revision + 1);

    const { manifest, currency } = await files.download(grant, { wantedSha256: older.sha256 });

    expect([manifest.revision, currency]).toEqual([older.revision, {}]);
  });

  it('end by a signal, whose reason is the cause', async () => {
    const { grants, files } = await start();
    const grant = await grants.requestGrant(undefined);
    const ended = AbortSignal.abort();

    await expect(grants.requestGrant(undefined, ended)).rejects.toMatchObject({ cause: ended.reason });
    await expect(files.download(grant, {}, ended)).rejects.toMatchObject({ cause: ended.reason });
  });
});
