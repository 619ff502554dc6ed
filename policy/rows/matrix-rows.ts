import type { PolicyDocument } from '../../simulators/aws/iam.ts';
import type { Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { commandRows } from './command-rows.ts';
import { fileRows } from './file-rows.ts';
import { grantRows } from './grant-rows.ts';
import { keyRows } from './key-rows.ts';
import { networkRows } from './network-rows.ts';
import { policyChangeRows } from './policy-change-rows.ts';
import { replicaRows } from './replica-rows.ts';
import { roleRows } from './role-rows.ts';
import type { MatrixRow } from './row.ts';
import { serviceRows } from './service-rows.ts';

/** Everything that a security review asks of the deployment, each with those who are allowed. */
export function matrixRows(
  names: MatrixNames,
  variant: Variant,
  endpoints: ReadonlyMap<string, PolicyDocument> = new Map(),
): readonly MatrixRow[] {
  return [
    ...fileRows(names, variant),
    ...policyChangeRows(names, variant),
    ...keyRows(names, variant),
    ...serviceRows(names),
    ...grantRows(names, variant),
    ...commandRows(names),
    ...roleRows(names),
    ...replicaRows(names, variant),
    ...networkRows(names, variant, endpoints),
  ];
}
