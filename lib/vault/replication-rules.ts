import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';

/** Names of a deployed replica. */
export interface ReplicaAttributes {
  readonly region: string;
  readonly bucketName: string;
  readonly bucketArn: string;
  readonly encryptionKeyArn: string;
}

/** A bucket of another region that S3 copies the files to. */
export interface ReplicationTarget {
  readonly controlPlanes: readonly string[];
  /** The role that S3 assumes to read here and write there. */
  readonly role: iam.Role;
  readonly replica: ReplicaAttributes;
  /** Whether S3's Replication Time Control is on, which AWS bills. */
  readonly timeControl: boolean;
}

/** A rule for each control plane, so that S3 measures each separately. */
export function createReplicationConfiguration({
  controlPlanes,
  role,
  replica,
  timeControl,
}: ReplicationTarget): s3.CfnBucket.ReplicationConfigurationProperty {
  const minutes = 15;
  return {
    role: role.roleArn,
    // Not status/: it describes the exports of this region.
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
        // The only value that S3 accepts.
        ...(timeControl ? { replicationTime: { status: 'Enabled', time: { minutes } } } : {}),
      },
    })),
  };
}
