import { describe, expect, it } from '@jest/globals';
import { type GrantParts, grants } from '../../../core/access/grant.ts';
import { type FindVersion, type FoundVersion, stepsBack } from '../../../core/access/step-back.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { manualClock } from '../manual-clock.ts';

/** The newest first. */
const history = ['v9', 'v8', 'v7', 'v6', 'v5', 'v4'];

function found(versionId: string | undefined): FoundVersion | undefined {
  const place = history.indexOf(versionId ?? '');
  return place === -1
    ? undefined
    : { versionId: history[place] ?? '', previousVersionId: history[place + 1] };
}

const parts: GrantParts = {
  controlPlane: 'prod',
  dataPlaneVersions: ['3.8.1', '3.9.0', '3.9.1'],
  presign: async ({ key, versionId }, lifetimeSeconds, now) =>
    `https://vault.invalid/${key}?lifetime=${lifetimeSeconds}&now=${now.getTime()}${versionId === undefined ? '' : `&versionId=${versionId}`}`,
  findVersion: async (_name, versionId = history[0]) => found(versionId),
  lifetimeSeconds: 120,
  clock: manualClock(new Date('2026-11-23T04:00:00.999Z')),
};

describe('a grant', () => {
  it.each([
    ['3.9.1', '3.9.1'],
    ['3.9.4', '3.9.1'],
    ['3.9.0', '3.9.0'],
    ['3.8.1.5', '3.8.1'],
  ])('for %s reads the file of %s, for the lifetime in whole seconds', async (requested, version) => {
    const answer = await grants(parts)({ kongVersion: requested });

    expect(answer).toEqual({
      url: `https://vault.invalid/prod/${version}/config.json?lifetime=120&now=${parts.clock.now().getTime()}`,
      statusUrl: `https://vault.invalid/status/prod.json?lifetime=120&now=${parts.clock.now().getTime()}`,
      method: 'GET',
      expiresAt: '2026-11-23T04:02:00.000Z',
      controlPlane: 'prod',
      kongVersion: version,
    });
  });

  it.each([
    undefined,
    '',
    '3',
    '3.9',
    '3.9.x',
    '3.9.1-rc1',
    '3.9.1.2.3',
    '03.9.1',
    'v3.9.1',
    ' 3.9.1',
    '3.9.1\n',
    '3.9.10000',
    '3.9.1/../../test',
  ])('is no grant without a full version: %j', async (requested) => {
    const answer = await grants(parts)({ kongVersion: requested });

    expect(answer).toMatchObject({ status: 400, detail: expect.stringContaining('?kongVersion=3.9.1') });
  });

  it.each(['v', 'x'.repeat(1024), 'L4kqtJlcpXroDTDmpUMLUo', 'null', '.-_~A9'])(
    'reads the version of the file that is asked for, and says so: %s',
    async (versionId) => {
      const findVersion: FindVersion = async () => ({ versionId, previousVersionId: undefined });

      const answer = await grants({ ...parts, findVersion })({ kongVersion: '3.9.4', versionId });

      expect(answer).toMatchObject({
        url: expect.stringMatching(new RegExp(`/prod/3\\.9\\.1/config\\.json\\?.*&versionId=${versionId}$`)),
        statusUrl: expect.not.stringContaining('versionId'),
        kongVersion: '3.9.1',
        versionId,
      });
    },
  );

  it('reaches the current version and those before it that a data plane may need, and no older one', async () => {
    const answers = await Promise.all(
      history.map((versionId) => grants(parts)({ kongVersion: '3.9.1', versionId })),
    );

    expect(stepsBack).toBe(3);
    expect(answers.map((answer) => ('status' in answer ? answer.status : answer.versionId))).toEqual([
      ...['v9', 'v8', 'v7', 'v6'],
      ...[404, 404],
    ]);
    expect(answers.at(-1)).toMatchObject({ detail: expect.stringContaining('lifeboat fetch --revision') });
  });

  it.each<[string, FindVersion]>([
    ['there is no current file', async () => undefined],
    [
      'the current one is no file of ours',
      async () => ({ versionId: 'foreign', previousVersionId: undefined }),
    ],
    ['the manifests name one another in a circle', async () => ({ versionId: 'a', previousVersionId: 'a' })],
  ])('of a version is none where %s', async (_what, findVersion) => {
    const answer = await grants({ ...parts, findVersion })({ kongVersion: '3.9.1', versionId: 'v8' });

    expect(answer).toMatchObject({ status: 404 });
  });

  it('of a version can be asked for again where the vault did not answer, and of the current one is given', async () => {
    const findVersion: FindVersion = async () => {
      throw new VaultError('unavailable', 'S3 did not answer');
    };
    const grant = grants({ ...parts, findVersion });

    expect(await grant({ kongVersion: '3.9.1', versionId: 'v8' })).toMatchObject({
      status: 503,
      detail: expect.stringContaining('S3 did not answer'),
    });
    expect(await grant({ kongVersion: '3.9.1' })).toHaveProperty('url');
  });

  it('of a version is looked for no longer than a data plane waits, and a fault of ours is no outage', async () => {
    const clock = manualClock(parts.clock.now());
    const silent: FindVersion = (_name, _versionId, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new VaultError('unavailable', 'no answer in time')));
      });
    const broken: FindVersion = () => Promise.reject(new TypeError('a fault of ours'));
    const asked = { kongVersion: '3.9.1', versionId: 'v8' };
    let status: unknown;

    const waiting = grants({ ...parts, clock, findVersion: silent })(asked).then((answer) => {
      status = 'status' in answer ? answer.status : 200;
    });
    await clock.advance(4_000);
    expect(status).toBe(503);
    await waiting;
    await expect(grants({ ...parts, findVersion: broken })(asked)).rejects.toThrow('a fault of ours');
  });

  it.each(['', 'x'.repeat(1025), 'a b', 'a,b', 'a/b', 'a&b', 'a%20', 'ä', 'a\n'])(
    'is none for a version id that is none: %j',
    async (versionId) => {
      const answer = await grants(parts)({ kongVersion: '3.9.1', versionId });

      expect(answer).toMatchObject({ status: 400, detail: expect.stringContaining('versionId') });
    },
  );

  it.each(['3.8.0', '3.10.0', '3.7.9', '4.9.1'])(
    'is none for %s, and says what there is',
    async (requested) => {
      const answer = await grants(parts)({ kongVersion: requested });

      expect(answer).toMatchObject({
        status: 404,
        detail: expect.stringContaining('3.8.1, 3.9.0, 3.9.1'),
        more: { kongVersions: parts.dataPlaneVersions },
      });
    },
  );
});
