import type { Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { principalGroups } from './groups.ts';
import { s3, tls } from './requests.ts';
import { type MatrixRow, rowsAbout } from './row.ts';

/**
 * Changing or removing the bucket, the keys and their policies. Who may do that can undo every other row:
 * without lockdown the account's own administrators may.
 */
export function policyChangeRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const onBucket = rowsAbout('bucket', names.arnOf('AWS::S3::Bucket', 'VaultBucket'));
  const onKey = rowsAbout('encryption key', names.encryptionKeyArn);
  const onSigningKey = rowsAbout('signing key', names.arnOf('AWS::KMS::Key', 'VaultSigningKey'));
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
    ].map((action) => onBucket(action, s3, '', ...policyChangers)),
    ...['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].flatMap((action) => [
      onKey(action, tls, '', ...policyChangers),
      onSigningKey(action, tls, '', ...policyChangers),
    ]),
  ];
}
