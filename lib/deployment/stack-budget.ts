/** What AWS lets one stack hold, and how much of it a deployment takes. */
import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { mostEnvironmentBytes } from '../functions/function.ts';
import { createDeployedMeasure } from './deployed-bytes.ts';

/** None of these can be raised. */
export const stackLimits = {
  /** CloudFormation User Guide, "Quotas". */
  resources: 500,
  /** S3 User Guide, "Bucket policies": 20 KB. */
  bucketPolicyBytes: 20 * 1024,
  /** KMS Developer Guide, "Resource quotas": 32 KB. */
  keyPolicyBytes: 32 * 1024,
  /** IAM User Guide, "IAM and AWS STS quotas": all inline policies of a role. */
  rolePolicyBytes: 10_240,
  environmentBytes: mostEnvironmentBytes,
} as const;

export type LimitName = keyof typeof stackLimits;
export const limitNames = Object.keys(stackLimits) as readonly LimitName[];

/** What a deployment takes of a limit: the largest of its resources, where each has the limit for itself. */
interface Taken {
  readonly amount: number;
  /** Path of what takes it. */
  readonly path: string;
}

/** What a deployment takes of each limit. */
export type StackFigures = Readonly<Record<LimitName, number>>;

/** Measures a deployment as it is when this is called, without a synth. */
export function measureStack(deployment: Construct): StackFigures {
  const taken = measureTaken(deployment);
  return Object.fromEntries(limitNames.map((name) => [name, taken[name].amount])) as StackFigures;
}

/**
 * Makes synth refuse a deployment that AWS would refuse in the middle of deploying it, or, for a growing one,
 * on the day when one more control plane is added.
 */
export function addStackBudget(deployment: Construct): void {
  deployment.node.addValidation({
    validate: () => {
      const taken = measureTaken(deployment);
      return limitNames
        .filter((name) => taken[name].amount > stackLimits[name])
        .map((name) => describeExcess(name, taken[name]));
    },
  });
}

/** Whether AWS takes the deployment as it is when this is called. */
export function fitsIntoStack(deployment: Construct): boolean {
  const figures = measureStack(deployment);
  return limitNames.every((name) => figures[name] <= stackLimits[name]);
}

const split = 'put some of the control planes into a second Lifeboat stack';
/** A role and the environment of a function belong to one control plane, or to the webhook that all share. */
const webhookPart = '/Intake/';

function describeExcess(name: LimitName, { amount, path }: Taken): string {
  const most = stackLimits[name];
  const bytes = `would have ${amount} bytes, but`;
  switch (name) {
    case 'resources':
      return `the stack ${path} would have ${amount} resources, but CloudFormation accepts at most ${most}: ${split}`;
    case 'bucketPolicyBytes':
      return (
        `the policy of the bucket ${bytes} S3 accepts at most ${most}: ${split}, give them shorter names, or name fewer ` +
        `fileReaderRoleArns and roles with shorter paths (${path})`
      );
    case 'keyPolicyBytes':
      return `the policy of a key ${bytes} KMS accepts at most ${most}: ${split}, or give them shorter names (${path})`;
    case 'rolePolicyBytes':
      return `the policies of a role ${bytes} IAM accepts at most ${most}: ${split}, or give them shorter names (${path})`;
    case 'environmentBytes':
      return (
        `the environment of the function ${path} ${bytes} Lambda accepts at most ${most}: ` +
        (path.includes(webhookPart)
          ? `${split}, or give them shorter names`
          : 'name fewer dataPlaneVersions, customPlugins, wasmFilters or certificates of this control plane, or fewer retiredSigningKeys')
      );
  }
}

function measureTaken(deployment: Construct): Readonly<Record<LimitName, Taken>> {
  const stack = Stack.of(deployment);
  const measureBytes = createDeployedMeasure(stack);
  const ours = deployment.node.findAll().filter(CfnResource.isCfnResource);
  const findLargest = <Resource extends CfnResource>(
    type: string,
    bytesOf: (resource: Resource) => number,
  ): Taken =>
    ours
      .filter((resource): resource is Resource => resource.cfnResourceType === type)
      .map((resource) => ({ amount: bytesOf(resource), path: resource.node.path }))
      .reduce((most, each) => (each.amount > most.amount ? each : most), { amount: 0, path: '' });
  return {
    resources: { amount: countResources(stack), path: stack.node.path },
    bucketPolicyBytes: findLargest('AWS::S3::BucketPolicy', (policy: s3.CfnBucketPolicy) =>
      measureBytes(policy.policyDocument),
    ),
    keyPolicyBytes: findLargest('AWS::KMS::Key', (key: kms.CfnKey) => measureBytes(key.keyPolicy)),
    // CDK makes one inline policy of all statements of a role.
    rolePolicyBytes: findLargest('AWS::IAM::Policy', (policy: iam.CfnPolicy) =>
      measureBytes(policy.policyDocument),
    ),
    environmentBytes: findLargest('AWS::Lambda::Function', (each: lambda.CfnFunction) =>
      measureEnvironment(stack.resolve(each.environment), measureBytes),
    ),
  };
}

/**
 * As Lambda measures it: as JSON, in which the quotes of a value that is JSON itself are escaped
 * (its own error message shows it: github-aws-runners/terraform-aws-github-runner, issue 3594).
 */
function measureEnvironment(
  environment: lambda.CfnFunction.EnvironmentProperty | undefined,
  measureBytes: (property: unknown) => number,
): number {
  return measureBytes(environment?.variables ?? {});
}

/** All of the stack, which may have more in it than Lifeboat. */
function countResources(stack: Stack): number {
  const all = stack.node
    .findAll()
    .filter((each): each is CfnResource => CfnResource.isCfnResource(each) && each.stack === stack);
  // A policy without a statement is left out of the template.
  return all.filter((each) => Object.keys(each._toCloudFormation()).length > 0).length;
}

/** How many control planes a stack holds, and which limit says so. */
export interface Capacity {
  readonly mostControlPlanes: number;
  /** The limit that one more control plane would exceed. */
  readonly limit: LimitName;
  /** How many each limit would allow, if it were the only one. */
  readonly byLimit: Readonly<Partial<Record<LimitName, number>>>;
}

/**
 * Finds how many control planes a stack holds, by measuring stacks.
 *
 * @param measure - the figures of a stack with so many control planes of one kind
 * @throws RangeError when a stack holds none
 */
export function findMostControlPlanes(measure: (controlPlanes: number) => StackFigures): Capacity {
  const figures = new Map<number, StackFigures>();
  const at = (count: number): StackFigures => {
    const known = figures.get(count) ?? measure(count);
    figures.set(count, known);
    return known;
  };
  const findExceeded = (count: number) => limitNames.find((name) => at(count)[name] > stackLimits[name]);
  // Figures grow in a straight line, but for the largest environment, which another function has when there
  // are more control planes. So the line shows where to look, and what lies there is measured.
  let most = Math.max(1, Math.min(...Object.values(extendLines(1, at(1), at(2)))));
  while (most > 0 && findExceeded(most) !== undefined) {
    most -= 1;
  }
  if (most === 0) {
    throw new RangeError(`a stack does not even hold one control plane: ${findExceeded(1)}`);
  }
  for (;;) {
    const limit = findExceeded(most + 1);
    if (limit !== undefined) {
      return { mostControlPlanes: most, limit, byLimit: extendLines(most, at(most), at(most + 1)) };
    }
    most += 1;
  }
}

/** How many each limit allows, by what the last control plane added. */
function extendLines(
  count: number,
  figures: StackFigures,
  ofOneMore: StackFigures,
): Partial<Record<LimitName, number>> {
  return Object.fromEntries(
    limitNames.flatMap((name) => {
      const growth = ofOneMore[name] - figures[name];
      return growth <= 0 ? [] : [[name, count + Math.floor((stackLimits[name] - figures[name]) / growth)]];
    }),
  );
}
