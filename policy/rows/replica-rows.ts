import type { ConditionContext } from '../../simulators/aws/iam.ts';
import { accountId, oldestSignatureMs, region, secondRegion, type Variant } from '../deployment.ts';
import { type MatrixNames, type ReplicaNames, routeArn } from '../names.ts';
import type { PrincipalName } from '../principals.ts';
import { type PrincipalGroups, principalGroups } from './groups.ts';
import { file, noTls, s3, throughS3, tls, upload } from './requests.ts';
import { type MatrixRow, row, rowsOfObjects } from './row.ts';

/** Who may do what with a replica, and with the vault on its behalf. */
export function replicaRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const { replica } = names;
  if (replica === undefined) {
    return [];
  }
  const groups = principalGroups(variant);
  return [
    ...vaultRows(names.arnOf('AWS::S3::Bucket', 'VaultBucket'), groups),
    ...copyRows(replica),
    ...readingRows(replica.bucket, groups),
    ...losingRows(replica, groups),
    ...keyRows(replica),
    ...grantRows(names, replica),
  ];
}

/**
 * From the vault: files, as S3 reads them to copy them, by the one role. It can read nothing as people do.
 */
function vaultRows(vault: string, { ownFileReader, privileged }: PrincipalGroups): readonly MatrixRow[] {
  return [
    row('s3:GetObjectVersionForReplication', file, `${vault}/${file}`, s3, '', 'replication'),
    row('s3:GetObjectVersionForReplication', 'status/prod.json', `${vault}/status/prod.json`, s3, ''),
    row(
      's3:GetReplicationConfiguration',
      'bucket',
      vault,
      s3,
      '',
      'replication',
      ...ownFileReader,
      ...privileged,
    ),
  ];
}

/** Makes rows about the replica's key. */
function rowsOfKey(keyArn: string) {
  return (action: string, context: ConditionContext, when: string, ...allowed: readonly PrincipalName[]) =>
    row(action, 'replica’s encryption key', keyArn, context, when, ...allowed);
}

const replicaOf = (key: string) => `replica of ${key}`;

/** Into the replica: copies of files and nothing else. */
function copyRows({ bucket, encryptionKey }: ReplicaNames): readonly MatrixRow[] {
  const onReplica = rowsOfObjects(bucket, replicaOf);
  const put = { ...upload(encryptionKey), 's3:if-none-match': '*' };

  return [
    onReplica('s3:ReplicateObject', file, s3, '', 'replication'),
    onReplica('s3:ReplicateObject', 'staging/3.9.1/config.json', s3, '', 'replication'),
    onReplica('s3:ReplicateObject', 'prod/3.9.1/other.json', s3, ''),
    onReplica('s3:ReplicateObject', 'status/prod.json', s3, ''),
    onReplica('s3:ReplicateObject', file, { ...s3, ...noTls }, 'without TLS'),
    onReplica('s3:ReplicateTags', file, s3, ''),
    onReplica('s3:PutObject', file, put, ''),
    onReplica('s3:PutObject', 'stray.txt', put, ''),
    onReplica('s3:PutObjectTagging', file, s3, ''),
    onReplica('s3:PutObjectRetention', file, s3, ''),
    onReplica('s3:PutObjectLegalHold', file, s3, ''),
  ];
}

/**
 * Reading: the presign function of the control plane in that region. Those of the first region are refused.
 */
function readingRows(bucket: string, { ownFileReader, privileged }: PrincipalGroups): readonly MatrixRow[] {
  const onReplica = rowsOfObjects(bucket, replicaOf);

  return [
    onReplica('s3:GetObject', file, s3, '', 'second presign prod'),
    onReplica('s3:GetObject', 'staging/3.9.1/config.json', s3, '', 'second presign staging'),
    onReplica('s3:GetObjectVersion', file, s3, '', 'second presign prod'),
    onReplica('s3:GetObjectAttributes', file, s3, ''),
    onReplica('s3:GetObjectVersionForReplication', file, s3, ''),
    onReplica('s3:GetObject', file, { ...s3, ...noTls }, 'without TLS'),
    onReplica(
      's3:GetObject',
      file,
      { ...s3, 's3:signatureAge': String(oldestSignatureMs) },
      'signed as long ago as a URL lives',
      'second presign prod',
    ),
    onReplica(
      's3:GetObject',
      file,
      { ...s3, 's3:signatureAge': String(oldestSignatureMs + 1) },
      'signed longer ago',
    ),
    row(
      's3:ListBucket',
      'replica',
      bucket,
      { ...s3, 's3:prefix': 'prod/' },
      'below prod/',
      'second presign prod',
      ...ownFileReader,
      ...privileged,
    ),
  ];
}

/** Losing: nobody, S3 itself included. */
function losingRows(
  { bucket, encryptionKey }: ReplicaNames,
  { policyChangers }: PrincipalGroups,
): readonly MatrixRow[] {
  const onReplica = rowsOfObjects(bucket, replicaOf);
  const onKey = rowsOfKey(encryptionKey);

  return [
    ...[
      's3:ReplicateDelete',
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:BypassGovernanceRetention',
      's3:UpdateObjectEncryption',
    ].map((action) => onReplica(action, file, s3, '')),
    ...[
      's3:PutBucketPolicy',
      's3:PutLifecycleConfiguration',
      's3:PutBucketVersioning',
      's3:DeleteBucket',
    ].map((action) => row(action, 'replica', bucket, s3, '', ...policyChangers)),
    ...['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].map((action) =>
      onKey(action, tls, '', ...policyChangers),
    ),
  ];
}

function keyRows({ bucket, encryptionKey }: ReplicaNames): readonly MatrixRow[] {
  const forReplica = throughS3(secondRegion, bucket);
  const onKey = rowsOfKey(encryptionKey);

  return [
    onKey(
      'kms:Decrypt',
      forReplica,
      'through S3, for the replica',
      'replication',
      'second presign prod',
      'second presign staging',
    ),
    onKey('kms:Decrypt', tls, 'directly'),
    onKey('kms:Decrypt', throughS3(secondRegion, `${bucket}-other`), 'through S3, for another bucket'),
    onKey('kms:Decrypt', throughS3(region, bucket), 'through S3 of the first region'),
    onKey('kms:Encrypt', forReplica, 'through S3, for the replica', 'replication'),
    onKey('kms:GenerateDataKey', forReplica, 'through S3, for the replica', 'replication'),
    onKey('kms:GenerateDataKey', tls, 'directly'),
    onKey('kms:ReEncryptFrom', forReplica, 'through S3, for the replica'),
  ];
}

/** Grants in the second region, and acting as its roles. */
function grantRows(names: MatrixNames, replica: ReplicaNames): readonly MatrixRow[] {
  const replicationRole = names.principalArn('replication');
  const grants = (controlPlane: string) =>
    routeArn(replica.apiId, `GET/control-planes/${controlPlane}/fallback-config`, secondRegion);

  return [
    row(
      'execute-api:Invoke',
      'grants of prod in the second region',
      grants('prod'),
      tls,
      '',
      'data plane prod',
      'reader prod',
      'administrator',
    ),
    row(
      'execute-api:Invoke',
      'grants of staging in the second region',
      grants('staging'),
      tls,
      '',
      'administrator',
    ),
    row(
      'lambda:InvokeFunction',
      'second presign function of prod',
      replica.presigner,
      tls,
      '',
      'data plane prod',
      'administrator',
    ),
    row('sts:AssumeRole', 'replication role', replicationRole, {}, '', 'S3'),
    row(
      'sts:AssumeRole',
      'replication role',
      replicationRole,
      { 'aws:SourceAccount': accountId },
      'for a bucket of this account',
      'S3',
    ),
    row(
      'sts:AssumeRole',
      'replication role',
      replicationRole,
      { 'aws:SourceAccount': '999988887777' },
      'for a bucket of another account',
    ),
    row('sts:AssumeRole', 'second presign role of prod', names.principalArn('second presign prod'), tls, ''),
  ];
}
