import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/** What a data plane's role needs `execute-api:Invoke` on, by the name of its control plane. */
export type GrantArns = ReadonlyMap<string, { readonly grantArn: string }>;

/**
 * Lets data planes ask for grants of exactly one control plane. CDK's own grant of a route would open those of all stages.
 *
 * @param api - whose grants they are
 * @throws Error when there is no such control plane, or the grantee takes no policy (a role of another account)
 */
export function grantBootstrap(
  api: Construct,
  units: GrantArns,
  grantee: iam.IGrantable,
  controlPlane: string,
): iam.Grant {
  const unit = units.get(controlPlane);
  if (unit === undefined) {
    throw new Error(
      `there is no control plane "${controlPlane}" in ${api.node.path}: choose one of ${[...units.keys()].join(', ')}`,
    );
  }
  const grant = allowInvoke(grantee, unit.grantArn);
  // A role of another account takes the statement without a word, and leaves it out.
  const { principalAccount = Stack.of(api).account } = grantee.grantPrincipal;
  const isForeign =
    Token.compareStrings(principalAccount, Stack.of(api).account) === TokenComparison.DIFFERENT;
  if (isForeign || !grant.success) {
    throw new Error(
      `whoever is to boot from control plane "${controlPlane}" takes no policy from this app, and HTTP APIs have none of their own: ` +
        'grant a role of this account, or name the other account in readerRoleTrust',
    );
  }
  return grant;
}

export function allowInvoke(grantee: iam.IGrantable, arn: string): iam.Grant {
  return iam.Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [arn] });
}
