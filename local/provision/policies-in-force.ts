import type { Guard } from '../../simulators/aws/access.ts';
import { authorizer, type DeployedPolicies, type PolicyDocument } from '../../simulators/aws/iam.ts';
import { newKeyStatement } from '../../simulators/aws/kms.ts';
import { deployedPolicies } from '../../template/deployed-policies.ts';
import type { Deployment } from '../../template/resolve.ts';
import type { SynthesizedTemplate } from '../../template/template.ts';
import type { Permission } from './account.ts';

/** A role with AdministratorAccess in the account, which is none of the template's. */
export const administratorName = 'administrator';

const everything: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};

/**
 * What people have besides what Lifeboat grants them, by a policy of the account such as AWS's own
 * ViewOnlyAccess: they see stacks and alarms.
 */
const viewOnly: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['cloudformation:DescribeStacks', 'cloudwatch:DescribeAlarms'],
      Resource: '*',
    },
  ],
};

/**
 * Puts the policies of a template into force for the resources that it was deployed to.
 *
 * @param keyArns all keys of the account: those that the template does not have are the deployer's
 * @param peopleRoleArns roles of people
 */
export function policiesInForce(
  template: SynthesizedTemplate,
  deployment: Deployment,
  permissions: readonly Permission[],
  keyArns: readonly string[],
  peopleRoleArns: readonly string[],
): Guard {
  const { accountId } = deployment;
  const { ofRoles, ofResources } = deployedPolicies(template, deployment);
  const authorize = authorizer({
    policies: {
      ofRoles: new Map([
        ...ofRoles,
        ...peopleRoleArns.map((arn) => [arn, [...(ofRoles.get(arn) ?? []), viewOnly]] as const),
      ]),
      ofResources: new Map([
        ...keyPolicies(keyArns, accountId),
        ...ofResources,
        ...functionPolicies(permissions),
      ]),
    },
    accountId,
    others: new Map([[`arn:aws:iam::${accountId}:role/${administratorName}`, [everything]]]),
  });
  return async (principalArn, access) => {
    const { allowed, reason } = await authorize({ principalArn, ...access });
    return allowed ? undefined : reason;
  };
}

/** Of new keys. One that was in an earlier template has lost its own here. */
function keyPolicies(keyArns: readonly string[], accountId: string): DeployedPolicies['ofResources'] {
  const policy = { Version: '2012-10-17', Statement: [newKeyStatement(accountId)] };
  return new Map(keyArns.map((arn) => [arn, policy]));
}

/**
 * What each AWS::Lambda::Permission adds to the policy of its function (Lambda API Reference, AddPermission).
 */
function functionPolicies(permissions: readonly Permission[]): DeployedPolicies['ofResources'] {
  const arns = new Set(permissions.map(({ functionArn }) => functionArn));
  return new Map(
    [...arns].map((arn) => [
      arn,
      {
        Version: '2012-10-17',
        Statement: permissions
          .filter(({ functionArn }) => functionArn === arn)
          .map(({ principal, action, sourceArn }) => ({
            Effect: 'Allow',
            Principal: { Service: principal },
            Action: action,
            Resource: arn,
            Condition: { ArnLike: { 'AWS:SourceArn': sourceArn } },
          })),
      },
    ]),
  );
}
