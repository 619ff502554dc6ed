import type { ConditionContext } from '../simulators/aws/iam.ts';
import {
  accountId,
  everyday,
  keepers,
  type MatrixNames,
  objectLockDays,
  ofReplica,
  oldestSignatureMs,
  type PrincipalName,
  region,
  secondRegion,
  type Variant,
} from './proved-deployment.ts';
import { replicaRows } from './replica-rows.ts';

export interface MatrixRow {
  readonly action: string;
  /** What a person calls the resource. */
  readonly resource: string;
  /** What is special about the request; empty where nothing is. */
  readonly when: string;
  readonly allowed: readonly PrincipalName[];
  readonly resourceArn: string;
  readonly context: ConditionContext;
}

/** Everything that a security review asks of the deployment, each with those who are allowed. Whoever is not named in a row must be refused. */
export function matrixRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const bucket = names.arn('AWS::S3::Bucket', 'VaultBucket');
  const encryptionKey = names.encryptionKeyArn;
  const signingKey = names.arn('AWS::KMS::Key', 'VaultSigningKey');
  const logKey = names.arn('AWS::KMS::Key', 'LogKey');
  const queue = names.arn('AWS::SQS::Queue', 'ExportprodQueue');
  const hookSecret = names.arn('AWS::SecretsManager::Secret', 'ExportprodHookSecret');
  const certificate = names.arn('AWS::SecretsManager::Secret', 'ExportprodClusterCertificate');
  const reader = names.principalArn('reader prod');
  const exportRole = names.principalArn('export prod');
  const exporter = names.arn('AWS::Lambda::Function', 'ExportprodFunction');
  const presigner = names.arn('AWS::Lambda::Function', 'PresignprodFunction');
  const exportLog = names.arn('AWS::Logs::LogGroup', 'ExportprodFunctionLog').replace(/\*$/, 'log-stream:a');
  const otherPresigner = names.arn('AWS::Lambda::Function', 'PresignstagingFunction');
  const grants = (controlPlane: string, method: 'GET' | 'POST' = 'GET') =>
    routeArn(names.apiId, `${method}/control-planes/${controlPlane}/fallback-config`);
  const everybody: readonly PrincipalName[] = [
    ...everyday,
    ...(variant.lockdown ? keepers : []),
    ...(variant.replica ? ofReplica : []),
  ];

  // Whom the account's own policies let do anything with S3 and KMS.
  const privileged: readonly PrincipalName[] = [
    'administrator',
    's3 and kms role',
    ...(variant.lockdown ? keepers : []),
  ];
  const mayOpenDoors = variant.lockdown ? keepers : privileged;
  const fileReaders: readonly PrincipalName[] =
    variant.fileReaders === false ? [] : ['file reader prod', 'foreign file reader prod'];
  const replication: readonly PrincipalName[] = variant.replica ? ['replication'] : [];
  // Whose own account's policies alone let them, where nothing is denied.
  const ownFileReader = fileReaders.slice(0, 1);

  const tls = { 'aws:SecureTransport': 'true' };
  const s3 = { ...tls, 's3:TlsVersion': '1.3', 's3:signatureAge': '1000' };
  const put = {
    ...s3,
    's3:x-amz-server-side-encryption': 'aws:kms',
    's3:x-amz-server-side-encryption-aws-kms-key-id': encryptionKey,
    's3:ObjectCreationOperation': 'true',
  };
  const lock = (mode: string, days: number) => ({
    's3:object-lock-mode': mode,
    's3:object-lock-remaining-retention-days': String(days),
  });
  const publication = variant.objectLock ? { ...put, ...lock('GOVERNANCE', objectLockDays) } : put;
  const first = { ...publication, 's3:if-none-match': '*' };
  const next = { ...publication, 's3:if-match': '"etag"' };
  const without = (context: ConditionContext, ...keys: readonly string[]): ConditionContext =>
    Object.fromEntries(Object.entries(context).filter(([key]) => !keys.includes(key)));
  const throughS3 = {
    ...tls,
    'kms:ViaService': `s3.${region}.amazonaws.com`,
    'kms:EncryptionContext:aws:s3:arn': bucket,
  };
  const forLogs = (group: string) => ({
    ...tls,
    'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${region}:${accountId}:log-group:${group}`,
  });
  const object = (key: string) => `${bucket}/${key}`;
  const file = 'prod/3.9.1/config.json';

  const row = (
    action: string,
    resource: string,
    resourceArn: string,
    context: ConditionContext,
    when: string,
    ...allowed: readonly PrincipalName[]
  ): MatrixRow => ({ action, resource, when, allowed, resourceArn, context });
  const onObject = (
    action: string,
    key: string,
    context: ConditionContext,
    when: string,
    ...allowed: readonly PrincipalName[]
  ) => row(action, key, object(key), context, when, ...allowed);

  return [
    // Writing: the export of the control plane, encrypted with our key, and for files only conditionally.
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
    onObject('s3:PutObject', file, { ...next, 'aws:SecureTransport': 'false' }, 'without TLS'),
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

    // Reading: export, presign and the named readers of the control plane, and nobody else, administrators included.
    onObject('s3:GetObject', file, s3, '', 'export prod', 'presign prod', ...fileReaders),
    onObject('s3:GetObject', 'staging/3.9.1/config.json', s3, '', 'export staging', 'presign staging'),
    onObject('s3:GetObject', file, { ...s3, 'aws:SecureTransport': 'false' }, 'without TLS'),
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

    // Locking: without the setting there is nothing to lock, and whoever may do anything with S3 may ask for it in vain.
    ...(variant.objectLock
      ? [
          onObject('s3:PutObject', file, without(next, ...Object.keys(lock('', 0))), 'not locked'),
          onObject(
            's3:PutObject',
            file,
            { ...next, ...lock('COMPLIANCE', objectLockDays) },
            'locked for good',
          ),
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
        ]
      : []),

    // What a lock or a list of owners says is no content.
    ...['s3:GetObjectRetention', 's3:GetObjectLegalHold'].map((action) =>
      onObject(
        action,
        file,
        s3,
        '',
        'file reader prod',
        ...privileged,
        ...(variant.objectLock ? replication : []),
      ),
    ),
    ...['s3:GetObjectVersionAcl', 's3:GetObjectVersionTagging'].map((action) =>
      onObject(action, file, s3, '', 'file reader prod', ...privileged, ...replication),
    ),

    // Losing: nobody.
    onObject('s3:DeleteObject', file, s3, ''),
    onObject('s3:DeleteObjectVersion', file, s3, ''),
    onObject('s3:BypassGovernanceRetention', file, s3, ''),
    onObject('s3:UpdateObjectEncryption', file, s3, ''),

    // Whoever may change policies could open the doors above: without lockdown the account's own administrators, said plainly.
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
    ].map((action) => row(action, 'bucket', bucket, s3, '', ...mayOpenDoors)),
    ...['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].flatMap((action) => [
      row(action, 'encryption key', encryptionKey, tls, '', ...mayOpenDoors),
      row(action, 'signing key', signingKey, tls, '', ...mayOpenDoors),
    ]),

    // Keys.
    row(
      'kms:Decrypt',
      'encryption key',
      encryptionKey,
      throughS3,
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
      { ...throughS3, 'kms:EncryptionContext:aws:s3:arn': `${bucket}-other` },
      // Where nothing is encrypted with this key: nobody but the export may.
      'through S3, for another bucket',
      ...fileReaders,
    ),
    row(
      'kms:GenerateDataKey',
      'encryption key',
      encryptionKey,
      throughS3,
      'through S3, for the vault',
      'export prod',
      'export staging',
    ),
    row('kms:GenerateDataKey', 'encryption key', encryptionKey, tls, 'directly'),
    row('kms:Encrypt', 'encryption key', encryptionKey, tls, ''),
    row('kms:ReEncryptFrom', 'encryption key', encryptionKey, throughS3, 'through S3, for the vault'),
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

    // Asking for exports, secrets, grants.
    row('sqs:SendMessage', 'queue of prod', queue, tls, '', 'webhook', 'schedule prod', 'administrator'),
    row('sqs:SendMessage', 'queue of prod', queue, { 'aws:SecureTransport': 'false' }, 'without TLS'),
    // Lambda takes the messages as the export's role; the function puts back what it has not done.
    ...[
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:ChangeMessageVisibility',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
    ].map((action) => row(action, 'queue of prod', queue, tls, '', 'export prod', 'administrator')),
    row('sqs:PurgeQueue', 'queue of prod', queue, tls, '', 'administrator'),
    ...['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) =>
      row(action, 'log of the export of prod', exportLog, tls, '', 'export prod', 'administrator'),
    ),
    row('logs:GetLogEvents', 'log of the export of prod', exportLog, tls, '', 'administrator'),
    row(
      'secretsmanager:GetSecretValue',
      'hook secret of prod',
      hookSecret,
      tls,
      '',
      'webhook',
      'administrator',
    ),
    row(
      'secretsmanager:GetSecretValue',
      'cluster certificate of prod',
      certificate,
      tls,
      '',
      'export prod',
      'administrator',
    ),
    row(
      'secretsmanager:DescribeSecret',
      'hook secret of prod',
      hookSecret,
      tls,
      '',
      'webhook',
      'administrator',
    ),
    row('secretsmanager:PutSecretValue', 'hook secret of prod', hookSecret, tls, '', 'administrator'),
    row(
      'execute-api:Invoke',
      'grants of prod',
      grants('prod'),
      tls,
      '',
      'data plane prod',
      'reader prod',
      'administrator',
    ),
    row('execute-api:Invoke', 'grants of staging', grants('staging'), tls, '', 'administrator'),
    row(
      'execute-api:Invoke',
      'grants of prod, by POST',
      grants('prod', 'POST'),
      tls,
      '',
      // Open where there are cluster certificates: the function checks the assertion. Else there is no such route.
      ...(variant.clusterCertificate ? everybody : (['administrator'] as const)),
    ),
    row(
      'execute-api:Invoke',
      'grants of staging, by POST',
      grants('staging', 'POST'),
      tls,
      '',
      'administrator',
    ),
    row('execute-api:Invoke', 'below grants of prod', `${grants('prod')}/x`, tls, '', 'administrator'),
    row(
      'execute-api:Invoke',
      'below grants of prod, by POST',
      `${grants('prod', 'POST')}/x`,
      tls,
      '',
      'administrator',
    ),
    row(
      'lambda:InvokeFunction',
      'presign function of prod',
      presigner,
      tls,
      '',
      'data plane prod',
      'administrator',
    ),
    row('lambda:InvokeFunction', 'presign function of staging', otherPresigner, tls, '', 'administrator'),
    row(
      'lambda:InvokeFunction',
      'a version of the presign function of prod',
      `${presigner}:1`,
      tls,
      '',
      'administrator',
    ),
    row('lambda:InvokeFunction', 'export function of prod', exporter, tls, '', 'administrator'),
    row('sts:AssumeRole', 'reader role of prod', reader, tls, '', 'trusted account'),
    row('sts:AssumeRole', 'presign role of prod', names.principalArn('presign prod'), tls, ''),
    row('sts:AssumeRole', 'export role of prod', exportRole, tls, ''),

    // Whoever may change roles and functions could act as them: nothing in a bucket or key policy keeps that from an administrator.
    row('iam:UpdateAssumeRolePolicy', 'export role of prod', exportRole, tls, '', 'administrator'),
    row(
      'iam:PutRolePolicy',
      'presign role of prod',
      names.principalArn('presign prod'),
      tls,
      '',
      'administrator',
    ),
    row('lambda:UpdateFunctionCode', 'export function of prod', exporter, tls, '', 'administrator'),

    ...(names.replica === undefined
      ? []
      : replicaRows({
          vault: bucket,
          replica: names.replica,
          replicationRole: names.principalArn('replication'),
          presignRole: names.principalArn('second presign prod'),
          region: secondRegion,
          firstRegion: region,
          accountId,
          oldestSignatureMs,
          privileged,
          mayOpenDoors,
          ownFileReader,
        })),
  ];
}

/** A route of the HTTP API, as IAM policies name it: method and path without a space. */
export function routeArn(apiId: string, route: string): string {
  return `arn:aws:execute-api:${region}:${accountId}:${apiId}/$default/${route}`;
}
