import { CfnOutput, Fn, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { statusKey } from '../../core/vault/config-file-name.ts';
import type { StableRole } from '../functions/stable-role.ts';
import { FileStore, type StoreSettings } from '../vault/file-store.ts';
import { exceptRoles } from '../vault/policy-statements.ts';
import type { ReplicaAttributes } from '../vault/replication-rules.ts';

/** Who reads the files of one control plane in the second region. */
export interface ReplicaTenant {
  /** Name of the control plane, which is the prefix of its keys. */
  readonly controlPlane: string;
  /** Reads, on behalf of data planes: presigned URLs have its rights. */
  readonly presignRole: StableRole;
}

export interface ReplicaStoreProps extends StoreSettings {
  readonly tenants: readonly ReplicaTenant[];
  /** The only role that writes here; S3 assumes it. */
  readonly replicationRoleArn: string;
  /** @default CloudFormation makes one */
  readonly bucketName?: string | undefined;
}

/**
 * The vault's files a second time, in another region, with a key of that region. Only S3 writes here, as the
 * replication role, and only the presign functions of this region read. The files are signed: data planes
 * refuse one that was changed here.
 */
export class ReplicaStore extends FileStore {
  /**
   * For the stack of the first region, which is deployed after this one.
   *
   * @internal
   */
  readonly elsewhere: ReplicaAttributes;

  /** @internal */
  constructor(scope: Construct, id: string, props: ReplicaStoreProps) {
    const controlPlanes = props.tenants.map(({ controlPlane }) => controlPlane);
    super(scope, id, { ...props, controlPlanes });
    for (const [index, tenant] of props.tenants.entries()) {
      this.grantRead(tenant.presignRole, tenant.controlPlane);
      const objects = [`${tenant.controlPlane}/*`, statusKey(tenant.controlPlane)];
      this.denyOtherReaders(
        index + 1,
        objects.map((key) => this.bucket.arnForObjects(key)),
        [tenant.presignRole.stableArn],
      );
    }
    this.#denyOtherWriters(controlPlanes, props.replicationRoleArn);
    const presignRoles = props.tenants.map(({ presignRole }) => presignRole.stableArn);
    const denials = this.keyDenials({
      // S3 checks a bucket key by decrypting it before it encrypts with it (S3 User Guide, "S3 Bucket Keys
      // and replication").
      decrypt: [...presignRoles, props.replicationRoleArn],
      encrypt: [props.replicationRoleArn],
      lockdown: props.lockdown,
    });
    for (const statement of denials) {
      this.encryptionKey.addToResourcePolicy(statement);
    }
    const bucketName = this.#exportValue('BucketName', this.bucket.bucketName);
    const bucketArn = this.#exportValue('BucketArn', this.bucket.bucketArn);
    this.elsewhere = {
      region: Stack.of(this).region,
      // As text where it is chosen: the template of the first region then changes with it. By the output
      // alone that template would stay the same, would not be deployed, and S3 would go on copying to the old
      // bucket.
      bucketName: props.bucketName ?? bucketName,
      bucketArn:
        props.bucketName === undefined
          ? bucketArn
          : Stack.of(this).formatArn({ service: 's3', region: '', account: '', resource: props.bucketName }),
      encryptionKeyArn: this.#exportValue('EncryptionKeyArn', this.encryptionKey.keyArn),
    };
  }

  /**
   * CloudFormation itself reads the value when the other stack is deployed. CDK's own cross-region references
   * need a custom resource or fixed names.
   */
  #exportValue(id: string, value: string): string {
    const stack = Stack.of(this);
    const output = new CfnOutput(this, id, { description: 'For the vault, which replicates here', value });
    return Fn.getStackOutput(stack.stackName, stack.getLogicalId(output), stack.region);
  }

  #denyOtherWriters(controlPlanes: readonly string[], replicationRoleArn: string): void {
    const everything = [this.bucket.arnForObjects('*')];
    this.deny({
      sid: 'OnlyReplicationWrites',
      actions: [
        's3:ReplicateObject',
        's3:ReplicateTags',
        // Locks come with the objects.
        's3:PutObjectRetention',
        's3:PutObjectLegalHold',
      ],
      resources: everything,
      conditions: exceptRoles([replicationRoleArn]),
    });
    this.deny({
      sid: 'NothingElseIsWritten',
      actions: ['s3:ReplicateObject'],
      notResources: controlPlanes.flatMap((controlPlane) => [
        this.bucket.arnForObjects(`${controlPlane}/*/config.json`),
        this.bucket.arnForObjects(statusKey(controlPlane)),
      ]),
    });
    this.deny({
      sid: 'NobodyPublishes',
      // Replication writes without s3:PutObject, and the replica is not replicated further.
      actions: [
        's3:PutObject',
        's3:PutObjectTagging',
        's3:PutObjectVersionTagging',
        's3:GetObjectVersionForReplication',
      ],
      resources: everything,
    });
  }
}
