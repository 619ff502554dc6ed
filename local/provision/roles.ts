import * as v from 'valibot';
import { resourceType, withoutEffect } from './resource-type.ts';

// `deployedPolicies` reads the documents, when all resources have their names.

export const roleType = resourceType(
  {
    AssumeRolePolicyDocument: v.unknown(),
    RoleName: v.optional(v.string()),
    Policies: withoutEffect,
    Description: withoutEffect,
    Tags: withoutEffect,
  },
  ({ accountId }, logicalId, { RoleName: name = logicalId }) => ({
    ref: name,
    arn: `arn:aws:iam::${accountId}:role/${name}`,
  }),
);

const policyOf = <const Holder extends v.ObjectEntries>(holder: Holder) =>
  resourceType({ PolicyDocument: v.unknown(), ...holder }, (_account, logicalId) => ({
    ref: logicalId,
    arn: '',
  }));

export const rolePolicyType = policyOf({ PolicyName: v.string(), Roles: v.array(v.string()) });
export const bucketPolicyType = policyOf({ Bucket: v.string() });
export const queuePolicyType = policyOf({ Queues: v.array(v.string()) });
