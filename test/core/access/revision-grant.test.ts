import { beforeEach, describe, expect, it } from '@jest/globals';
import { type RevisionGrantParts, revisionGrants } from '../../../core/access/revision-grant.ts';
import { publish } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf } from '../vault/guarding.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const secondsLater = (seconds: number) => new Date(builtAt.getTime() + seconds * 1000);
const clock = skippingClock(secondsLater(600));
const signer = await localSigner();
let vault: MemoryVault;

beforeEach(async () => {
  vault = memoryVault();
  for (const host of ['one', 'two', 'three']) {
    const configuration = await served(
      { services: [{ id: '00000000-0000-4000-8000-000000000001', name: 's', host }] },
      secondsLater(vault.versions(name).length),
    );
    await publish(
      { vault, signer, clock, random: countingRandom() },
      { name, configuration, lastStatus: undefined, guard: guardOf() },
    );
  }
});

/** A presigner that says in the open what it was asked for. */
const ask = async (parameters: Readonly<Record<string, string>>, more: Partial<RevisionGrantParts> = {}) =>
  (
    await revisionGrants({
      ...{ name: 'prod', dataPlaneVersions: ['3.8.1', '3.9.1'], vault, signer, clock },
      presign: async ({ key, versionId = 'current' }, seconds) =>
        `https://vault/${key}?${versionId}&${seconds}`,
      lifetimeSeconds: 120,
      ...more,
    })(parameters)
  ).answer;

describe('a grant of a revision', () => {
  it('is a URL of exactly the version that is this revision', async () => {
    // The memory's vault counts its versions.
    const versionId = '2';

    expect(await ask({ version: '3.9.1', revision: '2' })).toEqual({
      url: `https://vault/prod/3.9.1/config.json?${versionId}&120`,
      statusUrl: 'https://vault/status/prod.json?current&120',
      method: 'GET',
      expiresAt: expect.stringMatching(/^2\d{3}-.*Z$/),
      ...{ ...name, versionId, revision: 2 },
    });
  });

  it('is of the file that a newer patch can load as well', async () => {
    expect(await ask({ version: '3.9.7', revision: '1' })).toMatchObject({
      kongVersion: '3.9.1',
      revision: 1,
    });
  });

  it.each<[what: string, parameters: Readonly<Record<string, string>>, status: number, words: RegExp]>([
    ['no number', { version: '3.9.1' }, 400, /\?version=3\.9\.1&revision=41/],
    ['no version', { revision: '1' }, 400, /which full Kong version/],
    ['half a version', { version: '3.9', revision: '1' }, 400, /which full Kong version/],
    ['a number that is none', { version: '3.9.1', revision: '0' }, 400, /which revision/],
    ['more than that', { version: '3.9.1', revision: '1', versionId: 'x' }, 400, /which revision/],
    ['a version without files', { version: '3.7.1', revision: '1' }, 404, /no files for data planes 3\.7\.1/],
    ['a revision that is gone', { version: '3.9.1', revision: '9' }, 404, /not there \(any more\)/],
    [
      'a revision of another version',
      { version: '3.8.1', revision: '1' },
      404,
      /Revision 1 of prod\/3\.8\.1/,
    ],
  ])('is refused for %s', async (_what, parameters, status, words) => {
    expect(await ask(parameters)).toMatchObject({ status, detail: expect.stringMatching(words) });
  });

  it('is refused for what only says that it is this revision', async () => {
    const stranger = await localSigner();

    expect(await ask({ version: '3.9.1', revision: '2' }, { signer: stranger })).toMatchObject({
      status: 422,
      detail: expect.stringContaining('none of our keys has signed'),
    });
  });
});
