/** Who acts on the deployment that is proved. */
import type { Variant } from './deployment.ts';

const everydayPrincipals = [
  'export prod',
  'export staging',
  'presign prod',
  'presign staging',
  'inspect prod',
  'inspect staging',
  'webhook',
  'schedule prod',
  'drills’ schedule',
  'listener prod',
  'listener’s schedule prod',
  'data plane prod',
  'reader prod',
  'operator prod',
  'unpinner prod',
  'inspector prod',
  'revision fetcher prod',
  'trusted account',
  'file reader prod',
  'foreign file reader prod',
  'administrator',
  's3 and kms role',
  'other account',
  'anonymous',
  'CloudWatch Logs',
] as const;
/** Who may change policies in a deployment with lockdown. */
export const lockdownPrincipals = ['break-glass role', 'deployment role'] as const;
/** Services that call what is the deployment's. */
const networkPrincipals = ['API Gateway', 'CloudTrail'] as const;
const replicaPrincipals = ['replication', 'second presign prod', 'second presign staging', 'S3'] as const;

export type PrincipalName =
  | (typeof everydayPrincipals)[number]
  | (typeof lockdownPrincipals)[number]
  | (typeof networkPrincipals)[number]
  | (typeof replicaPrincipals)[number];

/** Everybody whom the matrix of a deployment asks about. */
export function principalsOf({ lockdown, network, replica }: Variant): readonly PrincipalName[] {
  return [
    ...everydayPrincipals,
    ...(lockdown ? lockdownPrincipals : []),
    ...(network ? networkPrincipals : []),
    ...(replica ? replicaPrincipals : []),
  ];
}

/** Principals whose rights are decided by the account's own people. */
export function isOfAccount(principal: PrincipalName): boolean {
  return ['administrator', 's3 and kms role', ...lockdownPrincipals].includes(principal);
}
