import { accountId, oldestSignatureMs, region, secondRegion, type Variant } from '../deployment.ts';
import { type MatrixNames, type ReplicaNames, routeArn } from '../names.ts';
import { type PrincipalGroups, principalGroups } from './groups.ts';
import { below, file, noTls, otherFile, s3, signedAgo, throughS3, tls, upload } from './requests.ts';
import { type MatrixRow, rowsAbout, rowsOfObjects } from './row.ts';

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
    ...readingRows(replica, groups),
    ...losingRows(replica, groups),
    ...keyRows(replica),
    ...grantRows(names, replica),
  ];
}

/** The vault's rules of replication, as S3 reads them, by the one role. */
function vaultRows(vault: string, { ownFileReader, privileged }: PrincipalGroups): readonly MatrixRow[] {
  const onVault = rowsAbout('bucket', vault);
  return [onVault('s3:GetReplicationConfiguration', s3, '', 'replication', ...ownFileReader, ...privileged)];
}

const rowsOfCopies = ({ bucket }: ReplicaNames) => rowsOfObjects(bucket, (key) => `replica of ${key}`);
const rowsOfKey = ({ encryptionKey }: ReplicaNames) => rowsAbout('replica’s encryption key', encryptionKey);

/** Into the replica: copies of files and statuses, and nothing else. */
function copyRows(replica: ReplicaNames): readonly MatrixRow[] {
  const on = rowsOfCopies(replica);
  const put = { ...upload(replica.encryptionKey), 's3:if-none-match': '*' };

  return [
    on(file, 's3:ReplicateObject', s3, '', 'replication'),
    on(otherFile, 's3:ReplicateObject', s3, '', 'replication'),
    on('prod/3.9.1/other.json', 's3:ReplicateObject', s3, ''),
    on('status/prod.json', 's3:ReplicateObject', s3, '', 'replication'),
    on('status/other.json', 's3:ReplicateObject', s3, ''),
    on(file, 's3:ReplicateObject', { ...s3, ...noTls }, 'without TLS'),
    on(file, 's3:ReplicateTags', s3, ''),
    on(file, 's3:PutObject', put, ''),
    on('stray.txt', 's3:PutObject', put, ''),
    on(file, 's3:PutObjectTagging', s3, ''),
    on(file, 's3:PutObjectRetention', s3, ''),
    on(file, 's3:PutObjectLegalHold', s3, ''),
  ];
}

/**
 * Reading: the presign function of the control plane in that region. Those of the first region are refused.
 */
function readingRows(
  replica: ReplicaNames,
  { ownFileReader, privileged }: PrincipalGroups,
): readonly MatrixRow[] {
  const on = rowsOfCopies(replica);
  const onReplica = rowsAbout('replica', replica.bucket);
  const reader = 'second presign prod';

  return [
    on(file, 's3:GetObject', s3, '', reader),
    on(otherFile, 's3:GetObject', s3, '', 'second presign staging'),
    on('status/prod.json', 's3:GetObject', s3, '', reader),
    on('status/prod.json', 's3:GetObject', { ...s3, ...noTls }, 'without TLS'),
    on('status/staging.json', 's3:GetObject', s3, '', 'second presign staging'),
    on(file, 's3:GetObjectVersion', s3, '', reader),
    on(file, 's3:GetObjectAttributes', s3, ''),
    on(file, 's3:GetObjectVersionForReplication', s3, ''),
    on(file, 's3:GetObject', { ...s3, ...noTls }, 'without TLS'),
    on(file, 's3:GetObject', signedAgo(oldestSignatureMs), 'signed as long ago as a URL lives', reader),
    on(file, 's3:GetObject', signedAgo(oldestSignatureMs + 1), 'signed longer ago'),
    onReplica('s3:ListBucket', below('prod/'), 'below prod/', reader, ...ownFileReader, ...privileged),
  ];
}

/** Losing: nobody, S3 itself included. */
function losingRows(replica: ReplicaNames, { policyChangers }: PrincipalGroups): readonly MatrixRow[] {
  const on = rowsOfCopies(replica);
  const onReplica = rowsAbout('replica', replica.bucket);
  const onKey = rowsOfKey(replica);

  return [
    ...[
      's3:ReplicateDelete',
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:BypassGovernanceRetention',
      's3:UpdateObjectEncryption',
    ].map((action) => on(file, action, s3, '')),
    ...[
      's3:PutBucketPolicy',
      's3:PutLifecycleConfiguration',
      's3:PutBucketVersioning',
      's3:DeleteBucket',
    ].map((action) => onReplica(action, s3, '', ...policyChangers)),
    ...['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].map((action) =>
      onKey(action, tls, '', ...policyChangers),
    ),
  ];
}

function keyRows(replica: ReplicaNames): readonly MatrixRow[] {
  const { bucket } = replica;
  const onKey = rowsOfKey(replica);
  const forReplica = [throughS3(secondRegion, bucket), 'through S3, for the replica'] as const;
  const forAnother = throughS3(secondRegion, `${bucket}-other`);

  return [
    onKey('kms:Decrypt', ...forReplica, 'replication', 'second presign prod', 'second presign staging'),
    onKey('kms:Decrypt', tls, 'directly'),
    onKey('kms:Decrypt', forAnother, 'through S3, for another bucket'),
    onKey('kms:Decrypt', throughS3(region, bucket), 'through S3 of the first region'),
    onKey('kms:Encrypt', ...forReplica, 'replication'),
    onKey('kms:GenerateDataKey', ...forReplica, 'replication'),
    onKey('kms:GenerateDataKey', tls, 'directly'),
    onKey('kms:ReEncryptFrom', ...forReplica),
  ];
}

/** Grants in the second region, and acting as its roles. */
function grantRows(names: MatrixNames, replica: ReplicaNames): readonly MatrixRow[] {
  const onGrants = (controlPlane: string) =>
    rowsAbout(
      `grants of ${controlPlane} in the second region`,
      routeArn(replica.apiId, `GET/control-planes/${controlPlane}/fallback-config`, secondRegion),
    );
  const onPresigner = rowsAbout('second presign function of prod', replica.presigner);
  const onRole = rowsAbout('replication role', names.principalArn('replication'));
  const onPresignRole = rowsAbout('second presign role of prod', names.principalArn('second presign prod'));
  const ofAccount = (id: string) => ({ 'aws:SourceAccount': id });

  return [
    onGrants('prod')('execute-api:Invoke', tls, '', 'data plane prod', 'reader prod', 'administrator'),
    onGrants('staging')('execute-api:Invoke', tls, '', 'administrator'),
    onPresigner('lambda:InvokeFunction', tls, '', 'data plane prod', 'administrator'),
    onRole('sts:AssumeRole', {}, '', 'S3'),
    onRole('sts:AssumeRole', ofAccount(accountId), 'for a bucket of this account', 'S3'),
    onRole('sts:AssumeRole', ofAccount('999988887777'), 'for a bucket of another account'),
    onPresignRole('sts:AssumeRole', tls, ''),
  ];
}
