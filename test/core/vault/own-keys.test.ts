import { beforeAll, describe, expect, it } from '@jest/globals';
import { VaultError } from '../../../core/vault/errors.ts';
import { findOwnKeys } from '../../../core/vault/own-keys.ts';
import { type LocalSigner, localSigner } from './local-signer.ts';

const disabled = new VaultError('denied', 'the key is disabled');
const failing = {
  verificationKey: () => Promise.reject(disabled),
  within(): never {
    throw new Error('nothing binds it here');
  },
};

describe('the keys of our manifests', () => {
  let current: LocalSigner;
  let further: LocalSigner;
  let retired: LocalSigner;
  beforeAll(async () => {
    [current, further, retired] = await Promise.all([localSigner(), localSigner(), localSigner()]);
  });

  it('are the one that signs now, the deployment’s further ones, and the retired ones', async () => {
    const own = await findOwnKeys(current, { furtherKeys: [further], retiredKeys: [retired.publicKey] });

    expect(own).toEqual({
      keys: [current.publicKey, further.publicKey, retired.publicKey],
      missing: [],
    });
  });

  it('are one where nothing else is set', async () => {
    expect(await findOwnKeys(current, {})).toEqual({ keys: [current.publicKey], missing: [] });
  });

  it('are known without a further one that cannot be asked for, which is said to be missing', async () => {
    const own = await findOwnKeys(current, {
      furtherKeys: [failing, further],
      retiredKeys: [retired.publicKey],
    });

    expect(own).toEqual({
      keys: [current.publicKey, further.publicKey, retired.publicKey],
      missing: [disabled],
    });
  });

  it('are not known without the one that signs now', async () => {
    await expect(findOwnKeys(failing, { furtherKeys: [further] })).rejects.toBe(disabled);
  });
});
