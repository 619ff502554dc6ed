import type { ConfigVault } from './config-vault.ts';
import type { Signer, VerificationKey } from './signer.ts';

/** Keys of ours beside the one that signs now: manifests of theirs are ours, too. */
export interface EarlierKeys {
  /** Those of the deployment that can sign nothing now; their public halves are asked for. @default none */
  readonly furtherKeys?: readonly Pick<Signer, 'verificationKey' | 'within'>[] | undefined;
  /** Those that the deployment no longer has (setting `retiredSigningKeys`). @default none */
  readonly retiredKeys?: readonly VerificationKey[] | undefined;
}

/** What reads the vault and knows what in it is ours; it writes and signs nothing. */
export interface VaultReading extends EarlierKeys {
  readonly vault: ConfigVault;
  readonly signer: Pick<Signer, 'verificationKey'>;
}

/** What writes into the vault as well, and signs what it writes. */
export interface VaultWriting extends VaultReading {
  readonly signer: Signer;
}

/** The keys that our manifests are checked with. */
export interface OwnKeys {
  /** The first is the one that signs now. */
  readonly keys: readonly [VerificationKey, ...VerificationKey[]];
  /**
   * Why a further key could not be asked for; empty where all are known. While one is missing, a manifest of
   * an unknown key may be ours: it must not be called foreign.
   */
  readonly missing: readonly unknown[];
}

/**
 * Finds the keys that our manifests are checked with.
 *
 * @throws VaultError when the key that signs now cannot be asked for: nothing can be published then
 */
export async function findOwnKeys(
  signer: Pick<Signer, 'verificationKey'>,
  { furtherKeys = [], retiredKeys = [] }: EarlierKeys,
): Promise<OwnKeys> {
  const [current, further] = await Promise.all([
    signer.verificationKey(),
    Promise.allSettled(furtherKeys.map((each) => each.verificationKey())),
  ]);
  const found = further.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  return {
    keys: [current, ...found, ...retiredKeys],
    missing: further.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])),
  };
}
