/** What the bucket denies of a write, whoever writes. */
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { statusKey } from '../../core/vault/config-file-name.ts';

/** Everything but files and statuses, encrypted with our key, that name what they replace. */
export function denyStrayWrites(
  bucket: s3.Bucket,
  encryptionKey: kms.IKey,
  tenants: readonly { readonly controlPlane: string }[],
): readonly iam.PolicyStatementProps[] {
  const files = tenants.map(({ controlPlane }) => bucket.arnForObjects(`${controlPlane}/*/config.json`));
  const statuses = tenants.map(({ controlPlane }) => bucket.arnForObjects(statusKey(controlPlane)));
  const everything = [bucket.arnForObjects('*')];
  return [
    {
      sid: 'NothingElseIsWritten',
      actions: ['s3:PutObject', 's3:ReplicateObject'],
      notResources: [...files, ...statuses],
    },
    // With ...IfExists a missing header is denied like a wrong one (docs/design.md#local-system).
    {
      sid: 'OnlyKmsEncryption',
      actions: ['s3:PutObject'],
      resources: everything,
      conditions: { StringNotEqualsIfExists: { 's3:x-amz-server-side-encryption': 'aws:kms' } },
    },
    {
      sid: 'OnlyOurKey',
      actions: ['s3:PutObject'],
      resources: everything,
      conditions: {
        StringNotEqualsIfExists: {
          's3:x-amz-server-side-encryption-aws-kms-key-id': encryptionKey.keyArn,
        },
      },
    },
    // Each publication names the version that it replaces, so that two exporters never overwrite one another
    // (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
    {
      sid: 'OnlyConditionalPublication',
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects('*/config.json'), bucket.arnForObjects('status/*')],
      conditions: {
        Null: { 's3:if-match': 'true', 's3:if-none-match': 'true' },
        // Not BoolIfExists, as elsewhere: an S3 that knows neither condition (Ceph) would refuse every
        // publication.
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
    },
  ];
}

/** A file without its lock, or with a longer one. */
export function denyUnlockedPublication(
  bucket: s3.Bucket,
  objectLockDays: number,
): readonly iam.PolicyStatementProps[] {
  const files = [bucket.arnForObjects('*/config.json')];
  return [
    {
      sid: 'OnlyLockedPublication',
      actions: ['s3:PutObject'],
      resources: files,
      conditions: {
        StringNotEqualsIfExists: { 's3:object-lock-mode': 'GOVERNANCE' },
        // As above.
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
    },
    // A day more than is asked for: clocks differ, and S3 counts whole days.
    {
      sid: 'NoLongerLock',
      actions: ['s3:PutObject', 's3:PutObjectRetention'],
      resources: files,
      conditions: {
        NumericGreaterThan: { 's3:object-lock-remaining-retention-days': objectLockDays + 1 },
      },
    },
  ];
}
