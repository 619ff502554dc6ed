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

/**
 * A rule for each control plane, so that S3 measures each separately, and one for what the checks note of all
 * of them. No copy of that is waited for: the next one comes within minutes, and each says of when it is.
 */
export function createReplicationConfiguration({
  controlPlanes,
  role,
  replica,
  timeControl,
}: ReplicationTarget): s3.CfnBucket.ReplicationConfigurationProperty {
  // The only value that S3 accepts.
  const minutes = 15;
  const createRule = (id: string, index: number) => ({
    id,
    priority: index + 1,
    status: 'Enabled',
    filter: { prefix: `${id}/` },
    deleteMarkerReplication: { status: 'Disabled' },
    sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } },
  });
  const destination = {
    bucket: replica.bucketArn,
    encryptionConfiguration: { replicaKmsKeyId: replica.encryptionKeyArn },
  };
  return {
    role: role.roleArn,
    rules: [
      ...controlPlanes.map((controlPlane, index) => ({
        ...createRule(controlPlane, index),
        destination: {
          ...destination,
          metrics: { status: 'Enabled', ...(timeControl ? { eventThreshold: { minutes } } : {}) },
          ...(timeControl ? { replicationTime: { status: 'Enabled', time: { minutes } } } : {}),
        },
      })),
      // No control plane has this name (lib/settings/deployment-settings.ts).
      { ...createRule('status', controlPlanes.length), destination },
    ],
  };
}
