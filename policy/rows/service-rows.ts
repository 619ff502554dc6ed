import type { MatrixNames } from '../names.ts';
import { noTls, tls } from './requests.ts';
import { type MatrixRow, rowsAbout } from './row.ts';

/** The queue, the logs and the secrets of a control plane. */
export function serviceRows(names: MatrixNames): readonly MatrixRow[] {
  const onQueue = rowsAbout('queue of prod', names.arnOf('AWS::SQS::Queue', 'ExportprodQueue'));
  const onLogOf = (what: string, start: string) =>
    rowsAbout(
      `log of the ${what} of prod`,
      names.arnOf('AWS::Logs::LogGroup', start).replace(/\*$/, 'log-stream:a'),
    );
  const onLog = onLogOf('export', 'ExportprodFunctionLog');
  const onListenerLog = onLogOf('listener', 'ListenprodFunctionLog');
  const onInspectorLog = onLogOf('inspect function', 'InspectprodFunctionLog');
  const onSecret = (what: string, start: string) =>
    rowsAbout(what, names.arnOf('AWS::SecretsManager::Secret', start));
  const onHookSecret = onSecret('hook secret of prod', 'ExportprodHookSecret');
  const onCertificate = onSecret('cluster certificate of prod', 'ExportprodClusterCertificate');

  return [
    onQueue(
      'sqs:SendMessage',
      tls,
      '',
      ...(['export prod', 'webhook', 'schedule prod', 'listener prod', 'administrator'] as const),
    ),
    onQueue('sqs:SendMessage', noTls, 'without TLS'),
    // Lambda takes the messages as the export's role; the function puts back what it has not done.
    ...[
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:ChangeMessageVisibility',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
    ].map((action) => onQueue(action, tls, '', 'export prod', 'administrator')),
    onQueue('sqs:PurgeQueue', tls, '', 'administrator'),
    onLog('logs:CreateLogStream', tls, '', 'export prod', 'administrator'),
    onLog('logs:PutLogEvents', tls, '', 'export prod', 'administrator'),
    onLog('logs:GetLogEvents', tls, '', 'administrator'),
    onListenerLog('logs:CreateLogStream', tls, '', 'listener prod', 'administrator'),
    onListenerLog('logs:PutLogEvents', tls, '', 'listener prod', 'administrator'),
    onInspectorLog('logs:CreateLogStream', tls, '', 'inspect prod', 'administrator'),
    onInspectorLog('logs:PutLogEvents', tls, '', 'inspect prod', 'administrator'),
    onInspectorLog('logs:GetLogEvents', tls, '', 'administrator'),
    // The last drill stands in its own log.
    onInspectorLog('logs:FilterLogEvents', tls, '', 'inspect prod', 'administrator'),
    onLog('logs:FilterLogEvents', tls, '', 'administrator'),
    onHookSecret('secretsmanager:GetSecretValue', tls, '', 'webhook', 'administrator'),
    onCertificate('secretsmanager:GetSecretValue', tls, '', 'export prod', 'listener prod', 'administrator'),
    onCertificate('secretsmanager:PutSecretValue', tls, '', 'administrator'),
    onHookSecret('secretsmanager:DescribeSecret', tls, '', 'webhook', 'administrator'),
    onHookSecret('secretsmanager:PutSecretValue', tls, '', 'administrator'),
  ];
}
