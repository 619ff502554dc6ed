import type { Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { principalGroups } from './groups.ts';
import { s3, tls } from './requests.ts';
import { type MatrixRow, row } from './row.ts';

/**
 * Changing or removing the bucket, the keys and their policies. Who may do that can undo every other row:
 * without
 * lockdown the account's own administrators may.
 */
export function policyChangeRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const bucket = names.arnOf('AWS::S3::Bucket', 'VaultBucket');
  const signingKey = names.arnOf('AWS::KMS::Key', 'VaultSigningKey');
  const { policyChangers } = principalGroups(variant);
  return [
    ...[
      's3:PutBucketPolicy',
      's3:DeleteBucketPolicy',
      's3:PutLifecycleConfiguration',
      's3:PutBucketVersioning',
      's3:PutEncryptionConfiguration',
      's3:PutReplicationConfiguration',
      's3:PutBucketPublicAccessBlock',
      's3:PutBucketObjectLockConfiguration',
      's3:DeleteBucket',
    ].map((action) => row(action, 'bucket', bucket, s3, '', ...policyChangers)),
    ...['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].flatMap((action) => [
      row(action, 'encryption key', names.encryptionKeyArn, tls, '', ...policyChangers),
      row(action, 'signing key', signingKey, tls, '', ...policyChangers),
    ]),
  ];
}
