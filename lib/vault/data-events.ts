import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from '../conventions/acknowledge.ts';
import { formatDeploymentName } from '../conventions/deployment-name.ts';
import { keepPolicy, outlivesStack } from './removal.ts';

export interface DataEventsProps {
  /** Whose objects are watched. */
  readonly bucket: s3.Bucket;
}

// A theft is often found after months.
const keptFor = Duration.days(365);

/**
 * A CloudTrail trail of who read and wrote which object of the vault, by presigned URLs too. It has a
 * bucket of its own, because a role that may write to the vault must not be able to write its history.
 */
export class DataEvents extends Construct {
  constructor(scope: Construct, id: string, { bucket }: DataEventsProps) {
    super(scope, id);
    const log = new s3.Bucket(this, 'Log', {
      // A version that is overwritten stays readable.
      versioned: true,
      // It holds names and times, no content: S3's own key is enough, and CloudTrail needs no grant for it.
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // Evidence outlives the deployment.
      removalPolicy: outlivesStack,
      lifecycleRules: [{ id: 'a-year', expiration: keptFor, noncurrentVersionExpiration: keptFor }],
    });
    acknowledge(log, 'AwsSolutions-S1', 'It is a log itself, of which CloudTrail keeps signed digests.');

    const name = `${formatDeploymentName(this)}-vault`;
    const arn = Stack.of(this).formatArn({ service: 'cloudtrail', resource: 'trail', resourceName: name });
    // By name and not by reference: the trail is made after its permission (CloudTrail User Guide, "Amazon S3
    // bucket policy for CloudTrail").
    const ourTrail = { StringEquals: { 'aws:SourceArn': arn } };
    const cloudTrail = new iam.ServicePrincipal('cloudtrail.amazonaws.com');
    log.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'TrailLooks',
        principals: [cloudTrail],
        actions: ['s3:GetBucketAcl'],
        resources: [log.bucketArn],
        conditions: ourTrail,
      }),
    );
    log.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'TrailWrites',
        principals: [cloudTrail],
        actions: ['s3:PutObject'],
        resources: [log.arnForObjects(`AWSLogs/${Stack.of(this).account}/*`)],
        conditions: ourTrail,
      }),
    );
    keepPolicy(log);
    const trail = new cloudtrail.CfnTrail(this, 'Trail', {
      trailName: name,
      s3BucketName: log.bucketName,
      isLogging: true,
      // Signed digests show whether a log was changed.
      enableLogFileValidation: true,
      isMultiRegionTrail: false,
      includeGlobalServiceEvents: false,
      // Only this bucket's objects: management events belong to the account's own trail, and cost money.
      advancedEventSelectors: [selectDataEvents(bucket)],
    });
    trail.node.addDependency(log);
  }
}

function selectDataEvents(bucket: s3.Bucket): cloudtrail.CfnTrail.AdvancedEventSelectorProperty {
  return {
    name: 'objects of the vault',
    fieldSelectors: [
      { field: 'eventCategory', equalTo: ['Data'] },
      { field: 'resources.type', equalTo: ['AWS::S3::Object'] },
      { field: 'resources.ARN', startsWith: [bucket.arnForObjects('')] },
    ],
  };
}

/**
 * The same selector as `aws cloudtrail put-event-selectors` takes it, for a trail that is there: a region has
 * five (CloudTrail User Guide, "Quotas in AWS CloudTrail").
 *
 * @returns JSON, one object
 */
export function formatDataEventSelector(bucket: s3.Bucket): string {
  const { name, fieldSelectors } = selectDataEvents(bucket);
  const selectors = fieldSelectors as readonly cloudtrail.CfnTrail.AdvancedFieldSelectorProperty[];
  return Stack.of(bucket).toJsonString({
    Name: name,
    FieldSelectors: selectors.map(({ field, equalTo, startsWith }) =>
      equalTo === undefined ? { Field: field, StartsWith: startsWith } : { Field: field, Equals: equalTo },
    ),
  });
}
