import * as v from 'valibot';
import { generateSecret } from '../../simulators/aws/secrets-manager.ts';
import { requireAllowed } from './account.ts';
import { administratorName } from './policies-in-force.ts';
import { resourceType, withoutEffect } from './resource-type.ts';

export const keyType = resourceType(
  {
    KeyPolicy: v.unknown(),
    KeySpec: v.optional(v.picklist(['SYMMETRIC_DEFAULT', 'ECC_NIST_P256']), 'SYMMETRIC_DEFAULT'),
    KeyUsage: v.optional(v.picklist(['ENCRYPT_DECRYPT', 'SIGN_VERIFY']), 'ENCRYPT_DECRYPT'),
    // Once a year, and what is encrypted already stays readable.
    EnableKeyRotation: withoutEffect,
    Description: withoutEffect,
    Tags: withoutEffect,
  },
  (account, logicalId, { KeySpec, KeyUsage }) => {
    if ((KeySpec === 'SYMMETRIC_DEFAULT') !== (KeyUsage === 'ENCRYPT_DECRYPT')) {
      throw new Error(`KeyUsage ${KeyUsage} is not for a ${KeySpec} key`);
    }
    const arn = account.aws.kms.createKey(logicalId, KeySpec);
    // CreateKey, "BypassPolicyLockoutSafetyCheck".
    requireAllowed(
      account,
      `${logicalId}: the new key policy will not allow you to update the key policy in the future.`,
      `arn:aws:iam::${account.accountId}:role/${administratorName}`,
      ['kms:PutKeyPolicy'],
      arn,
    );
    return { ref: arn.split('/')[1] ?? '', arn };
  },
);

export const bucketType = resourceType(
  {
    BucketEncryption: v.strictObject({
      ServerSideEncryptionConfiguration: v.strictTuple([
        v.strictObject({
          BucketKeyEnabled: v.literal(true),
          ServerSideEncryptionByDefault: v.strictObject({
            KMSMasterKeyID: v.string(),
            SSEAlgorithm: v.literal('aws:kms'),
          }),
        }),
      ]),
    }),
    VersioningConfiguration: v.strictObject({ Status: v.literal('Enabled') }),
    ObjectLockEnabled: v.optional(v.boolean(), false),
    // Nobody here is anonymous, and there are no ACLs.
    OwnershipControls: withoutEffect,
    PublicAccessBlockConfiguration: withoutEffect,
    // Old versions go after days.
    LifecycleConfiguration: withoutEffect,
    Tags: withoutEffect,
  },
  ({ aws }, logicalId, { BucketEncryption, ObjectLockEnabled }) => {
    const [{ ServerSideEncryptionByDefault }] = BucketEncryption.ServerSideEncryptionConfiguration;
    const name = `lifeboat-${logicalId.toLowerCase()}`;
    aws.s3.createBucket(name, {
      defaultKeyId: ServerSideEncryptionByDefault.KMSMasterKeyID,
      objectLock: ObjectLockEnabled,
    });
    return { ref: name, arn: `arn:aws:s3:::${name}` };
  },
);

export const secretType = resourceType(
  {
    GenerateSecretString: v.strictObject({
      PasswordLength: v.optional(v.number()),
      ExcludePunctuation: v.optional(v.boolean()),
      SecretStringTemplate: v.optional(v.string()),
      GenerateStringKey: v.optional(v.string()),
    }),
    Description: withoutEffect,
    Tags: withoutEffect,
  },
  ({ aws }, logicalId, { GenerateSecretString }) => {
    const arn = aws.secretsManager.createSecret(logicalId, generateSecret(GenerateSecretString));
    return { ref: arn, arn };
  },
);
