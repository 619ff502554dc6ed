import { RemovalPolicy } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { acknowledge } from '../conventions/acknowledge.ts';

/**
 * Of what holds or opens configurations: it outlives its stack. But what was made by a deployment that
 * failed goes with it, for it is empty, and the next try makes it anew.
 */
export const outlivesStack = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

/**
 * Keeps a bucket's policy as long as the bucket. Without it whoever may read S3 in the account could read
 * what is left of a deleted stack, and delete it.
 *
 * @throws Error when the bucket has no policy of its own
 */
export function keepPolicy({ policy, node }: s3.Bucket): void {
  if (policy === undefined) {
    throw new Error(`${node.path} has no policy yet: add a statement first`);
  }
  policy.applyRemovalPolicy(outlivesStack);
}

/**
 * Names the bucket in its policy as text, where the settings name it: CloudFormation takes in what is there
 * already by literal names alone (CloudFormation User Guide, "Import AWS resources into a CloudFormation
 * stack automatically").
 */
export function namePolicyByText(bucket: s3.Bucket, bucketName: string): void {
  const written = bucket.policy?.node.defaultChild;
  if (!(written instanceof s3.CfnBucketPolicy)) {
    throw new Error(`${bucket.node.path} has no policy that CDK makes`);
  }
  written.bucket = bucketName;
  acknowledge(
    written,
    'AwsSolutions-S10',
    'It denies what comes without TLS; the rule only finds a bucket that its policy refers to.',
  );
  // Without the reference nothing else says that the bucket comes first.
  written.node.addDependency(bucket);
}
