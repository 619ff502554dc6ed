import { describe, expect, it } from '@jest/globals';
import type { FileSource } from '../../../core/fetch/download.ts';
import { StandbyError, type StandbyErrorCode } from '../../../core/fetch/errors.ts';
import { fetchConfig } from '../../../core/fetch/fetch-config.ts';
import { manifestOf } from '../../cli/published-file.ts';
import { MemoryVault } from './memory-vault.ts';

function vaultThatFails(code: StandbyErrorCode): MemoryVault {
  const vault = new MemoryVault();
  vault.grantFailure = code;
  return vault;
}

describe('fetching a file', () => {
  it('takes the first endpoint that gives one', async () => {
    const vault = new MemoryVault();

    const fetched = await fetchConfig({
      grants: [vaultThatFails('unreachable'), vault, vaultThatFails('denied')],
      files: vault,
    });

    expect(fetched).toEqual({ manifest: manifestOf(), currency: { verifiedAt: expect.any(Date) } });
  });

  it('takes an older file, with a warning, from an endpoint after the first alone', async () => {
    const lagging = new MemoryVault();
    lagging.notedRevision += 1;

    const refused = fetchConfig({ grants: [lagging], files: lagging });
    const fetched = await fetchConfig({ grants: [vaultThatFails('unreachable'), lagging], files: lagging });

    await expect(refused).rejects.toMatchObject({ code: 'outdated' });
    expect(fetched.currency).toEqual({ warning: expect.stringContaining('this copy is behind') });
  });

  it('takes no copy of an old file that was refused at the first endpoint', async () => {
    const old = new MemoryVault();
    old.notedRevision += 1;

    await expect(fetchConfig({ grants: [old, old], files: old })).rejects.toMatchObject({ code: 'outdated' });
  });

  it('fails with the code of the last endpoint, and the messages of all', async () => {
    const fetching = fetchConfig({
      grants: [vaultThatFails('unreachable'), vaultThatFails('no-file')],
      files: new MemoryVault(),
    });

    await expect(fetching).rejects.toThrow('fails with unreachable; then fails with no-file');
    await expect(fetching).rejects.toMatchObject({ code: 'no-file' });
  });

  it('asks no other endpoint when the file cannot be written', async () => {
    const another = new MemoryVault();
    let grantCount = 0;
    const counting = {
      requestGrant: (versionId: string | undefined) => {
        grantCount += 1;
        return another.requestGrant(versionId);
      },
    };
    const files: FileSource = {
      async download() {
        throw new StandbyError('output', 'no space is left');
      },
    };

    await expect(fetchConfig({ grants: [counting, counting], files })).rejects.toMatchObject({
      code: 'output',
    });
    expect(grantCount).toBe(1);
  });

  it('needs an endpoint', async () => {
    const fetching = fetchConfig({ grants: [], files: new MemoryVault() });

    await expect(fetching).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('passes on what is no failure of a data plane', async () => {
    const broken = {
      requestGrant: async () => {
        throw new TypeError('a defect');
      },
    };

    await expect(fetchConfig({ grants: [broken], files: new MemoryVault() })).rejects.toThrow(TypeError);
  });
});
