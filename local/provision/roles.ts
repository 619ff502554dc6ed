import * as v from 'valibot';
import { resourceType, withoutEffect } from './resource-type.ts';

// What the policies say is read by deployedPolicies, when all resources have their names.

export const roleType = resourceType(
  {
    AssumeRolePolicyDocument: v.unknown(),
    Policies: withoutEffect,
    Description: withoutEffect,
    Tags: withoutEffect,
  },
  ({ accountId }, logicalId) => ({ ref: logicalId, arn: `arn:aws:iam::${accountId}:role/${logicalId}` }),
);

export const policyType = resourceType(
  { PolicyDocument: v.unknown(), PolicyName: v.string(), Roles: v.array(v.string()) },
  (_account, logicalId) => ({ ref: logicalId, arn: '' }),
);
