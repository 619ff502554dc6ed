import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { GrantVariables } from '../../lambdas/environment/grants.ts';
import type { Settings } from '../settings/settings.ts';

/** What a function needs that gives URLs of the vault's files. */
export function grantVariables(scope: Construct, { ipv6, urlLifetimeSeconds }: Settings): GrantVariables {
  return {
    URL_SUFFIX: Stack.of(scope).urlSuffix,
    DUAL_STACK: String(ipv6) as GrantVariables['DUAL_STACK'],
    URL_LIFETIME_SECONDS: String(urlLifetimeSeconds),
  };
}
