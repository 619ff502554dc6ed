import type { MatrixNames } from '../names.ts';
import { noTls, tls } from './requests.ts';
import { type MatrixRow, row } from './row.ts';

/** The queue, the logs and the secrets of a control plane. */
export function serviceRows(names: MatrixNames): readonly MatrixRow[] {
  const queue = names.arnOf('AWS::SQS::Queue', 'ExportprodQueue');
  const exportLog = names
    .arnOf('AWS::Logs::LogGroup', 'ExportprodFunctionLog')
    .replace(/\*$/, 'log-stream:a');
  const hookSecret = names.arnOf('AWS::SecretsManager::Secret', 'ExportprodHookSecret');
  const certificate = names.arnOf('AWS::SecretsManager::Secret', 'ExportprodClusterCertificate');

  return [
    row('sqs:SendMessage', 'queue of prod', queue, tls, '', 'webhook', 'schedule prod', 'administrator'),
    row('sqs:SendMessage', 'queue of prod', queue, noTls, 'without TLS'),
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
  ];
}
