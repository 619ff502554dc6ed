import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { acknowledge } from '../conventions/acknowledge.ts';
import { firstSigningKey } from '../settings/signing-keys.ts';
import { outlivesStack } from './removal.ts';

/**
 * A key that signs what data planes trust.
 *
 * @param arn one that is there already, whose policy is not ours to change
 */
export function createSigningKey(scope: Construct, name: string, arn: string | undefined): kms.IKey {
  // The first one's id has no name: with another id it would be another key.
  const id = name === firstSigningKey ? 'SigningKey' : `FurtherSigningKey-${name}`;
  if (arn !== undefined) {
    return kms.Key.fromKeyArn(scope, id, arn);
  }
  const key = new kms.Key(scope, id, {
    description: `Lifeboat: signs the configurations of control planes (${name})`,
    keySpec: kms.KeySpec.ECC_NIST_P256,
    keyUsage: kms.KeyUsage.SIGN_VERIFY,
    removalPolicy: outlivesStack,
  });
  acknowledge(
    key,
    'AwsSolutions-KMS5',
    'KMS does not rotate asymmetric keys; data planes pin this one, and the setting signingKeys replaces it.',
  );
  return key;
}
