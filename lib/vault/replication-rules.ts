import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';

/** What a replica is called, once it is deployed. */
export interface ReplicaAttributes {
  readonly region: string;
  readonly bucketName: string;
  readonly bucketArn: string;
  readonly encryptionKeyArn: string;
}

/** A bucket of another region that S3 copies the files to. */
export interface ReplicationTarget {
  readonly controlPlanes: readonly string[];
  /** As which S3 reads here and writes there. */
  readonly role: iam.Role;
  readonly replica: ReplicaAttributes;
  /** Whether AWS vouches for the time it takes, and bills for that. */
  readonly timeControl: boolean;
}

/** Each control plane's files by a rule of its own, which S3 counts apart. */
export function createReplicationConfiguration({
  controlPlanes,
  role,
  replica,
  timeControl,
}: ReplicationTarget): s3.CfnBucket.ReplicationConfigurationProperty {
  const minutes = 15;
  return {
    role: role.roleArn,
    // Not status/: what was last looked at is of this region.
    rules: controlPlanes.map((controlPlane, index) => ({
      id: controlPlane,
      priority: index + 1,
      status: 'Enabled',
      filter: { prefix: `${controlPlane}/` },
      deleteMarkerReplication: { status: 'Disabled' },
      sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } },
      destination: {
        bucket: replica.bucketArn,
        encryptionConfiguration: { replicaKmsKeyId: replica.encryptionKeyArn },
        metrics: { status: 'Enabled', ...(timeControl ? { eventThreshold: { minutes } } : {}) },
        // The one time that S3 takes.
        ...(timeControl ? { replicationTime: { status: 'Enabled', time: { minutes } } } : {}),
      },
    })),
  };
}
