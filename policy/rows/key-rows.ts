import { accountId, region, type Variant } from '../deployment.ts';
import type { MatrixNames } from '../names.ts';
import { type PrincipalGroups, principalGroups } from './groups.ts';
import { throughS3, tls } from './requests.ts';
import { type MatrixRow, row } from './row.ts';

/** Encrypting and signing with the keys of the deployment. */
export function keyRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const groups = principalGroups(variant);
  return [...vaultKeyRows(names, groups), ...logKeyRows(names, groups)];
}

function vaultKeyRows(
  names: MatrixNames,
  { privileged, fileReaders, replication }: PrincipalGroups,
): readonly MatrixRow[] {
  const bucket = names.arnOf('AWS::S3::Bucket', 'VaultBucket');
  const encryptionKey = names.encryptionKeyArn;
  const signingKey = names.arnOf('AWS::KMS::Key', 'VaultSigningKey');
  const forVault = throughS3(region, bucket);

  return [
    row(
      'kms:Decrypt',
      'encryption key',
      encryptionKey,
      forVault,
      'through S3, for the vault',
      'export prod',
      'export staging',
      'presign prod',
      'presign staging',
      ...fileReaders,
      ...replication,
    ),
    row('kms:Decrypt', 'encryption key', encryptionKey, tls, 'directly'),
    row(
      'kms:Decrypt',
      'encryption key',
      encryptionKey,
      throughS3(region, `${bucket}-other`),
      // Where nothing is encrypted with this key: nobody but the export may.
      'through S3, for another bucket',
      ...fileReaders,
    ),
    row(
      'kms:GenerateDataKey',
      'encryption key',
      encryptionKey,
      forVault,
      'through S3, for the vault',
      'export prod',
      'export staging',
    ),
    row('kms:GenerateDataKey', 'encryption key', encryptionKey, tls, 'directly'),
    row('kms:Encrypt', 'encryption key', encryptionKey, tls, ''),
    row('kms:ReEncryptFrom', 'encryption key', encryptionKey, forVault, 'through S3, for the vault'),
    row('kms:Sign', 'signing key', signingKey, tls, '', 'export prod', 'export staging'),
    row(
      'kms:GetPublicKey',
      'signing key',
      signingKey,
      tls,
      '',
      'export prod',
      'export staging',
      ...privileged,
    ),
  ];
}

function logKeyRows(names: MatrixNames, { privileged }: PrincipalGroups): readonly MatrixRow[] {
  const logKey = names.arnOf('AWS::KMS::Key', 'LogKey');
  const forLogs = (group: string) => ({
    ...tls,
    'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${region}:${accountId}:log-group:${group}`,
  });

  return [
    row(
      'kms:Decrypt',
      'log key',
      logKey,
      forLogs('Lifeboat-Log'),
      'for a log group of the stack',
      'file reader prod',
      ...privileged.slice(0, 2),
      'CloudWatch Logs',
      ...privileged.slice(2),
    ),
    row(
      'kms:Decrypt',
      'log key',
      logKey,
      forLogs('Other-Log'),
      'for another log group',
      'file reader prod',
      ...privileged,
    ),

    ...['kms:Encrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'].map((action) =>
      row(
        action,
        'log key',
        logKey,
        forLogs('Lifeboat-Log'),
        'for a log group of the stack',
        ...privileged.slice(0, 2),
        'CloudWatch Logs',
        ...privileged.slice(2),
      ),
    ),
  ];
}
