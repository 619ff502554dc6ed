import { createHash } from 'node:crypto';
import { Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { formatDeploymentName } from '../conventions/deployment-name.ts';
import { FunctionRole } from './function.ts';

/** IAM User Guide, "IAM and AWS STS quotas". */
const longestRoleName = 64;
/** With a margin over those of today. */
const longestRegion = 16;
const hashLength = 8;

export interface StableRoleProps {
  readonly controlPlane: string;
  readonly kind: 'export' | 'presign' | 'inspect';
}

/**
 * A role that policies of the vault name. What is kept of a deleted stack names it still: so a new deployment
 * of the same name, in the same region, has it again, and finds its bucket and keys open.
 */
export class StableRole extends FunctionRole {
  /** As text: policies name it without a reference, so that they can be adopted before the role is made. */
  readonly stableArn: string;

  constructor(scope: Construct, id: string, props: StableRoleProps) {
    const roleName = formatRoleName(scope, props);
    super(scope, id, roleName, props.kind === 'inspect');
    this.stableArn =
      roleName === undefined
        ? this.roleArn
        : Stack.of(this).formatArn({ service: 'iam', region: '', resource: 'role', resourceName: roleName });
  }
}

/**
 * Unique in the account: deployment, control plane and kind, and the region, for names of roles are shared by
 * all regions. A point stands between them, which is in no name of a stack or control plane: with a hyphen
 * `a-b` of stack `S` would be `b` of stack `S-a`. Undefined in a nested stack, whose name CloudFormation
 * makes anew each time.
 */
function formatRoleName(scope: Construct, { controlPlane, kind }: StableRoleProps): string | undefined {
  const deployment = formatDeploymentName(scope);
  if (Token.isUnresolved(deployment)) {
    return undefined;
  }
  const label = `${deployment}.${controlPlane}.${kind}`;
  // The id of a construct may have any characters.
  const taken = label.replaceAll(/[^\w+=,.@-]/g, '-');
  const longest = longestRoleName - longestRegion - 1;
  const hash = createHash('sha256').update(label).digest('hex').slice(0, hashLength);
  const isWhole = taken === label && label.length <= longest;
  const short = isWhole ? label : `${taken.slice(0, longest - hashLength - 1)}.${hash}`;
  return `${short}.${Stack.of(scope).region}`;
}
