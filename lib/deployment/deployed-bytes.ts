import { CfnResource, type Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';

/** What CloudFormation appends to a name that it makes: a hyphen and random characters. */
const uniqueSuffix = 14;
/** In all partitions but China and GovCloud, whose names are some characters longer. */
const accountId = '111122223333';
const region = 'ap-southeast-1';
const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::AccountId': accountId,
  'AWS::Partition': 'aws',
  'AWS::Region': region,
  'AWS::URLSuffix': 'amazonaws.com',
};
/** ARN of a KMS key, the longest of what one stack takes from another one here. */
const keyArn = `arn:aws:kms:${region}:${accountId}:key/${'x'.repeat(36)}`;

/** What a resource is called in another resource's properties. */
interface Names {
  readonly ref: string;
  readonly arn: string;
}

/**
 * Makes a function that says how many bytes a property has, as JSON, once CloudFormation has put the names of
 * the stack's resources into it: stack, logical id, random characters, cut to what the service takes
 * (CloudFormation User Guide, "Name type"). AWS reports what is too large only in the middle of a deployment.
 */
export function createDeployedMeasure(stack: Stack): (property: unknown) => number {
  const resources = new Map(
    stack.node
      .findAll()
      .filter(CfnResource.isCfnResource)
      .map((resource) => [String(stack.resolve(resource.logicalId)), resource] as const),
  );
  const nameOf = (id: string): Names => findNames(stack, id, resources.get(id));
  return (property) =>
    Buffer.byteLength(JSON.stringify(resolveDeployed(stack.resolve(property), nameOf)) ?? '');
}

function findNames(stack: Stack, id: string, resource: CfnResource | undefined): Names {
  const makeName = (longest: number) =>
    'x'.repeat(Math.min(longest, stack.stackName.length + 1 + id.length + uniqueSuffix));
  // A name that CloudFormation makes resolves to undefined.
  const findName = (chosen: string | undefined, longest: number) =>
    String(stack.resolve(chosen) ?? makeName(longest));
  const inRegion = (service: string) => `arn:aws:${service}:${region}:${accountId}:`;
  switch (resource?.cfnResourceType) {
    case 'AWS::S3::Bucket': {
      const name = findName((resource as s3.CfnBucket).bucketName, 63);
      return { ref: name, arn: `arn:aws:s3:::${name}` };
    }
    case 'AWS::IAM::Role': {
      const name = findName((resource as iam.CfnRole).roleName, 64);
      return { ref: name, arn: `arn:aws:iam::${accountId}:role/${name}` };
    }
    case 'AWS::KMS::Key':
      return { ref: 'x'.repeat(36), arn: keyArn };
    case 'AWS::SQS::Queue': {
      const name = makeName(80);
      return {
        ref: `https://sqs.${region}.amazonaws.com/${accountId}/${name}`,
        arn: `${inRegion('sqs')}${name}`,
      };
    }
    case 'AWS::SecretsManager::Secret': {
      // Secrets Manager appends a hyphen and six characters to the name (API reference, CreateSecret).
      const arn = `${inRegion('secretsmanager')}secret:${makeName(512)}-xxxxxx`;
      return { ref: arn, arn };
    }
    case 'AWS::Logs::LogGroup':
      return { ref: makeName(512), arn: `${inRegion('logs')}log-group:${makeName(512)}:*` };
    default:
      return { ref: makeName(64), arn: `${inRegion('lambda')}function:${makeName(64)}` };
  }
}

function resolveDeployed(value: unknown, nameOf: (id: string) => Names): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolveDeployed(item, nameOf));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const [[name = '', argument] = []] = Object.entries(value);
  if (name === 'Ref') {
    return pseudoParameters[String(argument)] ?? nameOf(String(argument)).ref;
  }
  if (name === 'Fn::GetAtt') {
    return nameOf(String((argument as readonly unknown[])[0])).arn;
  }
  if (name === 'Fn::GetStackOutput') {
    return keyArn;
  }
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as readonly [string, readonly unknown[]];
    return parts.map((part) => String(resolveDeployed(part, nameOf))).join(separator);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveDeployed(item, nameOf)]));
}
