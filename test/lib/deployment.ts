import { createHash } from 'node:crypto';
import type { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { LifeboatStack } from '../../lib/deployment/lifeboat-stack.ts';
import type { LifeboatReplicaProps } from '../../lib/replica/lifeboat-replica.ts';
import { LifeboatReplicaStack } from '../../lib/replica/lifeboat-replica-stack.ts';
import { parseSettings } from '../../lib/settings/settings.ts';
import { readCdkContext } from '../../template/cdk-context.ts';
import { acknowledgeSilence } from '../../template/synthesized-stack.ts';
import { newApp } from './app.ts';
import { policyDocument, type Statement } from './policy.ts';

export const account = '111122223333';
export const region = 'eu-central-1';
export const secondRegion = 'eu-west-1';

export interface Resource {
  readonly id: string;
  readonly arn: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly deletionPolicy: string | undefined;
}

/** Two control planes, of which staging is private. No number is a default. */
export const twoControlPlanes = {
  controlPlanes: {
    prod: {
      clusterEndpoint: 'kong-cp.example.com:8005',
      dataPlaneVersions: ['3.9.1', '3.8.1'],
      customPlugins: ['my-plugin'],
      wasmFilters: ['my-filter', 'other-filter'],
      maxFrameMiB: 128,
      memoryMiB: 1200,
      guard: { minimumEntities: 20, maximumLossPercent: 30 },
    },
    staging: {
      clusterEndpoint: 'kong-cp.internal:8005',
      clusterMtls: 'pki',
      clusterServerName: 'kong-cp',
      dataPlaneVersions: ['3.9.0'],
      vpc: {
        vpcId: 'vpc-0000000a',
        availabilityZones: ['eu-central-1a', 'eu-central-1b'],
        subnetIds: ['subnet-0000000a', 'subnet-0000000b'],
        securityGroupIds: ['sg-0000000a'],
      },
      guard: 'off',
    },
  },
  urlLifetimeSeconds: 200,
  coalescingWindowSeconds: 3,
  scheduleMinutes: 7,
  settleSeconds: 8,
  clockToleranceSeconds: 2,
  minimumIntervalSeconds: 4,
  acceptSha1: false,
  noncurrentVersionDays: 40,
  noncurrentVersionsKept: 20,
  logRetentionDays: 90,
} as const;

export const controlPlaneNames = ['prod', 'staging'] as const;

/** A synthesized stack, with what is known only after a deployment made up as AWS would name it. */
export interface Deployment<Of extends Stack = LifeboatStack> {
  readonly stack: Of;
  readonly template: Template;
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, string>>;
}

const templateJson = v.object({
  Resources: v.record(
    v.string(),
    v.object({
      Type: v.string(),
      Properties: v.record(v.string(), v.unknown()),
      DeletionPolicy: v.optional(v.string()),
    }),
  ),
  Outputs: v.record(v.string(), v.object({ Value: v.unknown() })),
});

/**
 * Synthesizes with the feature flags of cdk.json, without bundles and without validation (which
 * test/lib/synth.program.ts has).
 */
export function deploy(settings: unknown): Deployment {
  return read(new LifeboatStack(app(), 'Lifeboat', { settings: parseSettings(settings) }));
}

/** The same with a replica in the second region. */
export function deployWithReplica(
  settings: unknown,
  replica: Omit<LifeboatReplicaProps, 'lifeboat'> = {},
): { readonly first: Deployment; readonly second: Deployment<LifeboatReplicaStack> } {
  const both = app();
  const first = new LifeboatStack(both, 'Lifeboat', {
    settings: parseSettings(settings),
    env: { account, region },
  });
  const second = new LifeboatReplicaStack(both, 'LifeboatReplica', {
    settings: { lifeboat: first.lifeboat, ...replica },
    env: { account, region: secondRegion },
  });
  return { first: read(first), second: read(second) };
}

function app(): App {
  const made = newApp(readCdkContext('cdk.json'));
  acknowledgeSilence(made);
  return made;
}

function read<Of extends Stack>(stack: Of): Deployment<Of> {
  const template = Template.fromStack(stack);
  const { Resources, Outputs } = v.parse(templateJson, template.toJSON());
  const known = new Map(
    Object.entries(Resources).map(([id, { Type, Properties }]) => [
      id,
      { type: Type, roleName: resolved(Properties['RoleName'], new Map()) },
    ]),
  );
  return {
    stack,
    template,
    resources: Object.entries(Resources).map(([id, { Type, Properties, DeletionPolicy }]) => ({
      id,
      arn: arn(id, known.get(id)),
      type: Type,
      properties: resolved(Properties, known) as Resource['properties'],
      deletionPolicy: DeletionPolicy,
    })),
    outputs: Object.fromEntries(
      Object.entries(Outputs).map(([id, { Value }]) => [id, String(resolved(Value, known))]),
    ),
  };
}

const stackOutput = v.object({ StackName: v.string(), OutputName: v.string(), Region: v.string() });
const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::AccountId': account,
  'AWS::Partition': 'aws',
  'AWS::Region': region,
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': 'Lifeboat',
};

interface KnownResource {
  readonly type: string;
  /** @default CloudFormation makes one */
  readonly roleName: unknown;
}

function resolved(value: unknown, known: ReadonlyMap<string, KnownResource>): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolved(item, known));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if ('Ref' in value) {
    const id = String(value.Ref);
    return pseudoParameters[id] ?? reference(id, known.get(id));
  }
  if ('Fn::GetAtt' in value) {
    const [id = '', attribute = ''] = value['Fn::GetAtt'] as readonly string[];
    return attribute === 'Arn' ? arn(id, known.get(id)) : `https://${id}.${attribute}`;
  }
  if ('Fn::GetStackOutput' in value) {
    const { StackName, OutputName, Region } = v.parse(stackOutput, value['Fn::GetStackOutput']);
    return `{${StackName}.${OutputName} in ${Region}}`;
  }
  if ('Fn::Join' in value) {
    const [separator, parts] = value['Fn::Join'] as readonly [string, readonly unknown[]];
    return parts.map((part) => resolved(part, known)).join(separator);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, known)]));
}

function reference(id: string, resource: KnownResource | undefined): string {
  switch (resource?.type) {
    case 'AWS::SQS::Queue':
      return `https://sqs.${region}.amazonaws.com/${account}/${physicalName(id, 80)}`;
    case 'AWS::SecretsManager::Secret':
      return arn(id, resource);
    case 'AWS::S3::Bucket':
      return physicalName(id, 63).toLowerCase();
    default:
      return id;
  }
}

function arn(id: string, resource: KnownResource | undefined): string {
  switch (resource?.type) {
    case 'AWS::S3::Bucket':
      return `arn:aws:s3:::${reference(id, resource)}`;
    case 'AWS::IAM::Role':
      return `arn:aws:iam::${account}:role/${resource.roleName ?? physicalName(id, 64)}`;
    case 'AWS::SQS::Queue':
      return `arn:aws:sqs:${region}:${account}:${physicalName(id, 80)}`;
    case 'AWS::SecretsManager::Secret':
      return `arn:aws:secretsmanager:${region}:${account}:secret:${physicalName(id, 100)}-AbCdEf`;
    case 'AWS::KMS::Key':
      return `arn:aws:kms:${region}:${account}:key/${id}`;
    default:
      return `arn:aws:${resource?.type}:${region}:${account}:${id}`;
  }
}

/** Stack, logical id (cut to fit) and twelve characters, as CloudFormation names what has no name. */
function physicalName(id: string, longest: number): string {
  const unique = createHash('sha256').update(id).digest('hex').slice(0, 12);
  return `${`Lifeboat-${id}`.slice(0, longest - unique.length - 1)}-${unique}`;
}

export function ofType({ resources }: Pick<Deployment, 'resources'>, type: string): readonly Resource[] {
  return resources.filter((resource) => resource.type === type);
}

/** The one resource of a type whose logical id holds these words. */
export function one(
  deployment: Pick<Deployment, 'resources'>,
  type: string,
  ...words: readonly string[]
): Resource {
  const found = ofType(deployment, type).filter(({ id }) => words.every((word) => id.includes(word)));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`${found.length} resources are ${type} with ${words.join(' and ')} in their ids`);
  }
  return only;
}

const rolePolicy = v.object({ Roles: v.array(v.string()), PolicyDocument: policyDocument });

/** The role of a unit: ExportRole or PresignRole with a control plane, IntakeRole without one. */
export function role(deployment: Pick<Deployment, 'resources'>, name: string, controlPlane = ''): Resource {
  return one(deployment, 'AWS::IAM::Role', `${name}${controlPlane}`);
}

const withPolicies = v.object({
  Policies: v.optional(v.array(v.object({ PolicyDocument: policyDocument })), []),
});

/** What a role is allowed and denied by its own policies, and by those that stand in the role itself. */
export function granted(
  deployment: Pick<Deployment, 'resources'>,
  { id, properties: ofRole }: Resource,
): readonly Statement[] {
  const own = ofType(deployment, 'AWS::IAM::Policy')
    .map(({ properties }) => v.parse(rolePolicy, properties))
    .filter(({ Roles }) => Roles.includes(id));
  return [...own, ...v.parse(withPolicies, ofRole).Policies].flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  );
}

/** What a role may do by its own policies: `Effect action resource`, a line each. */
export function rights(deployment: Pick<Deployment, 'resources'>, ofRole: Resource): readonly string[] {
  return granted(deployment, ofRole)
    .flatMap(({ Effect, Action, Resource = [] }) =>
      Action.flatMap((action) => Resource.map((resource) => `${Effect} ${action} ${resource}`)),
    )
    .sort();
}

/** What a function may do in its own log group, as `rights` has it. */
export function logRights(
  deployment: Pick<Deployment, 'resources'>,
  ...words: readonly string[]
): readonly string[] {
  const { arn } = one(deployment, 'AWS::Logs::LogGroup', ...words);
  return [`Allow logs:CreateLogStream ${arn}`, `Allow logs:PutLogEvents ${arn}`];
}

const withEnvironment = v.object({ Environment: v.object({ Variables: v.record(v.string(), v.string()) }) });

/** The variables of a function. */
export function environment({ properties }: Resource): Readonly<Record<string, string>> {
  return v.parse(withEnvironment, properties).Environment.Variables;
}

/** The message that an attempt fails with. */
export function failure(attempt: () => void): string {
  try {
    attempt();
  } catch (error) {
    return String(error);
  }
  return 'no failure';
}

/** What synth says is wrong, or warns of, with a stack that was made nevertheless: a text for each. */
export function annotations({ node }: Stack, level: 'error' | 'warning'): readonly string[] {
  return node
    .findAll()
    .flatMap((each) => each.node.metadata)
    .flatMap(({ type, data }) => (type === `aws:cdk:${level}` ? [String(data)] : []));
}
