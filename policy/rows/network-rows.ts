import type { PolicyDocument } from '../../simulators/aws/iam.ts';
import { accountId, region, type Variant } from '../deployment.ts';
import { type MatrixNames, routeArn } from '../names.ts';
import type { PrincipalName } from '../principals.ts';
import { principalGroups } from './groups.ts';
import { file, noTls, s3, tls } from './requests.ts';
import { type MatrixRow, rowsAbout, rowsOfObjects } from './row.ts';

/** What calls by itself: API Gateway and CloudTrail; and what a network lets through. */
export function networkRows(
  names: MatrixNames,
  variant: Variant,
  endpoints: ReadonlyMap<string, PolicyDocument>,
): readonly MatrixRow[] {
  return variant.network
    ? [
        ...functionRows(names),
        ...interfaceRows(),
        ...trailRows(names, variant),
        ...endpointRows(names, endpoints),
      ]
    : [];
}

/** A function is called by the routes of this API that are its own, and by no other API. */
function functionRows(names: MatrixNames): readonly MatrixRow[] {
  const invoked = (
    what: string,
    start: string,
    route: string,
    others: readonly PrincipalName[] = ['administrator'],
  ): readonly MatrixRow[] => {
    const on = rowsAbout(what, names.arnOf('AWS::Lambda::Function', start));
    const by = (arn: string) => ({ ...tls, 'aws:SourceArn': arn });
    const action = 'lambda:InvokeFunction';
    const otherPath = route.replace('prod', 'staging/x').replace(/events$/, 'x');
    return [
      on(action, by(routeArn(names.apiId, route)), 'for its route', ...others, 'API Gateway'),
      on(action, by(routeArn('another-api', route)), 'for another API', ...others),
      on(action, by(routeArn(names.apiId, otherPath)), 'for another route', ...others),
      on(action, tls, 'for no route that is named', ...others),
    ];
  };
  const of = (path: string) => `control-planes/prod/${path}`;
  const data: readonly PrincipalName[] = ['data plane prod', 'administrator'];
  const inspecting: readonly PrincipalName[] = ['drills’ schedule', 'administrator'];
  return [
    ...invoked('presign function of prod', 'PresignprodFunction', `GET/${of('fallback-config')}`, data),
    ...invoked('export function of prod', 'ExportprodFunction', `POST/${of('commands/{command}')}`),
    ...invoked('inspect function of prod', 'InspectprodFunction', `GET/${of('inspect')}`, inspecting),
    ...invoked('webhook', 'IntakeFunction', `POST/${of('events')}`),
  ];
}

/** Lambda attaches the functions that reach a private control plane, and their code attaches nothing. */
function interfaceRows(): readonly MatrixRow[] {
  const on = rowsAbout(
    'network interfaces',
    `arn:aws:ec2:${region}:${accountId}:network-interface/eni-0000000a`,
  );
  const fromCode = {
    ...tls,
    'lambda:SourceFunctionArn': `arn:aws:lambda:${region}:${accountId}:function:Lifeboat-any`,
  };
  // These two know no resource.
  const onAll = rowsAbout('networks', '*');
  const attached = ['export prod', 'export staging', 'listener prod'] as const;
  const actions = [
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  return [
    ...actions.flatMap((action) => [
      on(action, tls, 'by Lambda', ...attached, 'administrator'),
      on(action, fromCode, 'from a function’s code', 'administrator'),
    ]),
    ...['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'].flatMap((action) => [
      onAll(action, tls, 'by Lambda', ...attached, 'administrator'),
      onAll(action, fromCode, 'from a function’s code', 'administrator'),
    ]),
    on('ec2:AttachNetworkInterface', tls, 'by Lambda', 'administrator'),
  ];
}

/** The log of data events is CloudTrail's, for this trail and this account. */
function trailRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const { privileged, ownFileReader } = principalGroups(variant);
  const bucket = names.arnOf('AWS::S3::Bucket', 'DataEventsLog');
  const onBucket = rowsAbout('log of data events', bucket);
  const on = rowsOfObjects(bucket, (key) => `${key} in the log of data events`);
  const by = (trail: string) => ({
    ...s3,
    'aws:SourceArn': `arn:aws:cloudtrail:${region}:${accountId}:trail/${trail}`,
  });
  const [ours, other] = [by('Lifeboat-vault'), by('another')];
  const key = `AWSLogs/${accountId}/CloudTrail/a.json.gz`;
  const readers = [...privileged, ...ownFileReader];
  return [
    onBucket('s3:GetBucketAcl', ours, 'for the trail', 'CloudTrail', ...readers),
    onBucket('s3:GetBucketAcl', other, 'for another trail', ...readers),
    on(key, 's3:PutObject', ours, 'for the trail', 'CloudTrail', ...privileged),
    on(key, 's3:PutObject', other, 'for another trail', ...privileged),
    on(key, 's3:PutObject', { ...ours, ...noTls }, 'for the trail, without TLS'),
    on('AWSLogs/999988887777/a.json.gz', 's3:PutObject', ours, 'for the trail', ...privileged),
    on(key, 's3:GetObject', ours, 'for the trail', ...readers),
    on(key, 's3:DeleteObject', ours, 'for the trail', ...privileged),
  ];
}

/** What an endpoint does not let through reaches nobody, whatever other policies allow. */
function endpointRows(
  names: MatrixNames,
  endpoints: ReadonlyMap<string, PolicyDocument>,
): readonly MatrixRow[] {
  const through = (start: string, rows: readonly MatrixRow[]) => {
    const [, endpointPolicy] = [...endpoints].find(([id]) => id.startsWith(`Endpointsprod${start}`)) ?? [];
    if (endpointPolicy === undefined) {
      throw new Error(`the network of prod has no endpoint ${start}`);
    }
    return rows.map((row) => ({
      ...row,
      when: [row.when, 'through the endpoint'].filter((word) => word !== '').join(', '),
      endpointPolicy,
    }));
  };
  const queue = rowsAbout('queue of prod', names.arnOf('AWS::SQS::Queue', 'ExportprodQueue'));
  const otherQueue = rowsAbout('another queue', `arn:aws:sqs:${region}:${accountId}:other`);
  const secretOf = (what: string, start: string) =>
    rowsAbout(what, names.arnOf('AWS::SecretsManager::Secret', start));
  const certificate = secretOf('cluster certificate of prod', 'ExportprodClusterCertificate');
  const hookSecret = secretOf('hook secret of prod', 'ExportprodHookSecret');
  const signingKey = rowsAbout('signing key', names.arnOf('AWS::KMS::Key', 'VaultSigningKey'));
  const logKey = rowsAbout('key of the logs', names.arnOf('AWS::KMS::Key', 'LogKey'));
  const vault = rowsOfObjects(names.arnOf('AWS::S3::Bucket', 'VaultBucket'));
  const log = rowsOfObjects(names.arnOf('AWS::S3::Bucket', 'DataEventsLog'), () => 'log of data events');
  const read = 'secretsmanager:GetSecretValue';
  return [
    ...through('Sqs', [
      queue(
        'sqs:SendMessage',
        tls,
        '',
        ...(['export prod', 'webhook', 'schedule prod', 'listener prod', 'administrator'] as const),
      ),
      queue('sqs:PurgeQueue', tls, ''),
      otherQueue('sqs:SendMessage', tls, ''),
    ]),
    ...through('SecretsManager', [
      certificate(read, tls, '', 'export prod', 'listener prod', 'administrator'),
      certificate('secretsmanager:PutSecretValue', tls, ''),
      hookSecret(read, tls, ''),
    ]),
    ...through('Kms', [
      signingKey('kms:Sign', tls, '', 'export prod', 'export staging'),
      signingKey('kms:PutKeyPolicy', tls, ''),
      logKey('kms:Decrypt', tls, ''),
    ]),
    ...through('S3', [
      vault(
        file,
        's3:GetObject',
        s3,
        '',
        ...(['export prod', 'presign prod', 'inspect prod'] as const),
        ...(['file reader prod', 'foreign file reader prod'] as const),
      ),
      vault(file, 's3:GetObjectAttributes', s3, ''),
      log('AWSLogs/a', 's3:GetObject', s3, ''),
      log('AWSLogs/a', 's3:PutObject', s3, ''),
    ]),
  ];
}
