import type { ConditionContext } from '../../simulators/aws/iam.ts';
import { objectLockDays, oldestSignatureMs, type Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { type PrincipalGroups, principalGroups } from './groups.ts';
import { file, lock, noTls, s3, upload, without } from './requests.ts';
import { type MatrixRow, row, rowsOfObjects } from './row.ts';

/** The published files and the status files: who writes, reads, locks and loses them. */
export function fileRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const bucket = names.arnOf('AWS::S3::Bucket', 'VaultBucket');
  const groups = principalGroups(variant);
  const put = upload(names.encryptionKeyArn);
  const publication = variant.objectLock ? { ...put, ...lock('GOVERNANCE', objectLockDays) } : put;
  return [
    ...writingRows(bucket, names.encryptionKeyArn, publication),
    ...readingRows(bucket, groups),
    ...(variant.objectLock ? lockingRows(bucket, publication) : []),
    ...metadataRows(bucket, groups, variant),
    ...[
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:BypassGovernanceRetention',
      's3:UpdateObjectEncryption',
    ].map((action) => row(action, file, `${bucket}/${file}`, s3, '')),
  ];
}

/** Writing: the export of the control plane, encrypted with our key, and for files only conditionally. */
function writingRows(
  bucket: string,
  encryptionKey: string,
  publication: ConditionContext,
): readonly MatrixRow[] {
  const put = upload(encryptionKey);
  const first = { ...publication, 's3:if-none-match': '*' };
  const next = { ...publication, 's3:if-match': '"etag"' };
  const onObject = rowsOfObjects(bucket);

  return [
    onObject('s3:PutObject', file, first, 'first one', 'export prod'),
    onObject('s3:PutObject', file, next, 'replacing the one that was read', 'export prod'),
    onObject('s3:PutObject', file, publication, 'without a condition'),
    onObject('s3:PutObject', file, without(next, 's3:x-amz-server-side-encryption'), 'encryption not named'),
    onObject(
      's3:PutObject',
      file,
      { ...next, 's3:x-amz-server-side-encryption': 'AES256' },
      'encrypted without KMS',
    ),
    onObject(
      's3:PutObject',
      file,
      without(next, 's3:x-amz-server-side-encryption-aws-kms-key-id'),
      'key not named',
    ),
    onObject(
      's3:PutObject',
      file,
      { ...next, 's3:x-amz-server-side-encryption-aws-kms-key-id': `${encryptionKey}0` },
      'encrypted with another key',
    ),
    onObject('s3:PutObject', file, { ...next, ...noTls }, 'without TLS'),
    onObject('s3:PutObject', file, { ...next, 's3:TlsVersion': '1.1' }, 'with TLS 1.1'),
    onObject(
      's3:PutObject',
      file,
      {
        ...without(put, 's3:x-amz-server-side-encryption', 's3:x-amz-server-side-encryption-aws-kms-key-id'),
        's3:ObjectCreationOperation': 'false',
      },
      'a part of a multipart upload',
    ),
    onObject('s3:PutObject', 'staging/3.9.1/config.json', next, '', 'export staging'),
    onObject('s3:PutObject', 'prod/3.9.1/other.json', next, ''),
    onObject('s3:PutObject', 'stray.txt', next, ''),
    onObject('s3:PutObject', 'status/prod.json', put, '', 'export prod'),
    onObject('s3:PutObject', 'status/staging.json', put, '', 'export staging'),
    onObject('s3:PutObject', 'status/other.json', put, ''),
    onObject('s3:PutObjectTagging', file, s3, ''),
    onObject('s3:ReplicateObject', file, s3, ''),
  ];
}

/**
 * Reading: export, presign and the named readers of the control plane. Administrators are refused as well.
 */
function readingRows(
  bucket: string,
  { privileged, fileReaders, ownFileReader, replication }: PrincipalGroups,
): readonly MatrixRow[] {
  const onObject = rowsOfObjects(bucket);

  return [
    onObject('s3:GetObject', file, s3, '', 'export prod', 'presign prod', ...fileReaders),
    onObject('s3:GetObject', 'staging/3.9.1/config.json', s3, '', 'export staging', 'presign staging'),
    onObject('s3:GetObject', file, { ...s3, ...noTls }, 'without TLS'),
    onObject(
      's3:GetObject',
      file,
      { ...s3, 's3:signatureAge': String(oldestSignatureMs) },
      'signed as long ago as a URL lives',
      'export prod',
      'presign prod',
      ...fileReaders,
    ),
    onObject(
      's3:GetObject',
      file,
      { ...s3, 's3:signatureAge': String(oldestSignatureMs + 1) },
      'signed longer ago',
    ),
    onObject('s3:GetObjectVersion', file, s3, '', 'export prod', 'presign prod', ...fileReaders),
    onObject('s3:GetObjectAttributes', file, s3, '', ...ownFileReader),
    onObject('s3:GetObject', 'prod/3.9.1/other.json', s3, '', ...ownFileReader),
    onObject('s3:GetObject', 'status/prod.json', s3, '', 'export prod', ...fileReaders),
    onObject('s3:GetObject', 'status/staging.json', s3, '', 'export staging'),
    row(
      's3:ListBucket',
      'bucket',
      bucket,
      { ...s3, 's3:prefix': 'prod/' },
      'below prod/',
      'export prod',
      'presign prod',
      'file reader prod',
      ...privileged,
      ...replication,
    ),
    row(
      's3:ListBucket',
      'bucket',
      bucket,
      { ...s3, 's3:prefix': '' },
      'everything',
      'file reader prod',
      ...privileged,
      ...replication,
    ),
  ];
}

/**
 * Locking, where the settings ask for locks. Without them there is nothing to lock, and S3 refuses such a
 * request.
 */
function lockingRows(bucket: string, publication: ConditionContext): readonly MatrixRow[] {
  const next = { ...publication, 's3:if-match': '"etag"' };
  const onObject = rowsOfObjects(bucket);

  return [
    onObject('s3:PutObject', file, without(next, ...Object.keys(lock('', 0))), 'not locked'),
    onObject('s3:PutObject', file, { ...next, ...lock('COMPLIANCE', objectLockDays) }, 'locked for good'),
    onObject(
      's3:PutObject',
      file,
      { ...next, ...lock('GOVERNANCE', objectLockDays + 1) },
      'locked for a day more, as clocks may have it',
      'export prod',
    ),
    onObject(
      's3:PutObject',
      file,
      { ...next, ...lock('GOVERNANCE', objectLockDays + 2) },
      'locked for longer',
    ),
    onObject(
      's3:PutObjectRetention',
      file,
      { ...s3, ...lock('GOVERNANCE', objectLockDays) },
      'as publications ask for it',
      'export prod',
    ),
    onObject('s3:PutObjectRetention', file, { ...s3, ...lock('GOVERNANCE', 3650) }, 'for ten years'),
    onObject('s3:PutObjectLegalHold', file, s3, ''),
  ];
}

/** What the metadata of an object tells, a lock or a list of owners, is no content. */
function metadataRows(
  bucket: string,
  { privileged, replication }: PrincipalGroups,
  { objectLock }: Variant,
): readonly MatrixRow[] {
  const onObject = rowsOfObjects(bucket);

  return [
    ...['s3:GetObjectRetention', 's3:GetObjectLegalHold'].map((action) =>
      onObject(action, file, s3, '', 'file reader prod', ...privileged, ...(objectLock ? replication : [])),
    ),
    ...['s3:GetObjectVersionAcl', 's3:GetObjectVersionTagging'].map((action) =>
      onObject(action, file, s3, '', 'file reader prod', ...privileged, ...replication),
    ),
  ];
}
