import { accountId, previousKeyArn, region, type Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { type PrincipalGroups, principalGroups } from './groups.ts';
import { file, throughS3, tls, upload } from './requests.ts';
import { type MatrixRow, rowsAbout, rowsOfObjects } from './row.ts';

const writers = ['export prod', 'export staging'] as const;
const inspectors = ['inspect prod', 'inspect staging'] as const;
const onlyReaders = ['presign prod', 'presign staging', ...inspectors] as const;

/** Encrypting and signing with the keys of the deployment. */
export function keyRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const groups = principalGroups(variant);
  return [
    ...vaultKeyRows(names, groups, variant),
    ...(variant.changedKeys ? changedKeyRows(names, groups) : []),
    ...logKeyRows(names, groups),
  ];
}

function vaultKeyRows(
  names: MatrixNames,
  { privileged, fileReaders, replication }: PrincipalGroups,
  { changedKeys = false }: Variant,
): readonly MatrixRow[] {
  const bucket = names.arnOf('AWS::S3::Bucket', 'VaultBucket');
  const forVault = throughS3(region, bucket);
  const forAnother = throughS3(region, `${bucket}-other`);
  const onKey = rowsAbout('encryption key', names.encryptionKeyArn);
  const signs = changedKeys ? 'VaultFurtherSigningKeysecond' : 'VaultSigningKey';
  const onSigningKey = rowsAbout('signing key', names.arnOf('AWS::KMS::Key', signs));
  const readers = [...writers, ...onlyReaders, ...fileReaders, ...replication] as const;

  return [
    onKey('kms:Decrypt', forVault, 'through S3, for the vault', ...readers),
    onKey('kms:Decrypt', tls, 'directly'),
    // Where nothing is encrypted with this key: nobody but the export may.
    onKey('kms:Decrypt', forAnother, 'through S3, for another bucket', ...fileReaders),
    onKey('kms:GenerateDataKey', forVault, 'through S3, for the vault', ...writers),
    onKey('kms:GenerateDataKey', tls, 'directly'),
    onKey('kms:Encrypt', tls, ''),
    onKey('kms:ReEncryptFrom', forVault, 'through S3, for the vault'),
    onSigningKey('kms:Sign', tls, '', ...writers),
    onSigningKey('kms:GetPublicKey', tls, '', ...writers, ...inspectors, ...privileged),
  ];
}

/** What was encrypted and signed before is still read, and nothing more comes to it. */
function changedKeyRows(
  names: MatrixNames,
  { privileged, fileReaders, replication }: PrincipalGroups,
): readonly MatrixRow[] {
  const bucket = names.arnOf('AWS::S3::Bucket', 'VaultBucket');
  const forVault = [throughS3(region, bucket), 'through S3, for the vault'] as const;
  const forAnother = throughS3(region, `${bucket}-other`);
  const put = { ...upload(previousKeyArn), 's3:if-match': '"etag"' };
  const onKey = rowsAbout('encryption key of before', previousKeyArn);
  const onSigningKey = rowsAbout('signing key of before', names.arnOf('AWS::KMS::Key', 'VaultSigningKey'));

  return [
    onKey('kms:Decrypt', ...forVault, ...writers, ...onlyReaders, ...fileReaders, ...replication),
    onKey('kms:Decrypt', tls, 'directly'),
    onKey('kms:Decrypt', forAnother, 'through S3, for another bucket', ...fileReaders),
    onKey('kms:GenerateDataKey', ...forVault),
    onKey('kms:ReEncryptFrom', ...forVault),
    rowsOfObjects(bucket)(file, 's3:PutObject', put, 'encrypted with the key of before'),
    onSigningKey('kms:Sign', tls, ''),
    onSigningKey('kms:GetPublicKey', tls, '', ...writers, ...inspectors, ...privileged),
  ];
}

function logKeyRows(names: MatrixNames, { privileged }: PrincipalGroups): readonly MatrixRow[] {
  const onKey = rowsAbout('log key', names.arnOf('AWS::KMS::Key', 'LogKey'));
  const forLogs = (group: string) => ({
    ...tls,
    'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${region}:${accountId}:log-group:${group}`,
  });
  const ours = [forLogs('Lifeboat-Log'), 'for a log group of the stack'] as const;
  const users = [...privileged, 'CloudWatch Logs'] as const;

  return [
    onKey('kms:Decrypt', ...ours, 'file reader prod', ...users),
    onKey('kms:Decrypt', forLogs('Other-Log'), 'for another log group', 'file reader prod', ...privileged),
    ...['kms:Encrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'].map((action) =>
      onKey(action, ...ours, ...users),
    ),
  ];
}
