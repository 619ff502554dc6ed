import { describe, expect, it } from '@jest/globals';
import { type GrantParts, grants } from '../../../core/access/grant.ts';
import { manualClock } from '../manual-clock.ts';

const parts: GrantParts = {
  controlPlane: 'prod',
  dataPlaneVersions: ['3.8.1', '3.9.0', '3.9.1'],
  presign: async ({ key, versionId }, lifetimeSeconds, now) =>
    `https://vault.invalid/${key}?lifetime=${lifetimeSeconds}&now=${now.getTime()}${versionId === undefined ? '' : `&versionId=${versionId}`}`,
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
      const answer = await grants(parts)({ kongVersion: '3.9.4', versionId });

      expect(answer).toMatchObject({
        url: expect.stringMatching(new RegExp(`/prod/3\\.9\\.1/config\\.json\\?.*&versionId=${versionId}$`)),
        statusUrl: expect.not.stringContaining('versionId'),
        kongVersion: '3.9.1',
        versionId,
      });
    },
  );

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
