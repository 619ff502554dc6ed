import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { AwsCredentialIdentity } from '@smithy/types';
import { StandbyError } from '../core/fetch/errors.ts';

/**
 * The credentials that the standard AWS chain finds: environment, profile, container, instance.
 *
 * @throws StandbyError `denied` when it finds none
 */
export async function awsCredentials(): Promise<AwsCredentialIdentity> {
  try {
    return await defaultProvider()();
  } catch (error) {
    throw new StandbyError(
      'denied',
      `no AWS credentials were found (${error instanceof Error ? error.message : String(error)}): set AWS_ACCESS_KEY_ID and ` +
        'AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role',
      { cause: error },
    );
  }
}
