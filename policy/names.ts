/** What the parts and principals of the deployment that is proved are called. */
import { findChosenName, type PhysicalNames } from '../template/resolve.ts';
import { resourceId, type SynthesizedTemplate } from '../template/template.ts';
import {
  accountId,
  existingKeyArn,
  fileReaderArn,
  foreignFileReaderArn,
  lockdown,
  type MatrixTemplate,
  region,
  secondRegion,
  trustedAccountId,
  type Variant,
} from './deployment.ts';
import type { PrincipalName } from './principals.ts';

const strangersAccountId = '999988887777';

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

export interface MatrixNames {
  readonly namesOf: (logicalId: string, type: string) => PhysicalNames;
  readonly namesInReplica: (logicalId: string, type: string) => PhysicalNames;
  readonly principalArn: (principal: PrincipalName) => string;
  /** ARN of the one resource of a type whose logical id begins so. */
  readonly arnOf: (type: string, start: string) => string;
  readonly apiId: string;
  readonly encryptionKeyArn: string;
  /** Those of the replica; undefined where there is none. */
  readonly replica: ReplicaNames | undefined;
}

type NamesOf = MatrixNames['namesOf'];

/**
 * Names as CloudFormation would make them in a region.
 *
 * @param prefix keeps apart what has the same logical id in two stacks
 */
function namesIn(inRegion: string, template: SynthesizedTemplate, prefix: string): NamesOf {
  const services: Readonly<Record<string, string>> = {
    'AWS::IAM::Role': `arn:aws:iam::${accountId}:role/`,
    'AWS::Lambda::Function': `arn:aws:lambda:${inRegion}:${accountId}:function:`,
    'AWS::KMS::Key': `arn:aws:kms:${inRegion}:${accountId}:key/`,
    'AWS::S3::Bucket': 'arn:aws:s3:::',
    'AWS::SQS::Queue': `arn:aws:sqs:${inRegion}:${accountId}:`,
    'AWS::SecretsManager::Secret': `arn:aws:secretsmanager:${inRegion}:${accountId}:secret:`,
    'AWS::Logs::LogGroup': `arn:aws:logs:${inRegion}:${accountId}:log-group:`,
  };
  return (logicalId, type) => {
    const id = `${prefix}${logicalId}`;
    const chosen = findChosenName(template, logicalId, 'RoleName', { region: inRegion, accountId });
    const name = chosen ?? (type === 'AWS::S3::Bucket' ? id.toLowerCase() : id);
    // CloudFormation gives the ARN of a log group with all of its streams.
    const streams = type === 'AWS::Logs::LogGroup' ? ':*' : '';
    const arn = `${services[type] ?? `arn:aws:other:${inRegion}:${accountId}:`}${name}${streams}`;
    return { arn, ref: type === 'AWS::SecretsManager::Secret' ? arn : name };
  };
}

/** A template without anything in it. */
export const emptyTemplate: SynthesizedTemplate = { Resources: {}, Outputs: {} };

export function physicalNames(template: MatrixTemplate, { existingKey }: Variant): MatrixNames {
  const namesOf = namesIn(region, template, '');
  const { replica } = template;
  const namesInReplica = namesIn(secondRegion, replica ?? emptyTemplate, 'second-');
  const arnInReplica = (type: string, start: string) =>
    replica === undefined ? 'no replica' : namesInReplica(resourceId(replica, type, start), type).arn;
  const arnOf = (type: string, start: string) => namesOf(resourceId(template, type, start), type).arn;
  const arns = principalArns(
    (start) => arnOf('AWS::IAM::Role', start),
    (start) => arnInReplica('AWS::IAM::Role', start),
  );
  return {
    namesOf,
    namesInReplica,
    replica:
      replica === undefined
        ? undefined
        : {
            bucket: arnInReplica('AWS::S3::Bucket', 'ReplicaBucket'),
            encryptionKey: arnInReplica('AWS::KMS::Key', 'ReplicaEncryptionKey'),
            presigner: arnInReplica('AWS::Lambda::Function', 'PresignprodFunction'),
            apiId: namesInReplica(resourceId(replica, 'AWS::ApiGatewayV2::Api', 'ApiHttpApi'), '').ref,
          },
    arnOf,
    apiId: resourceId(template, 'AWS::ApiGatewayV2::Api', 'ApiHttpApi'),
    encryptionKeyArn: existingKey ? existingKeyArn : arnOf('AWS::KMS::Key', 'VaultEncryptionKey'),
    principalArn: (principal) => arns[principal],
  };
}

function principalArns(
  role: (start: string) => string,
  roleInReplica: (start: string) => string,
): Readonly<Record<PrincipalName, string>> {
  return {
    'export prod': role('ExportRoleprod'),
    'export staging': role('ExportRolestaging'),
    'presign prod': role('PresignRoleprod'),
    'presign staging': role('PresignRolestaging'),
    'inspect prod': role('InspectRoleprod'),
    'inspect staging': role('InspectRolestaging'),
    webhook: role('IntakeRole'),
    'schedule prod': role('ExportprodScheduleRole'),
    'drills’ schedule': role('DrillsScheduleRole'),
    'listener prod': role('ListenprodRole'),
    'listener’s schedule prod': role('ListenprodScheduleRole'),
    'data plane prod': role('DataPlaneProd'),
    'reader prod': role('ReaderRoleprod'),
    'operator prod': role('OperatorProd'),
    'unpinner prod': role('UnpinnerProd'),
    'inspector prod': role('InspectorProd'),
    'revision fetcher prod': role('RevisionFetcherProd'),
    'trusted account': `arn:aws:iam::${trustedAccountId}:role/data-plane`,
    'file reader prod': fileReaderArn,
    'foreign file reader prod': foreignFileReaderArn,
    administrator: `arn:aws:iam::${accountId}:role/administrator`,
    's3 and kms role': `arn:aws:iam::${accountId}:role/s3-and-kms`,
    'other account': `arn:aws:iam::${strangersAccountId}:role/administrator`,
    anonymous: 'anonymous',
    'CloudWatch Logs': `logs.${region}.amazonaws.com`,
    'break-glass role': lockdown.breakGlassRoleArn,
    'deployment role': lockdown.deploymentRoleArn,
    replication: `arn:aws:iam::${accountId}:role/Lifeboat-to-${secondRegion}`,
    'second presign prod': roleInReplica('PresignRoleprod'),
    'second presign staging': roleInReplica('PresignRolestaging'),
    S3: 's3.amazonaws.com',
    'API Gateway': 'apigateway.amazonaws.com',
    CloudTrail: 'cloudtrail.amazonaws.com',
  };
}

/** A route of the HTTP API, as IAM policies name it: method and path without a space. */
export function routeArn(apiId: string, route: string, inRegion: string = region): string {
  return `arn:aws:execute-api:${inRegion}:${accountId}:${apiId}/$default/${route}`;
}
