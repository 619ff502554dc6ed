import type { Variant } from '../deployment.ts';
import { lockdownPrincipals, type PrincipalName } from '../principals.ts';

/** Principals who are allowed the same, and who depend on the settings. */
export interface PrincipalGroups {
  /** Those whom the account's own policies let do anything with S3 and KMS. */
  readonly privileged: readonly PrincipalName[];
  /** Those who may change policies: without lockdown, everybody who is privileged. */
  readonly policyChangers: readonly PrincipalName[];
  readonly fileReaders: readonly PrincipalName[];
  /** The file reader of this account: its policies alone let it, where nothing is denied. */
  readonly ownFileReader: readonly PrincipalName[];
  readonly replication: readonly PrincipalName[];
}

export function principalGroups({ lockdown, fileReaders, replica }: Variant): PrincipalGroups {
  const privileged: readonly PrincipalName[] = [
    'administrator',
    's3 and kms role',
    ...(lockdown ? lockdownPrincipals : []),
  ];
  const readers: readonly PrincipalName[] =
    fileReaders === false ? [] : ['file reader prod', 'foreign file reader prod'];
  return {
    privileged,
    policyChangers: lockdown ? lockdownPrincipals : privileged,
    fileReaders: readers,
    ownFileReader: readers.slice(0, 1),
    replication: replica ? ['replication'] : [],
  };
}
