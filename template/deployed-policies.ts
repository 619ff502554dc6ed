import * as v from 'valibot';
import type { SynthesizedTemplate } from './synthesized-stack.ts';

/** What a resource is called once it is there. */
export interface PhysicalNames {
  /** What `Ref` gives. */
  readonly ref: string;
  readonly arn: string;
}

export interface Deployment {
  readonly region: string;
  readonly accountId: string;
  /** Names of a resource, by its logical id and type. */
  readonly namesOf: (logicalId: string, type: string) => PhysicalNames;
  /** What another stack's output says. @default none is asked for */
  readonly outputOf?: (stackName: string, outputName: string) => string;
}

export interface PolicyDocument {
  readonly Version?: string | undefined;
  readonly Statement: readonly unknown[];
}

/** The policies that a deployment puts into force. */
export interface DeployedPolicies {
  /** By the ARN of their role. */
  readonly ofRoles: ReadonlyMap<string, readonly PolicyDocument[]>;
  /** By the ARN of their bucket, key, queue or role (which says who may assume it). */
  readonly ofResources: ReadonlyMap<string, PolicyDocument>;
}

const document = v.object({ Version: v.optional(v.string()), Statement: v.array(v.unknown()) });
const rolePolicy = v.object({ Roles: v.array(v.string()), PolicyDocument: document });
const role = v.object({
  AssumeRolePolicyDocument: document,
  Policies: v.optional(v.array(v.object({ PolicyDocument: document })), []),
});
const bucketPolicy = v.object({ Bucket: v.string(), PolicyDocument: document });
const queuePolicy = v.object({ Queues: v.array(v.string()), PolicyDocument: document });
const keyPolicy = v.object({ KeyPolicy: document });
const stackOutput = v.object({ StackName: v.string(), OutputName: v.string() });

const policyHolders = new Set([
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::KMS::Key',
]);

/** Collects the policies of a template, with every reference in them replaced by the name it stands for. */
export function deployedPolicies(template: SynthesizedTemplate, deployment: Deployment): DeployedPolicies {
  const { Resources } = template;
  const names = namesIn(template, deployment);
  const ofRoles = new Map<string, PolicyDocument[]>();
  const ofResources = new Map<string, PolicyDocument>();
  const arnOfRef = new Map(
    Object.entries(Resources).map(([id, { Type }]) => {
      const { ref, arn } = deployment.namesOf(id, Type);
      return [ref, arn];
    }),
  );
  const toRole = (arn: string, policy: PolicyDocument) =>
    ofRoles.set(arn, [...(ofRoles.get(arn) ?? []), policy]);

  for (const [id, { Type, Properties }] of Object.entries(Resources)) {
    if (!policyHolders.has(Type)) {
      continue;
    }
    const properties = resolve(Properties, { ...deployment, names });
    const { arn } = deployment.namesOf(id, Type);
    if (Type === 'AWS::IAM::Policy') {
      const { Roles, PolicyDocument } = v.parse(rolePolicy, properties);
      for (const name of Roles) {
        toRole(arnOfRef.get(name) ?? name, PolicyDocument);
      }
    } else if (Type === 'AWS::IAM::Role') {
      const { AssumeRolePolicyDocument, Policies } = v.parse(role, properties);
      ofResources.set(arn, AssumeRolePolicyDocument);
      for (const { PolicyDocument } of Policies) {
        toRole(arn, PolicyDocument);
      }
    } else if (Type === 'AWS::S3::BucketPolicy') {
      const { Bucket, PolicyDocument } = v.parse(bucketPolicy, properties);
      ofResources.set(arnOfRef.get(Bucket) ?? Bucket, PolicyDocument);
    } else if (Type === 'AWS::SQS::QueuePolicy') {
      const { Queues, PolicyDocument } = v.parse(queuePolicy, properties);
      for (const queue of Queues) {
        ofResources.set(arnOfRef.get(queue) ?? queue, PolicyDocument);
      }
    } else if (Type === 'AWS::KMS::Key') {
      ofResources.set(arn, v.parse(keyPolicy, properties).KeyPolicy);
    }
  }
  return { ofRoles, ofResources };
}

/** What an output says once it is deployed. */
export function deployedOutput(template: SynthesizedTemplate, name: string, deployment: Deployment): string {
  const output = template.Outputs[name];
  if (output === undefined) {
    throw new Error(`the template has no output ${name}`);
  }
  return String(resolve(output.Value, { ...deployment, names: namesIn(template, deployment) }));
}

function namesIn({ Resources }: SynthesizedTemplate, deployment: Deployment): Resolution['names'] {
  return (logicalId) => {
    const resource = Resources[logicalId];
    if (resource === undefined) {
      throw new Error(`the template refers to ${logicalId}, which is none of its resources`);
    }
    return deployment.namesOf(logicalId, resource.Type);
  };
}

interface Resolution extends Deployment {
  readonly names: (logicalId: string) => PhysicalNames;
}

/** Replaces CloudFormation's intrinsic functions; those that no policy of ours uses are refused. */
function resolve(value: unknown, resolution: Resolution): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolve(item, resolution));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const [[name = '', argument] = []] = Object.entries(value);
  if (name === 'Ref') {
    return pseudoParameter(String(argument), resolution) ?? resolution.names(String(argument)).ref;
  }
  if (name === 'Fn::GetAtt') {
    const [id = '', attribute = ''] = argument as readonly string[];
    return attribute === 'Arn' ? resolution.names(id).arn : `${id}.${attribute}`;
  }
  if (name === 'Fn::Join') {
    const [separator = '', parts = []] = argument as readonly [string?, (readonly unknown[])?];
    return parts.map((part) => String(resolve(part, resolution))).join(separator);
  }
  if (name === 'Fn::GetStackOutput' && resolution.outputOf !== undefined) {
    const { StackName, OutputName } = v.parse(stackOutput, argument);
    return resolution.outputOf(StackName, OutputName);
  }
  if (name.startsWith('Fn::')) {
    throw new Error(`the template uses ${name}, which is not resolved here`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, resolution)]));
}

function pseudoParameter(name: string, { region, accountId }: Deployment): string | undefined {
  switch (name) {
    case 'AWS::AccountId':
      return accountId;
    case 'AWS::Region':
      return region;
    case 'AWS::Partition':
      return 'aws';
    case 'AWS::URLSuffix':
      return 'amazonaws.com';
    case 'AWS::StackName':
      return 'Lifeboat';
    default:
      return undefined;
  }
}
