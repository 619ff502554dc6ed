import type { ConditionContext } from '../../simulators/aws/iam.ts';
import { objectLockDays, oldestSignatureMs, type Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { type PrincipalGroups, principalGroups } from './groups.ts';
import {
  below,
  file,
  lock,
  noTls,
  otherFile,
  s3,
  signedAgo,
  sse,
  sseKey,
  upload,
  without,
} from './requests.ts';
import { type MatrixRow, rowsAbout, rowsOfObjects } from './row.ts';

const noFile = 'prod/3.9.1/other.json';

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
    ].map((action) => rowsOfObjects(bucket)(file, action, s3, '')),
  ];
}

/** Writing: the export of the control plane, encrypted with our key, and only conditionally. */
function writingRows(
  bucket: string,
  encryptionKey: string,
  publication: ConditionContext,
): readonly MatrixRow[] {
  const put = upload(encryptionKey);
  const statusPut = { ...put, 's3:if-match': '"etag"' };
  const first = { ...publication, 's3:if-none-match': '*' };
  const next = { ...publication, 's3:if-match': '"etag"' };
  const part = { ...without(put, sse, sseKey), 's3:ObjectCreationOperation': 'false' };
  const on = rowsOfObjects(bucket);

  return [
    on(file, 's3:PutObject', first, 'first one', 'export prod'),
    on(file, 's3:PutObject', next, 'replacing the one that was read', 'export prod'),
    on(file, 's3:PutObject', publication, 'without a condition'),
    on(file, 's3:PutObject', without(next, sse), 'encryption not named'),
    on(file, 's3:PutObject', { ...next, [sse]: 'AES256' }, 'encrypted without KMS'),
    on(file, 's3:PutObject', without(next, sseKey), 'key not named'),
    on(file, 's3:PutObject', { ...next, [sseKey]: `${encryptionKey}0` }, 'encrypted with another key'),
    on(file, 's3:PutObject', { ...next, ...noTls }, 'without TLS'),
    on(file, 's3:PutObject', { ...next, 's3:TlsVersion': '1.1' }, 'with TLS 1.1'),
    on(file, 's3:PutObject', part, 'a part of a multipart upload'),
    on(otherFile, 's3:PutObject', next, '', 'export staging'),
    on(noFile, 's3:PutObject', next, ''),
    on('stray.txt', 's3:PutObject', next, ''),
    on('status/prod.json', 's3:PutObject', statusPut, 'replacing the one that was read', 'export prod'),
    on('status/prod.json', 's3:PutObject', put, 'without a condition'),
    on('status/staging.json', 's3:PutObject', statusPut, 'replacing the one that was read', 'export staging'),
    on('status/other.json', 's3:PutObject', statusPut, ''),
    on(file, 's3:PutObjectTagging', s3, ''),
    on(file, 's3:ReplicateObject', s3, ''),
  ];
}

/**
 * Reading: export, presign, inspect and the named readers of the control plane. Administrators are refused,
 * too.
 */
function readingRows(
  bucket: string,
  { privileged, fileReaders, ownFileReader, replication }: PrincipalGroups,
): readonly MatrixRow[] {
  const on = rowsOfObjects(bucket);
  const onBucket = rowsAbout('bucket', bucket);
  const own = ['export prod', 'presign prod', 'inspect prod'] as const;
  const ownOfStaging = ['export staging', 'presign staging', 'inspect staging'] as const;
  const readers = [...own, ...fileReaders];
  const listers = ['file reader prod', ...privileged, ...replication] as const;

  return [
    on(file, 's3:GetObject', s3, '', ...readers),
    on(otherFile, 's3:GetObject', s3, '', ...ownOfStaging),
    on(file, 's3:GetObject', { ...s3, ...noTls }, 'without TLS'),
    on(file, 's3:GetObject', signedAgo(oldestSignatureMs), 'signed as long ago as a URL lives', ...readers),
    on(file, 's3:GetObject', signedAgo(oldestSignatureMs + 1), 'signed longer ago'),
    on(file, 's3:GetObjectVersion', s3, '', ...readers),
    on(otherFile, 's3:GetObjectVersion', s3, '', ...ownOfStaging),
    on(file, 's3:GetObjectAttributes', s3, '', ...ownFileReader),
    on(file, 's3:GetObjectVersionForReplication', s3, '', ...replication),
    on('status/prod.json', 's3:GetObjectVersionForReplication', s3, '', ...replication),
    on('status/other.json', 's3:GetObjectVersionForReplication', s3, ''),
    on(noFile, 's3:GetObject', s3, '', ...ownFileReader),
    on('status/prod.json', 's3:GetObject', s3, '', ...readers),
    on('status/prod.json', 's3:GetObject', { ...s3, ...noTls }, 'without TLS'),
    on('status/prod.json', 's3:GetObject', signedAgo(oldestSignatureMs + 1), 'signed longer ago'),
    on('status/staging.json', 's3:GetObject', s3, '', ...ownOfStaging),
    onBucket('s3:ListBucket', below('prod/'), 'below prod/', ...own, ...listers),
    onBucket('s3:ListBucket', below(''), 'everything', ...listers),
    onBucket(
      's3:ListBucketVersions',
      below('prod/'),
      'below prod/',
      'export prod',
      'inspect prod',
      'file reader prod',
      ...privileged,
    ),
    onBucket(
      's3:GetBucketVersioning',
      s3,
      '',
      'export prod',
      'export staging',
      'file reader prod',
      ...privileged,
    ),
    onBucket(
      's3:ListBucketVersions',
      below('staging/'),
      'below staging/',
      'export staging',
      'inspect staging',
      'file reader prod',
      ...privileged,
    ),
    onBucket('s3:ListBucketVersions', below('status/'), 'below status/', 'file reader prod', ...privileged),
    onBucket('s3:ListBucketVersions', below(''), 'everything', 'file reader prod', ...privileged),
  ];
}

/** Locking, where the settings ask for locks. Without them S3 refuses such a request. */
function lockingRows(bucket: string, publication: ConditionContext): readonly MatrixRow[] {
  const next = { ...publication, 's3:if-match': '"etag"' };
  const lockedFor = (days: number) => lock('GOVERNANCE', days);
  const forGood = { ...next, ...lock('COMPLIANCE', objectLockDays) };
  const dayMore = { ...next, ...lockedFor(objectLockDays + 1) };
  const longer = { ...next, ...lockedFor(objectLockDays + 2) };
  const asked = { ...s3, ...lockedFor(objectLockDays) };
  const on = rowsOfObjects(bucket);

  return [
    on(file, 's3:PutObject', without(next, ...Object.keys(lockedFor(0))), 'not locked'),
    on(file, 's3:PutObject', forGood, 'locked for good'),
    on(file, 's3:PutObject', dayMore, 'locked for a day more, as clocks may have it', 'export prod'),
    on(file, 's3:PutObject', longer, 'locked for longer'),
    on(file, 's3:PutObjectRetention', asked, 'as publications ask for it', 'export prod'),
    on(file, 's3:PutObjectRetention', { ...s3, ...lockedFor(3650) }, 'for ten years'),
    on(file, 's3:PutObjectLegalHold', s3, ''),
  ];
}

/** What the metadata of an object tells, a lock or a list of owners, is no content. */
function metadataRows(
  bucket: string,
  { privileged, replication }: PrincipalGroups,
  { objectLock }: Variant,
): readonly MatrixRow[] {
  const on = rowsOfObjects(bucket);

  return [
    ...['s3:GetObjectRetention', 's3:GetObjectLegalHold'].map((action) =>
      on(file, action, s3, '', 'file reader prod', ...privileged, ...(objectLock ? replication : [])),
    ),
    ...['s3:GetObjectVersionAcl', 's3:GetObjectVersionTagging'].map((action) =>
      on(file, action, s3, '', 'file reader prod', ...privileged, ...replication),
    ),
  ];
}
