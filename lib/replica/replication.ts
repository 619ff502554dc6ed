import { Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { statusKey } from '../../core/vault/config-file-name.ts';
import { acknowledge } from '../conventions/acknowledge.ts';
import { Alarms, shortPeriod } from '../operations/alarms.ts';
import type { Settings } from '../settings/settings.ts';
import type { ReplicaAttributes } from '../vault/replication-rules.ts';
import type { Vault } from '../vault/vault.ts';

export interface ReplicationProps {
  readonly deployment: Settings;
  readonly vault: Vault;
  /** Fixed beforehand: the replica is deployed before this role, and its policy admits only this name. */
  readonly roleName: string;
  readonly replica: ReplicaAttributes;
  readonly timeControl: boolean;
}

/**
 * The vault's side of a replica: the role that S3 assumes, the rules, and an alarm for failed copies, which
 * S3 counts in the vault's region (S3 User Guide, "Using S3 Replication metrics").
 */
export class Replication extends Construct {
  constructor(scope: Construct, id: string, props: ReplicationProps) {
    super(scope, id);
    const controlPlanes = Object.keys(props.deployment.controlPlanes);
    const role = new iam.Role(this, 'Role', {
      roleName: props.roleName,
      description: 'Lifeboat: S3 assumes it to copy files to the second region',
      // No other account can use this role in a rule (iam:PassRole works within one account), and it can
      // access only these two buckets. AWS documents no aws:SourceArn for replication: a condition key that
      // S3 does not set would stop replication silently. Hence IfExists.
      assumedBy: new iam.ServicePrincipal('s3.amazonaws.com', {
        conditions: { StringEqualsIfExists: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const { replica } = props;
    props.vault.replicateTo({ ...props, controlPlanes, role });
    const files = controlPlanes.map((controlPlane) => `/${controlPlane}/*/config.json`);
    const statuses = controlPlanes.map((controlPlane) => `/${statusKey(controlPlane)}`);
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'WriteReplicas',
        // Not s3:ReplicateDelete: a deletion here must not delete there.
        actions: ['s3:ReplicateObject'],
        resources: [...files, ...statuses].map((path) => `${replica.bucketArn}${path}`),
      }),
    );
    // Text, or as CloudFormation reads it from the other stack.
    const resolved: unknown = Stack.of(this).resolve(replica.bucketArn);
    const bucket = typeof resolved === 'string' ? resolved : JSON.stringify(resolved);
    for (const file of files) {
      acknowledge(
        role,
        `AwsSolutions-IAM5[Resource::${bucket}${file}]`,
        'One file per data-plane version, below the prefix of one control plane.',
      );
    }
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'EncryptReplicas',
        // kms:Encrypt is what AWS names; a bucket key is made by kms:GenerateDataKey and checked by
        // kms:Decrypt, and gives this role nothing more (S3 User Guide, "Replicating encrypted objects").
        actions: ['kms:Encrypt', 'kms:GenerateDataKey', 'kms:Decrypt'],
        resources: [replica.encryptionKeyArn],
        conditions: {
          StringEquals: {
            'kms:EncryptionContext:aws:s3:arn': replica.bucketArn,
            'kms:ViaService': `s3.${replica.region}.${Stack.of(this).urlSuffix}`,
          },
        },
      }),
    );
    const alarms = new Alarms(this, props.deployment);
    for (const controlPlane of controlPlanes) {
      alarms.make(controlPlane, 'Failing', {
        heading: 'Replication failing',
        meaning:
          `Look today, and at once if this region has an outage. S3 could not copy a file of ${controlPlane} to the second region, and ` +
          'does not try again: new data planes there get an older configuration until the next one is published.',
        metric: new cloudwatch.Metric({
          namespace: 'AWS/S3',
          metricName: 'OperationsFailedReplication',
          dimensionsMap: {
            SourceBucket: props.vault.bucket.bucketName,
            DestinationBucket: replica.bucketName,
            RuleId: controlPlane,
          },
          statistic: cloudwatch.Stats.SUM,
          period: shortPeriod,
        }),
        // S3 counts a failure only after its own retries.
        threshold: 1,
        // No notification of its end: the missing file is still missing.
        tells: 'its beginning',
      });
    }
  }
}
