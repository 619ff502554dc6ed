import { packPublicKey } from '../../lambdas/environment/public-keys.ts';
import type { VaultVariables } from '../../lambdas/environment/vault.ts';
import type { Settings } from '../settings/settings.ts';
import { readPublicKey } from '../settings/signing-keys.ts';
import { isToken } from '../settings/unknown-values.ts';
import type { Vault } from './vault.ts';

/** Where a function finds the vault, and the keys that what is ours in it is signed with. */
export function vaultVariables(vault: Vault, { retiredSigningKeys }: Settings): VaultVariables {
  return {
    BUCKET: vault.bucket.bucketName,
    ENCRYPTION_KEY_ARN: vault.encryptionKey.keyArn,
    SIGNING_KEY_ARN: vault.signingKey.keyArn,
    FURTHER_SIGNING_KEY_ARNS: vault.furtherSigningKeyArns.join(','),
    RETIRED_SIGNING_KEYS: retiredSigningKeys
      // One that is still to be looked up comes in the next pass of the synth.
      .filter((pem) => !isToken(pem))
      .map((pem) => packPublicKey(readPublicKey(pem)))
      .join(','),
  };
}
