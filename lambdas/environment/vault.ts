import * as v from 'valibot';
import { commaSeparated, nonEmptyText } from './fields.ts';
import { packedPublicKeys } from './public-keys.ts';

/** Where a function finds the vault, and the keys that what is ours in it is signed with. */
export const vaultEntries = {
  BUCKET: nonEmptyText,
  ENCRYPTION_KEY_ARN: nonEmptyText,
  SIGNING_KEY_ARN: nonEmptyText,
  /** Comma-separated ARNs of the deployment's signing keys that can sign nothing now. */
  FURTHER_SIGNING_KEY_ARNS: commaSeparated(nonEmptyText),
  /** The keys that earlier manifests are signed with. */
  RETIRED_SIGNING_KEYS: packedPublicKeys,
};

const vaultEnvironment = v.object(vaultEntries);
export type VaultEnvironment = v.InferOutput<typeof vaultEnvironment>;

/** The variables that the construct must set. */
export type VaultVariables = v.InferInput<typeof vaultEnvironment>;
