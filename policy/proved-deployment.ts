import * as iam from 'aws-cdk-lib/aws-iam';
import type { LifeboatStack } from '../lib/deployment/lifeboat-stack.ts';
import { DataPlaneAuth } from '../lib/grants/data-plane-auth.ts';
import { parseSettings } from '../lib/settings/settings.ts';
import type { DeployedPolicies, PolicyDocument } from '../simulators/aws/iam.ts';
import { deployedPolicies } from '../template/deployed-policies.ts';
import { deployedOutput, type PhysicalNames } from '../template/resolve.ts';
import { synthesizedTemplate, synthesizedTemplates } from '../template/synthesized-stack.ts';
import { resourceId, type SynthesizedTemplate } from '../template/template.ts';
import { exampleCertificate } from './example-certificate.ts';
import { type ProvableKeyPolicy, provable } from './key-policy.ts';
import type { ReplicaNames } from './replica-rows.ts';

/** The deployment that is proved: what it is told, who acts on it, what its parts are called, and its policies. */

export const region = 'eu-central-1';
export const accountId = '111122223333';
/** Where the replica is, in the variant that has one. */
export const secondRegion = 'eu-west-1';
const strangersAccountId = '999988887777';
const trustedAccountId = '444455556666';
/** As many seconds as the settings below give a URL, and the tolerance of the bucket policy. */
export const oldestSignatureMs = (120 + 60) * 1000;

/** What a deployment may be told that changes who may do what. */
export interface Variant {
  /** With a break-glass role. @default false */
  readonly lockdown?: boolean;
  /** With an encryption key of the deployer's. @default false */
  readonly existingKey?: boolean;
  /** That key's own policy, of this account. @default the one that AWS gives to new keys, with the statements that the deployment asks for */
  readonly keyPolicy?: PolicyDocument;
  /** With locked versions. @default false */
  readonly objectLock?: boolean;
  /** With cluster certificates beside IAM, for prod. @default false */
  readonly clusterCertificate?: boolean;
  /** With readers of files. @default true */
  readonly fileReaders?: boolean;
  /** With a replica in a second region. @default false */
  readonly replica?: boolean;
}

/** What a deployment is synthesized to. */
export interface MatrixTemplate extends SynthesizedTemplate {
  /** @default there is no second region */
  readonly replica?: SynthesizedTemplate;
}

const lockdown = {
  breakGlassRoleArn: `arn:aws:iam::${accountId}:role/break-glass`,
  deploymentRoleArn: `arn:aws:iam::${accountId}:role/deployment`,
};
const fileReaderArn = `arn:aws:iam::${accountId}:role/auditor`;
const foreignFileReaderArn = `arn:aws:iam::${trustedAccountId}:role/backup`;
export const objectLockDays = 30;
const byCertificate = DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] });
const existingKeyArn = `arn:aws:kms:${region}:${accountId}:key/01234567-89ab-cdef-0123-456789abcdef`;

export const everyday = [
  'export prod',
  'export staging',
  'presign prod',
  'presign staging',
  'webhook',
  'schedule prod',
  'data plane prod',
  'reader prod',
  'trusted account',
  'file reader prod',
  'foreign file reader prod',
  'administrator',
  's3 and kms role',
  'other account',
  'anonymous',
  'CloudWatch Logs',
] as const;
export const keepers = ['break-glass role', 'deployment role'] as const;
export const ofReplica = ['replication', 'second presign prod', 'second presign staging', 'S3'] as const;

export type PrincipalName = (typeof everyday | typeof keepers | typeof ofReplica)[number];

/** The deployment that the matrix is about, with a data plane's role beside it that is allowed what data planes need. */
export function matrixTemplate(variant: Variant = {}): MatrixTemplate {
  const settings = parseSettings({
    controlPlanes: {
      prod: {
        clusterEndpoint: 'kong-cp.example.com:8005',
        dataPlaneVersions: ['3.9.1'],
        readerRoleTrust: [trustedAccountId],
        ...(variant.fileReaders === false
          ? {}
          : { fileReaderRoleArns: [fileReaderArn, foreignFileReaderArn] }),
        ...(variant.clusterCertificate
          ? { dataPlaneAuth: DataPlaneAuth.anyOf(DataPlaneAuth.iam(), byCertificate) }
          : {}),
      },
      staging: { clusterEndpoint: 'kong-staging.example.com:8005', dataPlaneVersions: ['3.9.1'] },
    },
    ...(variant.lockdown ? { lockdown } : {}),
    ...(variant.existingKey ? { encryptionKeyArn: existingKeyArn } : {}),
    ...(variant.objectLock ? { objectLockDays } : {}),
  });
  const withDataPlane = (stack: LifeboatStack): iam.Role => {
    const role = new iam.Role(stack, 'DataPlaneProd', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });
    stack.lifeboat.grantBootstrap(role, 'prod');
    stack.lifeboat.grantInvoke(role, 'prod');
    return role;
  };
  if (!variant.replica) {
    return synthesizedTemplate(settings, withDataPlane);
  }
  const { template, replica } = synthesizedTemplates(
    settings,
    { first: region, second: secondRegion },
    (stack, second) => {
      const role = withDataPlane(stack);
      second.replica.grantBootstrap(role, 'prod');
      second.replica.grantInvoke(role, 'prod');
    },
  );
  return { ...template, replica };
}

/** Everything that decides in the matrix's account but what its own people are allowed. */
export function matrixPolicies(template: MatrixTemplate, variant: Variant = {}): DeployedPolicies {
  return policiesWithKey(template, variant).policies;
}

export function policiesWithKey(
  template: MatrixTemplate,
  variant: Variant,
): { readonly policies: DeployedPolicies; readonly key: Omit<ProvableKeyPolicy, 'policy'> } {
  const { of: namesOf, ofReplica: namesInReplica } = physicalNames(template, variant);
  const second = { region: secondRegion, accountId, namesOf: namesInReplica };
  const { replica = nothing } = template;
  const deployment = {
    region,
    accountId,
    namesOf,
    outputOf: (_stack: string, output: string) => deployedOutput(replica, output, second),
  };
  const policies = together(deployedPolicies(template, deployment), deployedPolicies(replica, second));
  if (!variant.existingKey) {
    return { policies, key: { principals: [], faults: [] } };
  }
  const asked = JSON.parse(
    deployedOutput(template, 'EncryptionKeyStatements', deployment),
  ) as readonly unknown[];
  const { policy, ...key } = provable(
    variant.keyPolicy ?? { Version: '2012-10-17', Statement: [accountDecides, ...asked] },
    asked,
  );
  return {
    policies: {
      ofRoles: policies.ofRoles,
      ofResources: new Map([...policies.ofResources, [existingKeyArn, policy]]),
    },
    key,
  };
}

const nothing: SynthesizedTemplate = { Resources: {}, Outputs: {} };

function together(...all: readonly DeployedPolicies[]): DeployedPolicies {
  return {
    ofRoles: new Map(all.flatMap(({ ofRoles }) => [...ofRoles])),
    ofResources: new Map(all.flatMap(({ ofResources }) => [...ofResources])),
  };
}

/** What AWS puts into the policy of a new key: the account's IAM policies decide. */
const accountDecides = {
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${accountId}:root` },
  Action: 'kms:*',
  Resource: '*',
};

export interface MatrixNames {
  readonly of: (logicalId: string, type: string) => PhysicalNames;
  readonly ofReplica: (logicalId: string, type: string) => PhysicalNames;
  readonly principalArn: (principal: PrincipalName) => string;
  /** ARN of the one resource of a type whose logical id begins so. */
  readonly arn: (type: string, start: string) => string;
  readonly apiId: string;
  readonly encryptionKeyArn: string;
  /** Those of the replica; undefined where there is none. */
  readonly replica: ReplicaNames | undefined;
}

type NamesOf = MatrixNames['of'];

/** Names as CloudFormation would make them in a region. `prefix` keeps apart what has the same logical id in two stacks. */
function namesIn(of: string, { Resources }: SynthesizedTemplate, prefix: string): NamesOf {
  const services: Readonly<Record<string, string>> = {
    'AWS::IAM::Role': `arn:aws:iam::${accountId}:role/`,
    'AWS::Lambda::Function': `arn:aws:lambda:${of}:${accountId}:function:`,
    'AWS::KMS::Key': `arn:aws:kms:${of}:${accountId}:key/`,
    'AWS::S3::Bucket': 'arn:aws:s3:::',
    'AWS::SQS::Queue': `arn:aws:sqs:${of}:${accountId}:`,
    'AWS::SecretsManager::Secret': `arn:aws:secretsmanager:${of}:${accountId}:secret:`,
    'AWS::Logs::LogGroup': `arn:aws:logs:${of}:${accountId}:log-group:`,
  };
  return (logicalId, type) => {
    const id = `${prefix}${logicalId}`;
    const chosen = Resources[logicalId]?.Properties['RoleName'];
    const name = typeof chosen === 'string' ? chosen : type === 'AWS::S3::Bucket' ? id.toLowerCase() : id;
    // CloudFormation gives the ARN of a log group with all of its streams.
    const streams = type === 'AWS::Logs::LogGroup' ? ':*' : '';
    const arn = `${services[type] ?? `arn:aws:other:${of}:${accountId}:`}${name}${streams}`;
    return { arn, ref: type === 'AWS::SecretsManager::Secret' ? arn : name };
  };
}

export function physicalNames(template: MatrixTemplate, { existingKey }: Variant): MatrixNames {
  const of = namesIn(region, template, '');
  const { replica } = template;
  const ofReplica = namesIn(secondRegion, replica ?? nothing, 'second-');
  const inReplica = (type: string, start: string) =>
    replica === undefined ? 'no replica' : ofReplica(resourceId(replica, type, start), type).arn;
  const arn = (type: string, start: string) => of(resourceId(template, type, start), type).arn;
  const role = (start: string) => arn('AWS::IAM::Role', start);
  const arns: Readonly<Record<PrincipalName, string>> = {
    'export prod': role('ExportRoleprod'),
    'export staging': role('ExportRolestaging'),
    'presign prod': role('PresignRoleprod'),
    'presign staging': role('PresignRolestaging'),
    webhook: role('IntakeRole'),
    'schedule prod': role('ExportprodScheduleRole'),
    'data plane prod': role('DataPlaneProd'),
    'reader prod': role('ReaderRoleprod'),
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
    'second presign prod': inReplica('AWS::IAM::Role', 'PresignRoleprod'),
    'second presign staging': inReplica('AWS::IAM::Role', 'PresignRolestaging'),
    S3: 's3.amazonaws.com',
  };
  return {
    of,
    ofReplica,
    replica:
      replica === undefined
        ? undefined
        : {
            bucket: inReplica('AWS::S3::Bucket', 'ReplicaBucket'),
            encryptionKey: inReplica('AWS::KMS::Key', 'ReplicaEncryptionKey'),
            presigner: inReplica('AWS::Lambda::Function', 'PresignprodFunction'),
            apiId: ofReplica(resourceId(replica, 'AWS::ApiGatewayV2::Api', 'ApiHttpApi'), '').ref,
          },
    arn,
    apiId: resourceId(template, 'AWS::ApiGatewayV2::Api', 'ApiHttpApi'),
    encryptionKeyArn: existingKey ? existingKeyArn : arn('AWS::KMS::Key', 'VaultEncryptionKey'),
    principalArn: (principal) => arns[principal],
  };
}

/** Policies of those that the deployment knows nothing of. */
export function outsiders(names: MatrixNames): ReadonlyMap<string, readonly PolicyDocument[]> {
  const allow = (...actions: readonly string[]): readonly PolicyDocument[] => [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] },
  ];
  return new Map([
    [names.principalArn('administrator'), allow('*')],
    [names.principalArn('s3 and kms role'), allow('s3:*', 'kms:*')],
    // Broader than they need: what of this is closed to them, the deployment closes.
    [fileReaderArn, allow('s3:Get*', 's3:List*', 'kms:Decrypt', 'kms:ReEncrypt*')],
    [foreignFileReaderArn, allow('s3:Get*', 's3:List*', 'kms:Decrypt', 'kms:ReEncrypt*')],
    ...keepers.map((keeper) => [names.principalArn(keeper), allow('s3:*', 'kms:*')] as const),
    [names.principalArn('other account'), allow('*')],
    [names.principalArn('trusted account'), allow('*')],
  ]);
}
