import { Annotations, Lazy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { statusKey } from '../../core/vault/config-file-name.ts';
import type { StableRole } from '../functions/stable-role.ts';
import { FileStore, type StoreSettings } from './file-store.ts';
import {
  allowToRoles,
  denyToOthers,
  denyUseOfKey,
  exceptRoles,
  findAccounts,
  lockKey,
} from './policy-statements.ts';
import { denyStrayWrites, denyUnlockedPublication } from './publication-rules.ts';
import { createReplicationConfiguration, type ReplicationTarget } from './replication-rules.ts';
import { createSigningKey } from './signing-key.ts';

/** Who may do what with the files of one control plane. */
export interface VaultTenant {
  /** Name of the control plane, which is the prefix of its keys. */
  readonly controlPlane: string;
  /** Writes, reads and signs. */
  readonly exportRole: StableRole;
  /** Reads, on behalf of data planes: presigned URLs have its rights. */
  readonly presignRole: StableRole;
  /** Reads, to answer people's questions. */
  readonly inspectRole: StableRole;
  /** Roles that read the files themselves, if their own policies let them. */
  readonly fileReaderRoleArns: readonly string[];
}

export interface VaultProps extends StoreSettings {
  /** All control planes of the deployment. Whoever is not named here neither reads nor writes. */
  readonly tenants: readonly VaultTenant[];
  /** @default CloudFormation makes one */
  readonly bucketName?: string | undefined;
  /** A key of the deployer's in the same stack. @default as `encryptionKeyArn` */
  readonly encryptionKey?: kms.IKey | undefined;
  /** A key of the deployer's, whose policy is not ours to change. @default one is made */
  readonly encryptionKeyArn?: string | undefined;
  /** Keys that encrypted before, whose policies are not ours to change. */
  readonly previousEncryptionKeyArns: readonly string[];
  /** Names of the signing keys; the first signs. At least one. */
  readonly signingKeys: readonly string[];
  /** Those that are there already, by their names, whose policies are not ours to change. */
  readonly signingKeyArns: Readonly<Record<string, string>>;
}

/**
 * The bucket that outlives the control plane, its encryption key, and the key that signs what lies in it.
 * What the policies allow stands beside what they deny: each role gets the narrowest verb on the narrowest
 * prefix, and everybody else is refused by name, so that a broad policy elsewhere in the account opens
 * nothing.
 */
export class Vault extends FileStore {
  /** The one that signs. */
  readonly signingKey: kms.IKey;
  /** By name; all but the one that signs can sign nothing. */
  readonly signingKeys: ReadonlyMap<string, kms.IKey>;
  /** Those that can sign nothing now. */
  readonly furtherSigningKeyArns: readonly string[];
  /**
   * What the policy of the deployer's own encryption key needs; empty where the key is ours, which has it.
   */
  readonly encryptionKeyStatements: readonly iam.PolicyStatement[];
  /** The same of signing keys that were there already, by their names. */
  readonly signingKeyStatements = new Map<string, readonly iam.PolicyStatement[]>();
  readonly #hasObjectLock: boolean;
  /** Lifeboat's own roles that decrypt; that of a replica comes when the replica does. */
  readonly #decryptors: string[];
  /** The role that copies the files to another region, when there is a replica. */
  readonly #copiers: string[] = [];

  /** @internal */
  constructor(scope: Construct, id: string, props: VaultProps) {
    super(scope, id, {
      ...props,
      controlPlanes: props.tenants.map(({ controlPlane }) => controlPlane),
    });
    const [signing, ...others] = props.signingKeys.map(
      (name) => [name, createSigningKey(this, name, props.signingKeyArns[name])] as const,
    );
    if (signing === undefined) {
      throw new RangeError('a vault needs a signing key: the settings have checked that');
    }
    this.signingKey = signing[1];
    this.signingKeys = new Map([signing, ...others]);
    this.furtherSigningKeyArns = others.map(([, { keyArn }]) => keyArn);
    this.#hasObjectLock = (props.vaultMadeWith.objectLock ?? false) !== false;
    const isLocked = props.objectLockDays > 0;

    const exportRoles = props.tenants.map(({ exportRole }) => exportRole.stableArn);
    const readingRoles = props.tenants.flatMap(({ presignRole, inspectRole }) => [
      presignRole.stableArn,
      inspectRole.stableArn,
    ]);
    this.#decryptors = [...exportRoles, ...readingRoles];
    for (const [index, tenant] of props.tenants.entries()) {
      this.#grantPublish(tenant);
      this.grantRead(tenant.presignRole, tenant.controlPlane);
      this.#grantInspect(tenant);
      this.#allowFileReaders(tenant, index + 1);
      this.#denyOthers(tenant, index + 1);
    }
    const { bucket, encryptionKey } = this;
    for (const denial of [
      ...denyStrayWrites(bucket, encryptionKey, props.tenants),
      ...(isLocked ? denyUnlockedPublication(bucket, props.objectLockDays) : []),
    ]) {
      this.deny(denial);
    }
    this.#denyOtherCopiers();
    if (isLocked) {
      this.#grantLock(props.tenants);
    }
    // Data planes trust the signature. The key policy denies all other signers, whatever other policies
    // allow.
    this.#restrictSigningKey(...signing, denyToOthers('OnlyExportSigns', exportRoles, ['kms:Sign']), props);
    for (const other of others) {
      this.#restrictSigningKey(...other, denyUseOfKey('NobodySigns', ['kms:Sign']), props);
    }
    this.encryptionKeyStatements = this.#restrictEncryptionKey(props);
  }

  /**
   * @returns what the policy of a key of the deployer's needs; nothing for a key of ours, whose policy has it
   * then
   */
  #restrictEncryptionKey({ tenants, lockdown }: VaultProps): readonly iam.PolicyStatement[] {
    const { encryptionKey } = this;
    const exportRoles = tenants.map(({ exportRole }) => exportRole.stableArn);
    const readerRoles = [...new Set(tenants.flatMap(({ fileReaderRoleArns }) => fileReaderRoleArns))];
    const statements = [
      ...(readerRoles.length === 0
        ? []
        : [
            allowToRoles('ReadersDecrypt', 'kms:Decrypt', readerRoles, findAccounts(readerRoles), {
              StringEquals: this.throughS3(),
            }),
          ]),
      ...this.keyDenials({
        decrypt: Lazy.list({ produce: () => [...this.#decryptors, ...readerRoles] }),
        encrypt: exportRoles,
        lockdown,
      }),
    ];
    const isOurs = statements.every(
      (statement) => encryptionKey.addToResourcePolicy(statement).statementAdded,
    );
    if (isOurs) {
      return [];
    }
    Annotations.of(this).addInfoV2(
      'lifeboat:encryptionKeyStatements',
      `the policy of ${encryptionKey.keyArn} is yours: once deployed, put the statements of the output EncryptionKeyStatements into it ` +
        '(Vault.encryptionKeyStatements in a stack of your own); without them others may decrypt, see docs/settings.md',
    );
    const ourAccount = [Stack.of(this).account];
    const decryptors = Lazy.list({ produce: () => this.#decryptors });
    return [
      // For a key whose policy leaves nothing to the account's IAM policies, or that belongs to another
      // account.
      allowToRoles('LifeboatDecrypts', 'kms:Decrypt', decryptors, ourAccount, this.throughBucket()),
      allowToRoles('ExportEncrypts', 'kms:GenerateDataKey', exportRoles, ourAccount, this.throughBucket()),
      ...statements,
    ];
  }

  #restrictSigningKey(
    name: string,
    key: kms.IKey,
    signing: iam.PolicyStatement,
    { lockdown }: VaultProps,
  ): void {
    const statements = [signing, ...lockKey(lockdown)];
    if (!statements.every((statement) => key.addToResourcePolicy(statement).statementAdded)) {
      this.signingKeyStatements.set(name, statements);
    }
  }

  /**
   * Makes S3 copy the files to another region, and allows the role to do that and nothing else.
   *
   * @internal
   */
  replicateTo(target: ReplicationTarget): void {
    const { controlPlanes, role } = target;
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'ReadReplicationRules',
        actions: ['s3:GetReplicationConfiguration', 's3:ListBucket'],
        resources: [this.bucket.bucketArn],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'ReadFilesForReplication',
        actions: [
          's3:GetObjectVersionForReplication',
          's3:GetObjectVersionAcl',
          's3:GetObjectVersionTagging',
          // A lock is copied with what it locks (S3 User Guide, "Setting up permissions for live
          // replication").
          ...(this.#hasObjectLock ? ['s3:GetObjectRetention', 's3:GetObjectLegalHold'] : []),
        ],
        resources: controlPlanes.flatMap((controlPlane) => [
          this.bucket.arnForObjects(`${controlPlane}/*/config.json`),
          this.bucket.arnForObjects(statusKey(controlPlane)),
        ]),
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'DecryptInBucket',
        actions: ['kms:Decrypt'],
        resources: [...this.decryptionKeyArns],
        conditions: this.throughBucket(),
      }),
    );
    for (const controlPlane of controlPlanes) {
      this.acknowledgeFiles(role, controlPlane);
    }
    this.#decryptors.push(role.roleArn);
    this.#copiers.push(role.roleArn);
    this.cfnBucket().replicationConfiguration = createReplicationConfiguration(target);
  }

  /** Opens the bucket to readers of other accounts, whose own policies alone would do nothing here. */
  #allowFileReaders({ controlPlane, fileReaderRoleArns }: VaultTenant, number: number): void {
    if (fileReaderRoleArns.length === 0) {
      return;
    }
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: `ReadersRead${number}`,
        principals: findAccounts(fileReaderRoleArns).map((account) => new iam.AccountPrincipal(account)),
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [
          this.bucket.arnForObjects(`${controlPlane}/*/config.json`),
          this.bucket.arnForObjects(statusKey(controlPlane)),
        ],
        conditions: { ArnEquals: { 'aws:PrincipalArn': [...fileReaderRoleArns] } },
      }),
    );
  }

  #grantPublish({ controlPlane, exportRole }: VaultTenant): void {
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'Publish',
        actions: ['s3:PutObject'],
        resources: [
          this.bucket.arnForObjects(`${controlPlane}/*/config.json`),
          this.bucket.arnForObjects(statusKey(controlPlane)),
        ],
      }),
    );
    this.grantRead(exportRole, controlPlane);
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'SeeVersioning',
        // Without versions a write would destroy what is there.
        actions: ['s3:GetBucketVersioning'],
        resources: [this.bucket.bucketArn],
      }),
    );
    // Where something foreign stands in a file's place, the newest own version is looked for.
    this.#grantHistory(exportRole, controlPlane);
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'EncryptInBucket',
        actions: ['kms:GenerateDataKey'],
        resources: [this.encryptionKey.keyArn],
        conditions: this.throughBucket(),
      }),
    );
    exportRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'SignManifests',
        actions: ['kms:Sign', 'kms:GetPublicKey'],
        resources: [this.signingKey.keyArn],
      }),
    );
    if (this.furtherSigningKeyArns.length > 0) {
      exportRole.addToPrincipalPolicy(
        new iam.PolicyStatement({
          sid: 'KnowSigningKeys',
          actions: ['kms:GetPublicKey'],
          resources: [...this.furtherSigningKeyArns],
        }),
      );
    }
    this.acknowledgeFiles(exportRole, controlPlane);
  }

  /** Reads and decrypts, and knows what is ours; it writes nothing and signs nothing. */
  #grantInspect({ controlPlane, inspectRole }: VaultTenant): void {
    this.grantRead(inspectRole, controlPlane);
    this.#grantHistory(inspectRole, controlPlane);
    inspectRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'KnowSigningKeys',
        actions: ['kms:GetPublicKey'],
        resources: [this.signingKey.keyArn, ...this.furtherSigningKeyArns],
      }),
    );
  }

  #grantHistory(role: iam.IRole, controlPlane: string): void {
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'FindOwnRevisions',
        actions: ['s3:ListBucketVersions'],
        resources: [this.bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': `${controlPlane}/*` } },
      }),
    );
  }

  #denyOthers(
    { controlPlane, exportRole, presignRole, inspectRole, fileReaderRoleArns }: VaultTenant,
    number: number,
  ): void {
    const files = this.bucket.arnForObjects(`${controlPlane}/*`);
    const status = this.bucket.arnForObjects(statusKey(controlPlane));
    this.deny({
      sid: `OnlyItsExportWrites${number}`,
      // Replication writes without s3:PutObject.
      actions: [
        's3:PutObject',
        's3:PutObjectTagging',
        's3:PutObjectVersionTagging',
        's3:ReplicateObject',
        ...(this.#hasObjectLock ? ['s3:PutObjectRetention', 's3:PutObjectLegalHold'] : []),
      ],
      resources: [files, status],
      conditions: exceptRoles([exportRole.stableArn]),
    });
    this.denyOtherReaders(
      number,
      [files, status],
      [exportRole.stableArn, presignRole.stableArn, inspectRole.stableArn, ...fileReaderRoleArns],
    );
  }

  /** Replication reads without s3:GetObject, so it is denied to all others by its own action. */
  #denyOtherCopiers(): void {
    this.deny({
      sid: 'OnlyReplicationCopies',
      actions: ['s3:GetObjectVersionForReplication'],
      resources: [this.bucket.arnForObjects('*')],
      // Without a replica it holds for everybody.
      conditions: {
        ArnNotEquals: Lazy.any({
          produce: () => (this.#copiers.length === 0 ? undefined : exceptRoles(this.#copiers).ArnNotEquals),
        }),
      },
    });
  }

  /** A locked version stays even if somebody changes the bucket policy. */
  #grantLock(tenants: readonly VaultTenant[]): void {
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
  }
}
