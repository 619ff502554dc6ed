import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { statusKey } from '../../core/vault/config-file-name.ts';
import { acknowledge } from '../conventions/acknowledge.ts';
import { formatServiceHost } from '../functions/function.ts';
import type { LockdownSettings, Settings } from '../settings/settings.ts';
import { denyToOthers, denyUseOfKey, exceptRoles, listKeepers, lockKey } from './policy-statements.ts';
import { keepPolicy, namePolicyByText, outlivesStack } from './removal.ts';

/** Settings that vault and replica share. */
export interface StoreSettings {
  /** Lifetime of presigned URLs. Seconds. */
  readonly urlLifetimeSeconds: number;
  /** Days after which noncurrent versions go, beyond the newest `noncurrentVersionsKept`. */
  readonly noncurrentVersionDays: number;
  readonly noncurrentVersionsKept: number;
  /** Each published version is locked for so many days. 0: the bucket has no Object Lock. */
  readonly objectLockDays: number;
  /** Whether the bucket has Object Lock, and whether CloudFormation knows. */
  readonly vaultMadeWith: Pick<Settings['vaultMadeWith'], 'objectLock'>;
  /** @default whoever IAM allows */
  readonly lockdown?: LockdownSettings | undefined;
}

export interface FileStoreProps extends StoreSettings {
  /** The first part of the files' keys. */
  readonly controlPlanes: readonly string[];
  /** @default CloudFormation makes one */
  readonly bucketName?: string | undefined;
  /** A key of the deployer's in the same stack. @default as `encryptionKeyArn` */
  readonly encryptionKey?: kms.IKey | undefined;
  /** A key of the deployer's, whose policy is not ours to change. @default one is made */
  readonly encryptionKeyArn?: string | undefined;
  /** Keys that encrypted before, whose policies are not ours to change. @default none */
  readonly previousEncryptionKeyArns?: readonly string[] | undefined;
}

/** Roles that may use the encryption key, by their ARNs. */
export interface KeyUsers {
  readonly decrypt: readonly string[];
  readonly encrypt: readonly string[];
  readonly lockdown: LockdownSettings | undefined;
}

// A URL is valid for urlLifetimeSeconds; a minute more for clocks that differ. A URL that a stolen credential
// signs for longer is refused.
const signatureAgeToleranceSeconds = 60;

/**
 * A bucket of published files with its encryption key: nothing in it is lost. Subclasses say who may do what.
 */
export abstract class FileStore extends Construct {
  readonly bucket: s3.Bucket;
  readonly encryptionKey: kms.IKey;
  /**
   * What encrypts, and what encrypted before: kept versions are under it.
   *
   * @internal
   */
  protected readonly decryptionKeyArns: readonly string[];

  /** @internal */
  constructor(scope: Construct, id: string, props: FileStoreProps) {
    super(scope, id);
    const encryptionKey = props.encryptionKey ?? this.#createKey(props.encryptionKeyArn);
    const bucket = new s3.Bucket(this, 'Bucket', {
      ...(props.bucketName === undefined ? {} : { bucketName: props.bucketName }),
      versioned: true,
      // No default retention: each publication names its own, and a status, written every few minutes, need
      // not be kept.
      ...(props.vaultMadeWith.objectLock === true ? { objectLockEnabled: true } : {}),
      encryption: s3.BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: outlivesStack,
      lifecycleRules: [
        // Only noncurrent versions: the last good configuration stays, however long a control plane changes
        // nothing. No two rules match the same key.
        ...props.controlPlanes.map((controlPlane) => ({
          id: `history-${controlPlane}`,
          prefix: `${controlPlane}/`,
          noncurrentVersionExpiration: Duration.days(props.noncurrentVersionDays),
          noncurrentVersionsToRetain: props.noncurrentVersionsKept,
        })),
        // A status is written every few minutes, and only the current one says anything.
        { id: 'status', prefix: 'status/', noncurrentVersionExpiration: Duration.days(1) },
        { id: 'uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    acknowledge(
      bucket,
      'AwsSolutions-S1',
      'Each grant is logged with its caller by the presign function; data events of CloudTrail tell the rest.',
    );
    this.bucket = bucket;
    this.encryptionKey = encryptionKey;
    this.decryptionKeyArns = [encryptionKey.keyArn, ...(props.previousEncryptionKeyArns ?? [])];
    this.#denyDeletion();
    keepPolicy(bucket);
    if (props.bucketName !== undefined) {
      namePolicyByText(bucket, props.bucketName);
    }
    this.#denyOldSignatures(props.urlLifetimeSeconds);
    if (props.lockdown !== undefined) {
      this.#lock(listKeepers(props.lockdown));
    }
  }

  #createKey(arn: string | undefined): kms.IKey {
    return arn === undefined
      ? new kms.Key(this, 'EncryptionKey', {
          description: 'Lifeboat: encrypts the configurations of control planes',
          enableKeyRotation: true,
          // Without the key the last good configuration is lost, whatever happens to the stack.
          removalPolicy: outlivesStack,
        })
      : kms.Key.fromKeyArn(this, 'EncryptionKey', arn);
  }

  /**
   * Lets a role read the files of one control plane and its status.
   *
   * @internal
   */
  protected grantRead(role: iam.IRole, controlPlane: string): void {
    const key = `${controlPlane}/*/config.json`;
    const status = statusKey(controlPlane);
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'ReadFiles',
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [this.bucket.arnForObjects(key)],
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'ReadStatus',
        actions: ['s3:GetObject'],
        resources: [this.bucket.arnForObjects(status)],
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'TellMissingFromForbidden',
        // With it S3 answers 404 for what was not published yet, without it 403 (S3 API, GetObject,
        // "Permissions").
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': [`${controlPlane}/*`, status] } },
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'DecryptInBucket',
        actions: ['kms:Decrypt'],
        resources: [...this.decryptionKeyArns],
        conditions: this.throughBucket(),
      }),
    );
    this.acknowledgeFiles(role, controlPlane);
  }

  /**
   * Allows the key only for this bucket's objects, and only through S3. With a bucket key the encryption
   * context is the bucket's ARN (S3 User Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys").
   *
   * @internal
   */
  protected throughBucket() {
    return {
      StringEquals: {
        'kms:EncryptionContext:aws:s3:arn': this.bucket.bucketArn,
        ...this.throughS3(),
      },
    };
  }

  /** @internal */
  protected throughS3() {
    return { 'kms:ViaService': formatServiceHost(this, 's3') };
  }

  /**
   * Only these roles read these objects, whatever other policies allow.
   *
   * @internal
   */
  protected denyOtherReaders(number: number, objects: readonly string[], roleArns: readonly string[]): void {
    this.deny({
      sid: `OnlyItsOwnRead${number}`,
      actions: [
        's3:GetObject',
        's3:GetObjectVersion',
        's3:GetObjectAttributes',
        's3:GetObjectVersionAttributes',
      ],
      resources: [...objects],
      conditions: exceptRoles(roleArns),
    });
  }

  /** @internal */
  protected deny(statement: iam.PolicyStatementProps): void {
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        ...statement,
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
      }),
    );
  }

  /**
   * For a role that may do something with all files of a control plane.
   *
   * @internal
   */
  protected acknowledgeFiles(role: iam.IRole, controlPlane: string): void {
    acknowledge(
      role,
      `AwsSolutions-IAM5[Resource::<${this.bucket.stack.getLogicalId(this.cfnBucket())}.Arn>/${controlPlane}/*/config.json]`,
      'One file per data-plane version, below the prefix of one control plane.',
    );
  }

  /** @internal */
  protected cfnBucket(): s3.CfnBucket {
    const { defaultChild } = this.bucket.node;
    if (!(defaultChild instanceof s3.CfnBucket)) {
      throw new Error(`${this.bucket.node.path} is no bucket that CDK makes`);
    }
    return defaultChild;
  }

  /**
   * What the policy of the encryption key denies, whatever other policies allow: only the named roles may use
   * it, each only as it has to.
   *
   * @internal
   */
  protected keyDenials({ decrypt, encrypt, lockdown }: KeyUsers): readonly iam.PolicyStatement[] {
    return [
      denyToOthers('OnlyLifeboatDecrypts', decrypt, ['kms:Decrypt']),
      denyToOthers('OnlyExportEncrypts', encrypt, ['kms:Encrypt', 'kms:GenerateDataKey*']),
      // The roles have no other use for the key. Their own policies limit it to this bucket: the bucket
      // refers to its key, so the key's policy cannot refer to the bucket.
      denyUseOfKey('OnlyThroughS3', ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*'], {
        StringNotEqualsIfExists: this.throughS3(),
      }),
      // No role needs it: it would move data from this key to another one.
      denyUseOfKey('NobodyReEncrypts', ['kms:ReEncryptFrom', 'kms:ReEncryptTo']),
      ...lockKey(lockdown),
    ];
  }

  /** Denies everybody but the keepers what would open the bucket or lose its content. */
  #lock(keeperArns: readonly string[]): void {
    this.deny({
      sid: 'OnlyKeepersChangeVault',
      actions: [
        's3:PutBucketPolicy',
        's3:DeleteBucketPolicy',
        's3:PutLifecycleConfiguration',
        's3:PutBucketVersioning',
        's3:PutEncryptionConfiguration',
        's3:PutReplicationConfiguration',
        's3:PutBucketPublicAccessBlock',
        's3:PutBucketObjectLockConfiguration',
        's3:DeleteBucket',
      ],
      resources: [this.bucket.bucketArn],
      conditions: exceptRoles(keeperArns),
    });
  }

  #denyDeletion(): void {
    // Lifecycle rules are not principals, so they still remove noncurrent versions. To delete anything else,
    // change this policy first.
    this.deny({
      sid: 'NobodyDeletes',
      actions: [
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        // Sets delete markers.
        's3:ReplicateDelete',
        's3:BypassGovernanceRetention',
        // Changes the key of a version in place, without PutObject and without a new version: afterwards
        // nobody could decrypt it.
        's3:UpdateObjectEncryption',
      ],
      resources: [this.bucket.arnForObjects('*')],
    });
  }

  #denyOldSignatures(urlLifetimeSeconds: number): void {
    this.deny({
      sid: 'NoLongLivedUrls',
      actions: ['s3:*'],
      resources: [this.bucket.arnForObjects('*')],
      conditions: {
        // Milliseconds (S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy
        // Keys").
        NumericGreaterThan: { 's3:signatureAge': (urlLifetimeSeconds + signatureAgeToleranceSeconds) * 1000 },
      },
    });
  }
}
