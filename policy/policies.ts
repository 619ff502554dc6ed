/** The policies that decide in the deployment that is proved. */
import type { DeployedPolicies, PolicyDocument } from '../simulators/aws/iam.ts';
import { newKeyStatement } from '../simulators/aws/kms.ts';
import { deployedPolicies } from '../template/deployed-policies.ts';
import { deployedOutput } from '../template/resolve.ts';
import {
  accountId,
  existingKeyArn,
  fileReaderArn,
  foreignFileReaderArn,
  type MatrixTemplate,
  previousKeyArn,
  region,
  secondRegion,
  type Variant,
} from './deployment.ts';
import { type CheckedKeyPolicy, replaceDeploymentStatements } from './key-policy.ts';
import { emptyTemplate, type MatrixNames, physicalNames } from './names.ts';
import { lockdownPrincipals } from './principals.ts';
import { endpointPolicies, functionPolicies } from './service-policies.ts';

/** Everything that decides in the matrix's account but what its own people are allowed. */
export function policiesWithKey(
  template: MatrixTemplate,
  variant: Variant = {},
): {
  readonly policies: DeployedPolicies;
  readonly key: Omit<CheckedKeyPolicy, 'policy'>;
  /** By the logical ids of VPC endpoints. */
  readonly endpoints: ReadonlyMap<string, PolicyDocument>;
} {
  const { namesOf, namesInReplica, encryptionKeyArn } = physicalNames(template, variant);
  const second = { region: secondRegion, accountId, namesOf: namesInReplica };
  const { replica = emptyTemplate } = template;
  const deployment = {
    region,
    accountId,
    namesOf,
    outputOf: (_stack: string, output: string) => deployedOutput(replica, output, second),
  };
  const endpoints = endpointPolicies(template, deployment);
  const policies = mergePolicies(
    deployedPolicies(template, deployment),
    { ofRoles: new Map(), ofResources: functionPolicies(template, deployment) },
    deployedPolicies(replica, second),
    { ofRoles: new Map(), ofResources: functionPolicies(replica, second) },
  );
  if (!variant.existingKey) {
    const ofKey = policies.ofResources.get(encryptionKeyArn);
    return {
      policies: withPreviousKey(policies, ofKey, variant),
      key: { principals: [], faults: [] },
      endpoints,
    };
  }
  const asked = JSON.parse(
    deployedOutput(template, 'EncryptionKeyStatements', deployment),
  ) as readonly unknown[];
  const { policy, ...key } = replaceDeploymentStatements(
    variant.keyPolicy ?? { Version: '2012-10-17', Statement: [newKeyStatement(accountId), ...asked] },
    asked,
  );
  const withKey = {
    ofRoles: policies.ofRoles,
    ofResources: new Map([...policies.ofResources, [existingKeyArn, policy]]),
  };
  return { policies: withPreviousKey(withKey, policy, variant), key, endpoints };
}

/** The key that encrypted before keeps the policy that it had then: the one that the key of now has. */
function withPreviousKey(
  policies: DeployedPolicies,
  policy: PolicyDocument | undefined,
  { changedKeys = false }: Variant,
): DeployedPolicies {
  return !changedKeys || policy === undefined
    ? policies
    : { ...policies, ofResources: new Map([...policies.ofResources, [previousKeyArn, policy]]) };
}

function mergePolicies(...all: readonly DeployedPolicies[]): DeployedPolicies {
  return {
    ofRoles: new Map(all.flatMap(({ ofRoles }) => [...ofRoles])),
    ofResources: new Map(all.flatMap(({ ofResources }) => [...ofResources])),
  };
}

/** Policies of those that the deployment knows nothing of. */
export function outsiders(names: MatrixNames): ReadonlyMap<string, readonly PolicyDocument[]> {
  const allow = (...actions: readonly string[]): readonly PolicyDocument[] => [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] },
  ];
  return new Map([
    [names.principalArn('administrator'), allow('*')],
    [names.principalArn('s3 and kms role'), allow('s3:*', 'kms:*')],
    // Broader than they need: what of this is closed to them, the deployment closes.
    [fileReaderArn, allow('s3:Get*', 's3:List*', 'kms:Decrypt', 'kms:ReEncrypt*')],
    [foreignFileReaderArn, allow('s3:Get*', 's3:List*', 'kms:Decrypt', 'kms:ReEncrypt*')],
    ...lockdownPrincipals.map((keeper) => [names.principalArn(keeper), allow('s3:*', 'kms:*')] as const),
    [names.principalArn('other account'), allow('*')],
    [names.principalArn('trusted account'), allow('*')],
  ]);
}
