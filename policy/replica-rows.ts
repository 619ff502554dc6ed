import type { MatrixRow } from './matrix-rows.ts';
import type { PrincipalName } from './proved-deployment.ts';

/** What the parts of a replica are called. */
export interface ReplicaNames {
  /** ARN. */
  readonly bucket: string;
  /** ARN. */
  readonly encryptionKey: string;
  readonly apiId: string;
  /** ARN of the function that gives grants of prod. */
  readonly presigner: string;
}

export interface ReplicaSurroundings {
  /** ARN of the bucket that is replicated. */
  readonly vault: string;
  readonly replica: ReplicaNames;
  readonly replicationRole: string;
  /** Of prod, in the second region. */
  readonly presignRole: string;
  readonly region: string;
  readonly firstRegion: string;
  readonly accountId: string;
  readonly oldestSignatureMs: number;
  /** Whom the account's own policies let do anything with S3 and KMS. */
  readonly privileged: readonly PrincipalName[];
  readonly mayOpenDoors: readonly PrincipalName[];
  readonly ownFileReader: readonly PrincipalName[];
}

/** Who may do what with a replica, and with the vault on its behalf. */
export function replicaRows(of: ReplicaSurroundings): readonly MatrixRow[] {
  const { vault, replica, region, firstRegion, accountId, privileged, mayOpenDoors, ownFileReader } = of;
  const tls = { 'aws:SecureTransport': 'true' };
  const s3 = { ...tls, 's3:TlsVersion': '1.3', 's3:signatureAge': '1000' };
  const put = {
    ...s3,
    's3:x-amz-server-side-encryption': 'aws:kms',
    's3:x-amz-server-side-encryption-aws-kms-key-id': replica.encryptionKey,
    's3:ObjectCreationOperation': 'true',
    's3:if-none-match': '*',
  };
  const throughS3 = (where: string, bucket: string) => ({
    ...tls,
    'kms:ViaService': `s3.${where}.amazonaws.com`,
    'kms:EncryptionContext:aws:s3:arn': bucket,
  });
  const forReplica = throughS3(region, replica.bucket);
  const file = 'prod/3.9.1/config.json';
  const grants = (controlPlane: string) =>
    `arn:aws:execute-api:${region}:${accountId}:${replica.apiId}/$default/GET/control-planes/${controlPlane}/fallback-config`;

  const row = (
    action: string,
    resource: string,
    resourceArn: string,
    context: MatrixRow['context'],
    when: string,
    ...allowed: readonly PrincipalName[]
  ): MatrixRow => ({ action, resource, when, allowed, resourceArn, context });
  const onReplica = (
    action: string,
    key: string,
    context: MatrixRow['context'],
    when: string,
    ...allowed: readonly PrincipalName[]
  ) => row(action, `replica of ${key}`, `${replica.bucket}/${key}`, context, when, ...allowed);
  const onKey = (
    action: string,
    context: MatrixRow['context'],
    when: string,
    ...allowed: readonly PrincipalName[]
  ) => row(action, 'replica’s encryption key', replica.encryptionKey, context, when, ...allowed);

  return [
    // From the vault: files, as S3 reads them to copy them, by the one role. It can read nothing as people do.
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

    // Into the replica: copies of files and nothing else.
    onReplica('s3:ReplicateObject', file, s3, '', 'replication'),
    onReplica('s3:ReplicateObject', 'staging/3.9.1/config.json', s3, '', 'replication'),
    onReplica('s3:ReplicateObject', 'prod/3.9.1/other.json', s3, ''),
    onReplica('s3:ReplicateObject', 'status/prod.json', s3, ''),
    onReplica('s3:ReplicateObject', file, { ...s3, 'aws:SecureTransport': 'false' }, 'without TLS'),
    onReplica('s3:ReplicateTags', file, s3, ''),
    onReplica('s3:PutObject', file, put, ''),
    onReplica('s3:PutObject', 'stray.txt', put, ''),
    onReplica('s3:PutObjectTagging', file, s3, ''),
    onReplica('s3:PutObjectRetention', file, s3, ''),
    onReplica('s3:PutObjectLegalHold', file, s3, ''),

    // Reading: the presign function of the control plane in that region, and nobody else, those of the first region included.
    onReplica('s3:GetObject', file, s3, '', 'second presign prod'),
    onReplica('s3:GetObject', 'staging/3.9.1/config.json', s3, '', 'second presign staging'),
    onReplica('s3:GetObjectVersion', file, s3, '', 'second presign prod'),
    onReplica('s3:GetObjectAttributes', file, s3, ''),
    onReplica('s3:GetObjectVersionForReplication', file, s3, ''),
    onReplica('s3:GetObject', file, { ...s3, 'aws:SecureTransport': 'false' }, 'without TLS'),
    onReplica(
      's3:GetObject',
      file,
      { ...s3, 's3:signatureAge': String(of.oldestSignatureMs) },
      'signed as long ago as a URL lives',
      'second presign prod',
    ),
    onReplica(
      's3:GetObject',
      file,
      { ...s3, 's3:signatureAge': String(of.oldestSignatureMs + 1) },
      'signed longer ago',
    ),
    row(
      's3:ListBucket',
      'replica',
      replica.bucket,
      { ...s3, 's3:prefix': 'prod/' },
      'below prod/',
      'second presign prod',
      ...ownFileReader,
      ...privileged,
    ),

    // Losing: nobody, S3 itself included.
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
    ].map((action) => row(action, 'replica', replica.bucket, s3, '', ...mayOpenDoors)),
    ...['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].map((action) =>
      onKey(action, tls, '', ...mayOpenDoors),
    ),

    // Its key.
    onKey(
      'kms:Decrypt',
      forReplica,
      'through S3, for the replica',
      'replication',
      'second presign prod',
      'second presign staging',
    ),
    onKey('kms:Decrypt', tls, 'directly'),
    onKey('kms:Decrypt', throughS3(region, `${replica.bucket}-other`), 'through S3, for another bucket'),
    onKey('kms:Decrypt', throughS3(firstRegion, replica.bucket), 'through S3 of the first region'),
    onKey('kms:Encrypt', forReplica, 'through S3, for the replica', 'replication'),
    onKey('kms:GenerateDataKey', forReplica, 'through S3, for the replica', 'replication'),
    onKey('kms:GenerateDataKey', tls, 'directly'),
    onKey('kms:ReEncryptFrom', forReplica, 'through S3, for the replica'),

    // Grants there, and acting as its roles.
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
    row('sts:AssumeRole', 'replication role', of.replicationRole, {}, '', 'S3'),
    row(
      'sts:AssumeRole',
      'replication role',
      of.replicationRole,
      { 'aws:SourceAccount': accountId },
      'for a bucket of this account',
      'S3',
    ),
    row(
      'sts:AssumeRole',
      'replication role',
      of.replicationRole,
      { 'aws:SourceAccount': '999988887777' },
      'for a bucket of another account',
    ),
    row('sts:AssumeRole', 'second presign role of prod', of.presignRole, tls, ''),
  ];
}
