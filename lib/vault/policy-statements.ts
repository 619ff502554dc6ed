import { Arn, ArnFormat } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { LockdownSettings } from '../settings/settings.ts';

/**
 * A condition that holds for every caller except these roles. aws:PrincipalArn is the role's ARN for its
 * sessions too, and missing for strangers, for whom ArnNotEquals then holds as well (IAM User Guide, "Global
 * condition context keys" and "Condition operators"); a NotPrincipal would have to name each session.
 */
export function exceptRoles(roleArns: readonly string[]) {
  return { ArnNotEquals: { 'aws:PrincipalArn': [...roleArns] } };
}

export type Conditions = Record<string, Record<string, string | string[]>>;

/** A statement of a key's policy. */
export function denyUseOfKey(
  sid: string,
  actions: readonly string[],
  conditions: Conditions = {},
): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid,
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: [...actions],
    resources: ['*'],
    conditions,
  });
}

/** Denies all but these roles a use of a key. */
export function denyToOthers(
  sid: string,
  roleArns: readonly string[],
  actions: readonly string[],
): iam.PolicyStatement {
  return denyUseOfKey(sid, actions, exceptRoles(roleArns));
}

/** With lockdown: only the keepers change the policy of a key, disable it or delete it. */
export function lockKey(lockdown: LockdownSettings | undefined): readonly iam.PolicyStatement[] {
  return lockdown === undefined
    ? []
    : [
        denyToOthers('OnlyKeepersChangeKey', listKeepers(lockdown), [
          'kms:PutKeyPolicy',
          'kms:DisableKey',
          'kms:ScheduleKeyDeletion',
        ]),
      ];
}

export function listKeepers({ breakGlassRoleArn, deploymentRoleArn }: LockdownSettings): readonly string[] {
  return [breakGlassRoleArn, deploymentRoleArn];
}

/** Where roles are: the fifth part of their ARNs. */
export function findAccounts(roleArns: readonly string[]): readonly string[] {
  return [...new Set(roleArns.map((arn) => Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).account ?? ''))];
}

/** Allows roles one use of a key; their own policies must do so, too. */
export function allowToRoles(
  sid: string,
  action: string,
  roleArns: readonly string[],
  accounts: readonly string[],
  conditions: Conditions,
): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid,
    // Not the roles themselves: when a principal is deleted, KMS replaces it by an id that matches nobody.
    principals: accounts.map((account) => new iam.AccountPrincipal(account)),
    actions: [action],
    resources: ['*'],
    conditions: { ...conditions, ArnEquals: { 'aws:PrincipalArn': [...roleArns] } },
  });
}
