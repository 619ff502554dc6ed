import * as iam from 'aws-cdk-lib/aws-iam';
import * as v from 'valibot';
import { DataPlaneAuth } from '../../lib/data-plane-auth.ts';
import type { LifeboatStack } from '../../lib/lifeboat-stack.ts';
import { parseSettings } from '../../lib/settings.ts';
import { type AccessRequest, authorizer, type ConditionContext } from './authorizer.ts';
import {
  type DeployedPolicies,
  deployedOutput,
  deployedPolicies,
  type PhysicalNames,
  type PolicyDocument,
} from './deployed-policies.ts';
import { exampleCertificate } from './example-certificate.ts';
import { type ProvableKeyPolicy, provable } from './key-policy.ts';
import { type ReplicaNames, replicaRows } from './replica-rows.ts';
import { misspellings } from './spelling.ts';
import {
  resourceId,
  type SynthesizedTemplate,
  synthesizedTemplate,
  synthesizedTemplates,
} from './synthesized-stack.ts';

/**
 * Who may do what: everything that a security review asks of the deployment, as rows of action × resource × context, each with those who are
 * allowed. Whoever is not named in a row must be refused.
 */

export const region = 'eu-central-1';
export const accountId = '111122223333';
/** Where the replica is, in the variant that has one. */
export const secondRegion = 'eu-west-1';
const strangersAccountId = '999988887777';
const trustedAccountId = '444455556666';
/** As many seconds as the settings below give a URL, and the tolerance of the bucket policy. */
const oldestSignatureMs = (120 + 60) * 1000;

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
const objectLockDays = 30;
const byCertificate = DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] });
const existingKeyArn = `arn:aws:kms:${region}:${accountId}:key/01234567-89ab-cdef-0123-456789abcdef`;

const everyday = [
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
const keepers = ['break-glass role', 'deployment role'] as const;
const ofReplica = ['replication', 'second presign prod', 'second presign staging', 'S3'] as const;

export type PrincipalName = (typeof everyday | typeof keepers | typeof ofReplica)[number];

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

export interface MatrixCell {
  readonly row: MatrixRow;
  /** One of the matrix's own, or whom a key policy names. */
  readonly principal: string;
  readonly expected: boolean;
  readonly allowed: boolean;
  readonly reason: string;
}

export interface Matrix {
  readonly rows: readonly MatrixRow[];
  readonly cells: readonly MatrixCell[];
  /** Cells that are not as expected. */
  readonly unexpected: readonly MatrixCell[];
  /** Condition keys of rows that no evaluation took into account: such a row would prove nothing. */
  readonly ignoredKeys: readonly string[];
  /** Actions, operators and keys of the policies that do not exist. */
  readonly misspellings: readonly string[];
  /** What of the deployment's statements a given key policy lacks. */
  readonly keyPolicyFaults: readonly string[];
}

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

/** Evaluates every row for every principal against the policies of the synthesized template. */
export async function evaluateMatrix(
  template: MatrixTemplate = matrixTemplate(),
  variant: Variant = {},
): Promise<Matrix> {
  const names = physicalNames(template, variant);
  const { policies, key } = policiesWithKey(template, variant);
  const authorize = authorizer({ policies, accountId, others: outsiders(names) });
  const principals: readonly PrincipalName[] = [
    ...everyday,
    ...(variant.lockdown ? keepers : []),
    ...(variant.replica ? ofReplica : []),
  ];
  const rows = matrixRows(names, variant);
  const ignored = new Set<string>();
  const cells: MatrixCell[] = [];
  const openRoutes = openRoutesOf(template, names.apiId);
  const evaluate = async (row: MatrixRow, principal: string, arn: string, isExpected: Expectation) => {
    const { allowed, reason, ignoredKeys } = openRoutes.has(row.resourceArn)
      ? { allowed: true, reason: 'IAM is not asked on this route', ignoredKeys: [] }
      : await authorize(requestOf(row, arn));
    for (const ignoredKey of ignoredKeys) {
      ignored.add(`${row.action} on ${row.resource}: ${ignoredKey}`);
    }
    cells.push({ row, principal, expected: isExpected(allowed), allowed, reason });
  };
  for (const row of rows) {
    for (const principal of principals) {
      const isNamed = row.allowed.includes(principal);
      // Whoever has a key of their own may keep it from their own people.
      const mayBeRefused = variant.keyPolicy !== undefined && isOfAccount(principal);
      await evaluate(row, principal, names.principalArn(principal), (allowed) =>
        isNamed && mayBeRefused ? allowed : isNamed,
      );
    }
    if (row.resourceArn === names.encryptionKeyArn) {
      for (const arn of key.principals) {
        // They may manage the key; what it protects is not for them.
        await evaluate(row, arn, arn, (allowed) => managesKey(row.action) && allowed);
      }
    }
  }
  return {
    rows,
    cells,
    unexpected: cells.filter(({ expected, allowed }) => expected !== allowed),
    ignoredKeys: [...ignored],
    misspellings: await misspellings(policies),
    keyPolicyFaults: key.faults,
  };
}

/** Where API Gateway lets everybody through, and the function itself looks who it is. */
function openRoutesOf({ Resources }: SynthesizedTemplate, apiId: string): ReadonlySet<string> {
  const route = v.object({ RouteKey: v.string(), AuthorizationType: v.literal('NONE') });
  const open = Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::ApiGatewayV2::Route')
    .flatMap(({ Properties }) => {
      const read = v.safeParse(route, Properties);
      return read.success ? [read.output.RouteKey] : [];
    });
  return new Set(open.map((routeKey) => routeArn(apiId, routeKey.replace(' ', ''))));
}

function routeArn(apiId: string, route: string): string {
  return `arn:aws:execute-api:${region}:${accountId}:${apiId}/$default/${route}`;
}

/** What is right, where that may depend on what is. */
type Expectation = (allowed: boolean) => boolean;

/** Principals whose rights are the account's own business. */
function isOfAccount(principal: PrincipalName): boolean {
  return ['administrator', 's3 and kms role', ...keepers].includes(principal);
}

function managesKey(action: string): boolean {
  return ['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].includes(action);
}

/** Everything that decides in the matrix's account but what its own people are allowed. */
export function matrixPolicies(template: MatrixTemplate, variant: Variant = {}): DeployedPolicies {
  return policiesWithKey(template, variant).policies;
}

function policiesWithKey(
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

function requestOf(row: MatrixRow, principalArn: string): AccessRequest {
  return { principalArn, action: row.action, resourceArn: row.resourceArn, context: row.context };
}

interface MatrixNames {
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
  };
  return (logicalId, type) => {
    const id = `${prefix}${logicalId}`;
    const chosen = Resources[logicalId]?.Properties['RoleName'];
    const name = typeof chosen === 'string' ? chosen : type === 'AWS::S3::Bucket' ? id.toLowerCase() : id;
    const arn = `${services[type] ?? `arn:aws:other:${of}:${accountId}:`}${name}`;
    return { arn, ref: type === 'AWS::SecretsManager::Secret' ? arn : name };
  };
}

function physicalNames(template: MatrixTemplate, { existingKey }: Variant): MatrixNames {
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
function outsiders(names: MatrixNames): ReadonlyMap<string, readonly PolicyDocument[]> {
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

function matrixRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
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
  const otherPresigner = names.arn('AWS::Lambda::Function', 'PresignstagingFunction');
  const grants = (controlPlane: string, method: 'GET' | 'POST' = 'GET') =>
    routeArn(names.apiId, `${method}/control-planes/${controlPlane}/fallback-config`);
  const everybody: readonly PrincipalName[] = variant.lockdown ? [...everyday, ...keepers] : everyday;

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

    // Asking for exports, secrets, grants.
    row('sqs:SendMessage', 'queue of prod', queue, tls, '', 'webhook', 'schedule prod', 'administrator'),
    row('sqs:SendMessage', 'queue of prod', queue, { 'aws:SecureTransport': 'false' }, 'without TLS'),
    row('sqs:ReceiveMessage', 'queue of prod', queue, tls, '', 'export prod', 'administrator'),
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
