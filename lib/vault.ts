import { Annotations, Arn, ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { serviceHost } from './function.ts';
import type { LockdownSettings } from './settings.ts';

/** Who may do what with the files of one control plane. */
export interface VaultTenant {
  /** Name of the control plane, which is the prefix of its keys. */
  readonly controlPlane: string;
  /** Writes, reads and signs. */
  readonly exportRole: iam.IRole;
  /** Reads, on behalf of data planes: presigned URLs have its rights. */
  readonly presignRole: iam.IRole;
  /** Roles that read the files themselves, if their own policies let them. */
  readonly fileReaderRoleArns: readonly string[];
}

export interface VaultProps {
  /** All control planes of the deployment. Whoever is not named here neither reads nor writes. */
  readonly tenants: readonly VaultTenant[];
  /** Lifetime of presigned URLs. Seconds. */
  readonly urlLifetimeSeconds: number;
  /** Days after which noncurrent versions go, beyond the newest `noncurrentVersionsKept`. */
  readonly noncurrentVersionDays: number;
  readonly noncurrentVersionsKept: number;
  /** Each published version is locked for so many days. 0: the bucket has no Object Lock. */
  readonly objectLockDays: number;
  /** @default CloudFormation makes one */
  readonly bucketName?: string | undefined;
  /** A key of the deployer's, whose policy is not ours to change. @default one is made */
  readonly encryptionKeyArn?: string | undefined;
  /** @default whomever IAM lets */
  readonly lockdown?: LockdownSettings | undefined;
}

// A URL lives urlLifetimeSeconds; a minute more for clocks that differ. What a stolen credential signs for longer is refused.
const signatureAgeToleranceSeconds = 60;

/**
 * The bucket that outlives the control plane, its encryption key, and the key that signs what lies in it. What the policies allow stands
 * beside what they deny: each role gets the narrowest verb on the narrowest prefix, and everybody else is refused by name, so that a broad
 * policy elsewhere in the account opens nothing.
 */
export class Vault extends Construct {
  readonly bucket: s3.Bucket;
  readonly encryptionKey: kms.IKey;
  readonly signingKey: kms.IKey;
  /** What the policy of the deployer's own encryption key needs; empty where the key is ours, which has it. */
  readonly encryptionKeyStatements: readonly iam.PolicyStatement[];

  constructor(scope: Construct, id: string, props: VaultProps) {
    super(scope, id);
    const encryptionKey =
      props.encryptionKeyArn === undefined
        ? new kms.Key(this, 'EncryptionKey', {
            description: 'Lifeboat: encrypts the configurations of control planes',
            enableKeyRotation: true,
            // Without the key the last good configuration is lost, whatever happens to the stack.
            removalPolicy: RemovalPolicy.RETAIN,
          })
        : kms.Key.fromKeyArn(this, 'EncryptionKey', props.encryptionKeyArn);
    const signingKey = new kms.Key(this, 'SigningKey', {
      description: 'Lifeboat: signs the configurations of control planes',
      keySpec: kms.KeySpec.ECC_NIST_P256,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    acknowledge(
      signingKey,
      'AwsSolutions-KMS5',
      'KMS does not rotate asymmetric keys; data planes pin this one, and it is replaced by hand.',
    );
    const bucket = new s3.Bucket(this, 'Bucket', {
      ...(props.bucketName === undefined ? {} : { bucketName: props.bucketName }),
      versioned: true,
      // No default retention: each publication says its own, and a status, written every few minutes, need not be kept.
      ...(props.objectLockDays === 0 ? {} : { objectLockEnabled: true }),
      encryption: s3.BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        // Only noncurrent versions: however quiet a control plane is, its last good configuration stays. No two rules speak of the same key.
        ...props.tenants.map(({ controlPlane }) => ({
          id: `history-${controlPlane}`,
          prefix: `${controlPlane}/`,
          noncurrentVersionExpiration: Duration.days(props.noncurrentVersionDays),
          noncurrentVersionsToRetain: props.noncurrentVersionsKept,
        })),
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
    this.signingKey = signingKey;

    const exportRoles = props.tenants.map(({ exportRole }) => exportRole.roleArn);
    const presignRoles = props.tenants.map(({ presignRole }) => presignRole.roleArn);
    const readerRoles = [...new Set(props.tenants.flatMap(({ fileReaderRoleArns }) => fileReaderRoleArns))];
    for (const [index, tenant] of props.tenants.entries()) {
      this.#grantPublish(tenant);
      this.#grantRead(tenant.presignRole, tenant.controlPlane);
      this.#letReadersRead(tenant, index + 1);
      this.#denyOthers(tenant, index + 1);
    }
    this.#denyStrayWrites(props.tenants);
    this.#denyDeletion();
    this.#denyOldSignatures(props.urlLifetimeSeconds);
    if (props.objectLockDays > 0) {
      this.#lockVersions(props);
    }
    const onEncryptionKey = [
      ...(readerRoles.length === 0
        ? []
        : [
            allowedToRoles('ReadersDecrypt', 'kms:Decrypt', readerRoles, accountsOf(readerRoles), {
              StringEquals: this.#throughS3(),
            }),
          ]),
      deniedToOthers(
        'OnlyLifeboatDecrypts',
        [...exportRoles, ...presignRoles, ...readerRoles],
        ['kms:Decrypt'],
      ),
      deniedToOthers('OnlyExportEncrypts', exportRoles, ['kms:Encrypt', 'kms:GenerateDataKey*']),
      // Whoever may use the key has no other use for it. That it is this bucket the roles' own policies say: the bucket names its key, so the
      // key's policy cannot name the bucket.
      denied('OnlyThroughS3', ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*'], {
        StringNotEqualsIfExists: this.#throughS3(),
      }),
      // Nobody's work: it would carry over to another key what this one protects.
      denied('NobodyReEncrypts', ['kms:ReEncryptFrom', 'kms:ReEncryptTo']),
    ];
    // A signature is what data planes trust; a key policy is the one place where nobody else's policy can add a signer.
    const onSigningKey = [deniedToOthers('OnlyExportSigns', exportRoles, ['kms:Sign'])];
    if (props.lockdown !== undefined) {
      const { breakGlassRoleArn, deploymentRoleArn } = props.lockdown;
      const keepers = [breakGlassRoleArn, deploymentRoleArn];
      this.#lock(keepers);
      const locked = deniedToOthers('OnlyKeepersChangeKey', keepers, [
        'kms:PutKeyPolicy',
        'kms:DisableKey',
        'kms:ScheduleKeyDeletion',
      ]);
      onEncryptionKey.push(locked);
      onSigningKey.push(locked);
    }
    for (const statement of onSigningKey) {
      signingKey.addToResourcePolicy(statement);
    }
    const isOurs = onEncryptionKey.every(
      (statement) => encryptionKey.addToResourcePolicy(statement).statementAdded,
    );
    const ourAccount = [Stack.of(this).account];
    this.encryptionKeyStatements = isOurs
      ? []
      : [
          // For a key whose policy leaves nothing to the account's IAM policies, or that is another account's.
          allowedToRoles(
            'LifeboatDecrypts',
            'kms:Decrypt',
            [...exportRoles, ...presignRoles],
            ourAccount,
            this.#throughBucket(),
          ),
          allowedToRoles(
            'ExportEncrypts',
            'kms:GenerateDataKey',
            exportRoles,
            ourAccount,
            this.#throughBucket(),
          ),
          ...onEncryptionKey,
        ];
    if (!isOurs) {
      Annotations.of(this).addInfoV2(
        'lifeboat:encryptionKeyStatements',
        `the policy of ${encryptionKey.keyArn} is yours: once deployed, put the statements of the output EncryptionKeyStatements into it ` +
          '(Vault.encryptionKeyStatements in a stack of your own); without them others may decrypt, see docs/settings.md',
      );
    }
  }

  /** Opens the bucket to readers of other accounts, whose own policies alone would do nothing here. */
  #letReadersRead({ controlPlane, fileReaderRoleArns }: VaultTenant, number: number): void {
    if (fileReaderRoleArns.length === 0) {
      return;
    }
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: `ReadersRead${number}`,
        principals: accountsOf(fileReaderRoleArns).map((account) => new iam.AccountPrincipal(account)),
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [
          this.bucket.arnForObjects(`${controlPlane}/*/config.json`),
          this.bucket.arnForObjects(`status/${controlPlane}.json`),
        ],
        conditions: { ArnEquals: { 'aws:PrincipalArn': [...fileReaderRoleArns] } },
      }),
    );
  }

  /** What would open the vault or lose what is in it, for everybody but its keepers. */
  #lock(keepers: readonly string[]): void {
    this.#deny({
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
      conditions: notFrom(keepers),
    });
  }

  #grantPublish({ controlPlane, exportRole }: VaultTenant): void {
    const statusKey = this.bucket.arnForObjects(`status/${controlPlane}.json`);
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'Publish',
        actions: ['s3:PutObject'],
        resources: [this.bucket.arnForObjects(`${controlPlane}/*/config.json`), statusKey],
      }),
    );
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({ sid: 'ReadStatus', actions: ['s3:GetObject'], resources: [statusKey] }),
    );
    this.#grantRead(exportRole, controlPlane, `status/${controlPlane}.json`);
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'EncryptInBucket',
        actions: ['kms:GenerateDataKey'],
        resources: [this.encryptionKey.keyArn],
        conditions: this.#throughBucket(),
      }),
    );
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'SignManifests',
        actions: ['kms:Sign', 'kms:GetPublicKey'],
        resources: [this.signingKey.keyArn],
      }),
    );
    acknowledge(
      exportRole,
      `AwsSolutions-IAM5[Resource::<${this.#logicalId()}.Arn>/${controlPlane}/*/config.json]`,
      'One file per data-plane version, below the prefix of one control plane.',
    );
  }

  #grantRead(role: iam.IRole, controlPlane: string, ...furtherKeys: readonly string[]): void {
    const key = `${controlPlane}/*/config.json`;
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'ReadFiles',
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [this.bucket.arnForObjects(key)],
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'TellMissingFromForbidden',
        // With it S3 answers 404 for a file that was not published yet, without it 403 (S3 API, GetObject, "Permissions").
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': [`${controlPlane}/*`, ...furtherKeys] } },
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'DecryptInBucket',
        actions: ['kms:Decrypt'],
        resources: [this.encryptionKey.keyArn],
        conditions: this.#throughBucket(),
      }),
    );
    acknowledge(
      role,
      `AwsSolutions-IAM5[Resource::<${this.#logicalId()}.Arn>/${key}]`,
      'One file per data-plane version, below the prefix of one control plane.',
    );
  }

  /**
   * The key only for this bucket's objects, and only through S3; with a bucket key the context is the bucket's ARN (S3 User Guide,
   * "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys").
   */
  #throughBucket() {
    return {
      StringEquals: {
        'kms:EncryptionContext:aws:s3:arn': this.bucket.bucketArn,
        ...this.#throughS3(),
      },
    };
  }

  #throughS3() {
    return { 'kms:ViaService': serviceHost(this, 's3') };
  }

  #denyOthers(
    { controlPlane, exportRole, presignRole, fileReaderRoleArns }: VaultTenant,
    number: number,
  ): void {
    const files = this.bucket.arnForObjects(`${controlPlane}/*`);
    const status = this.bucket.arnForObjects(`status/${controlPlane}.json`);
    this.#deny({
      sid: `OnlyItsExportWrites${number}`,
      // Replication writes without s3:PutObject.
      actions: ['s3:PutObject', 's3:PutObjectTagging', 's3:PutObjectVersionTagging', 's3:ReplicateObject'],
      resources: [files, status],
      conditions: notFrom([exportRole.roleArn]),
    });
    this.#deny({
      sid: `OnlyItsOwnRead${number}`,
      actions: [
        's3:GetObject',
        's3:GetObjectVersion',
        's3:GetObjectAttributes',
        's3:GetObjectVersionAttributes',
      ],
      resources: [files, status],
      conditions: notFrom([exportRole.roleArn, presignRole.roleArn, ...fileReaderRoleArns]),
    });
  }

  #denyStrayWrites(tenants: readonly VaultTenant[]): void {
    const files = tenants.map(({ controlPlane }) =>
      this.bucket.arnForObjects(`${controlPlane}/*/config.json`),
    );
    const statuses = tenants.map(({ controlPlane }) =>
      this.bucket.arnForObjects(`status/${controlPlane}.json`),
    );
    this.#deny({
      sid: 'NothingElseIsWritten',
      actions: ['s3:PutObject', 's3:ReplicateObject'],
      notResources: [...files, ...statuses],
    });
    // A missing header is as good as a wrong one: with ...IfExists both are denied (design §4).
    this.#deny({
      sid: 'OnlyKmsEncryption',
      actions: ['s3:PutObject'],
      resources: [this.bucket.arnForObjects('*')],
      conditions: { StringNotEqualsIfExists: { 's3:x-amz-server-side-encryption': 'aws:kms' } },
    });
    this.#deny({
      sid: 'OnlyOurKey',
      actions: ['s3:PutObject'],
      resources: [this.bucket.arnForObjects('*')],
      conditions: {
        StringNotEqualsIfExists: {
          's3:x-amz-server-side-encryption-aws-kms-key-id': this.encryptionKey.keyArn,
        },
      },
    });
    // Whoever publishes says what he replaces: two exporters never overwrite one another
    // (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
    this.#deny({
      sid: 'OnlyConditionalPublication',
      actions: ['s3:PutObject'],
      resources: [this.bucket.arnForObjects('*/config.json')],
      conditions: {
        Null: { 's3:if-match': 'true', 's3:if-none-match': 'true' },
        // Not BoolIfExists, as elsewhere: an S3 that knows neither condition (Ceph) would refuse every publication.
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
    });
  }

  /** What changes the bucket policy can open everything else; a locked version stays even then. */
  #lockVersions({ tenants, objectLockDays }: VaultProps): void {
    for (const { controlPlane, exportRole } of tenants) {
      exportRole.addToPrincipalPolicy(
        new iam.PolicyStatement({
          sid: 'LockVersions',
          // Asked for by a PutObject that names a retention (S3 API, PutObject, "Permissions").
          actions: ['s3:PutObjectRetention'],
          resources: [this.bucket.arnForObjects(`${controlPlane}/*/config.json`)],
        }),
      );
    }
    const files = [this.bucket.arnForObjects('*/config.json')];
    this.#deny({
      sid: 'OnlyLockedPublication',
      actions: ['s3:PutObject'],
      resources: files,
      conditions: {
        StringNotEqualsIfExists: { 's3:object-lock-mode': 'GOVERNANCE' },
        // As above.
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
    });
    // A day more than is asked for: clocks differ, and S3 counts whole days.
    this.#deny({
      sid: 'NoLongerLock',
      actions: ['s3:PutObject', 's3:PutObjectRetention'],
      resources: files,
      conditions: {
        NumericGreaterThan: { 's3:object-lock-remaining-retention-days': objectLockDays + 1 },
      },
    });
    this.#deny({
      sid: 'OnlyExportsLock',
      actions: ['s3:PutObjectRetention', 's3:PutObjectLegalHold'],
      resources: [this.bucket.arnForObjects('*')],
      conditions: notFrom(tenants.map(({ exportRole }) => exportRole.roleArn)),
    });
  }

  #denyDeletion(): void {
    // Lifecycle rules are no principals: they alone remove noncurrent versions. Whoever must delete changes this policy first.
    this.#deny({
      sid: 'NobodyDeletes',
      actions: [
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        // Sets delete markers.
        's3:ReplicateDelete',
        's3:BypassGovernanceRetention',
        // Changes the key of a version in place: no PutObject, no new version, and nobody could decrypt it any more.
        's3:UpdateObjectEncryption',
      ],
      resources: [this.bucket.arnForObjects('*')],
    });
  }

  #denyOldSignatures(urlLifetimeSeconds: number): void {
    this.#deny({
      sid: 'NoLongLivedUrls',
      actions: ['s3:*'],
      resources: [this.bucket.arnForObjects('*')],
      conditions: {
        // Milliseconds (S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys").
        NumericGreaterThan: { 's3:signatureAge': (urlLifetimeSeconds + signatureAgeToleranceSeconds) * 1000 },
      },
    });
  }

  #deny(statement: iam.PolicyStatementProps): void {
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        ...statement,
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
      }),
    );
  }

  #logicalId(): string {
    const { defaultChild } = this.bucket.node;
    return defaultChild === undefined ? '' : this.bucket.stack.getLogicalId(defaultChild as s3.CfnBucket);
  }
}

/**
 * Holds for every caller but these roles. aws:PrincipalArn is the role's ARN for its sessions too, and missing for strangers, for whom
 * ArnNotEquals then holds as well (IAM User Guide, "Global condition context keys" and "Condition operators"); a NotPrincipal would have
 * to name each session.
 */
function notFrom(roleArns: readonly string[]) {
  return { ArnNotEquals: { 'aws:PrincipalArn': [...roleArns] } };
}

/** Where roles are: the fifth part of their ARNs. */
function accountsOf(roleArns: readonly string[]): readonly string[] {
  return [...new Set(roleArns.map((arn) => Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).account ?? ''))];
}

function deniedToOthers(
  sid: string,
  roleArns: readonly string[],
  actions: readonly string[],
): iam.PolicyStatement {
  return denied(sid, actions, notFrom(roleArns));
}

type Conditions = Record<string, Record<string, string | string[]>>;

/** Allows roles one use of a key; their own policies must do so, too. */
function allowedToRoles(
  sid: string,
  action: string,
  roleArns: readonly string[],
  accounts: readonly string[],
  conditions: Conditions,
): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid,
    // Not the roles themselves: KMS replaces a principal that was deleted by an id that nobody has.
    principals: accounts.map((account) => new iam.AccountPrincipal(account)),
    actions: [action],
    resources: ['*'],
    conditions: { ...conditions, ArnEquals: { 'aws:PrincipalArn': [...roleArns] } },
  });
}

/** A statement of a key's policy. */
function denied(sid: string, actions: readonly string[], conditions: Conditions = {}): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid,
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: [...actions],
    resources: ['*'],
    conditions,
  });
}
