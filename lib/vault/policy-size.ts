import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** What CloudFormation appends to a name that it makes: a hyphen and random characters. */
const uniqueSuffix = 14;
/** In all partitions but China and GovCloud, whose names are some characters longer. */
const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::AccountId': '111122223333',
  'AWS::Partition': 'aws',
  'AWS::Region': 'ap-southeast-1',
  'AWS::URLSuffix': 'amazonaws.com',
};

/**
 * How many bytes a policy has once CloudFormation has put the names of the stack's resources into it: stack,
 * logical id, cut to what the service takes (CloudFormation User Guide, "Name type"). AWS reports a policy
 * that is too large only in the middle of a deployment.
 */
export function measureDeployedBytes(scope: Construct, policy: iam.PolicyDocument): number {
  const stack = Stack.of(scope);
  const resources = new Map(
    stack.node
      .findAll()
      .filter(CfnResource.isCfnResource)
      .map((resource) => [String(stack.resolve(resource.logicalId)), resource] as const),
  );
  const makeName = (id: string, longest: number) =>
    'x'.repeat(Math.min(longest, stack.stackName.length + 1 + id.length + uniqueSuffix));
  // A name that CloudFormation makes resolves to undefined.
  const findChosenName = (name: string | undefined): unknown => stack.resolve(name);
  const makeArn = (id: string): string => {
    const resource = resources.get(id);
    switch (resource?.cfnResourceType) {
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${findChosenName((resource as s3.CfnBucket).bucketName) ?? makeName(id, 63)}`;
      case 'AWS::IAM::Role':
        return `arn:aws:iam::111122223333:role/${findChosenName((resource as iam.CfnRole).roleName) ?? makeName(id, 64)}`;
      default:
        return `arn:aws:kms:ap-southeast-1:111122223333:key/${'x'.repeat(36)}`;
    }
  };
  return Buffer.byteLength(JSON.stringify(resolveDeployed(stack.resolve(policy), makeArn)));
}

function resolveDeployed(value: unknown, makeArn: (id: string) => string): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolveDeployed(item, makeArn));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const [[name = '', argument] = []] = Object.entries(value);
  if (name === 'Ref') {
    return pseudoParameters[String(argument)] ?? String(argument);
  }
  if (name === 'Fn::GetAtt') {
    return makeArn(String((argument as readonly unknown[])[0]));
  }
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as readonly [string, readonly unknown[]];
    return parts.map((part) => String(resolveDeployed(part, makeArn))).join(separator);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolveDeployed(item, makeArn)]),
  );
}
