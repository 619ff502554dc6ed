import type { DataPlaneAuth } from '../grants/data-plane-auth.ts';
import type { RetentionDays } from '../settings/retention-days.ts';

/** Network of a private control plane, by attributes: look-ups would need an account at synth. */
export interface LifeboatNetworkProps {
  /** For example `vpc-0123456789abcdef0`. */
  readonly vpcId: string;
  /** Where the subnets are, in the same order. */
  readonly availabilityZones: readonly string[];
  /**
   * Private subnets with a way to the control plane, SQS, S3, KMS and Secrets Manager; one in each
   * availability zone.
   */
  readonly subnetIds: readonly string[];
  /** They must allow connections to the control plane and to these services. */
  readonly securityGroupIds: readonly string[];
  /**
   * Makes the endpoints for these services, open to the exports of this network and for what they call:
   * interface endpoints for SQS, Secrets Manager and KMS, a gateway endpoint for S3. `routeTableIds`: of each
   * subnet, in the same order.
   * @default they are there, or the subnets have a way to the internet
   */
  readonly endpoints?: { readonly routeTableIds: readonly string[] } | undefined;
}

/** One control plane whose configuration is kept. */
export interface LifeboatControlPlaneProps {
  /** `host:port` of its `cluster_listen`, as data planes reach it. */
  readonly clusterEndpoint: string;
  /** Full versions of the data planes that the fleet runs, 1 to 10: a file is published for each. */
  readonly dataPlaneVersions: readonly string[];
  /**
   * `cluster_mtls` in its kong.conf.
   * @default 'shared'
   */
  readonly clusterMtls?: 'shared' | 'pki' | undefined;
  /**
   * Name in its certificate.
   * @default `kong_clustering` in shared mode, the host of the endpoint in PKI mode
   */
  readonly clusterServerName?: string | undefined;
  /**
   * Configured plugins that are not Kong's own. Without them the control plane sends no configuration at all.
   * @default none
   */
  readonly customPlugins?: readonly string[] | undefined;
  /**
   * Filters that it has, where `wasm = on`. Without them it sends no configuration at all.
   * @default none
   */
  readonly wasmFilters?: readonly string[] | undefined;
  /**
   * Largest configuration that is read, compressed. MiB, 1 to 256.
   * @default 64
   */
  readonly maxFrameMiB?: number | undefined;
  /**
   * Memory of its export. MiB, 512 to 10,240, and at least 256 and 5 times `maxFrameMiB`.
   * @default 1024
   */
  readonly memoryMiB?: number | undefined;
  /**
   * Complete ARN of a secret with `{"certificate", "key", "ca"?}`, PEM.
   * @default a secret is made, and waits to be filled
   */
  readonly clusterCertificateSecretArn?: string | undefined;
  /**
   * `http://` or `https://` URL of a forward proxy on the way to the control plane, without user and
   * password: as `proxy_server` with `cluster_use_proxy` on its data planes.
   * @default there is none
   */
  readonly proxyServer?: string | undefined;
  /**
   * Complete ARN of a secret with what the proxy needs: `{"username", "password"}`, and `"ca"`, PEM, for a
   * proxy with TLS whose certificate is of a private authority.
   * @default the proxy needs nothing
   */
  readonly proxySecretArn?: string | undefined;
  /**
   * Complete ARN of a secret that signs the event hooks.
   * @default a secret is made, and generated
   */
  readonly eventHookSecretArn?: string | undefined;
  /**
   * For data planes of other accounts: account numbers, and ARNs of roles and users, that may assume a role
   * which may ask for grants of this control plane and do nothing else. 1 to 10.
   * @default there is no such role
   */
  readonly readerRoleTrust?: readonly string[] | undefined;
  /**
   * Roles of this account that may send commands: roll back, unpin, export. Their own policies must allow it,
   * too; in an app `grantOperate` does both. Up to 10.
   * @default nobody
   */
  readonly operatorRoleArns?: readonly string[] | undefined;
  /**
   * Roles that may read the files in the bucket directly, also of other accounts: an auditor, a backup. Their
   * own policies must allow it, too. Up to 3 in all.
   * @default nobody
   */
  readonly fileReaderRoleArns?: readonly string[] | undefined;
  /**
   * How its data planes prove who they are.
   * @default as in the whole deployment
   */
  readonly dataPlaneAuth?: DataPlaneAuth | undefined;
  /**
   * Where the export runs when the control plane is private.
   * @default outside any VPC
   */
  readonly vpc?: LifeboatNetworkProps | undefined;
  /**
   * Whether a function stays connected to the control plane as a data plane, and asks for an export whenever
   * a configuration comes: changes are published within seconds without event hooks. Not for Konnect.
   * @default false
   */
  readonly listen?: boolean | undefined;
  /**
   * What is not published without a person: a configuration of another database, or one in which more than
   * `maximumLossPercent` are gone, of a type or of all, of which at least `minimumEntities` were published.
   * `'off'`: only one in which nothing is left.
   * @default { minimumEntities: 10, maximumLossPercent: 50 }
   */
  readonly guard?:
    | { readonly minimumEntities?: number | undefined; readonly maximumLossPercent?: number | undefined }
    | 'off'
    | undefined;
}

/** A name of yours for the API. */
export interface LifeboatDomainProps {
  /** For example `lifeboat.example.com`. */
  readonly name: string;
  /** Certificate in ACM for this name, of the stack's region. */
  readonly certificateArn: string;
  /**
   * Hosted zone of Route 53 that gets the record, for example `Z0123456789ABCDEFGHIJ`.
   * @default you make the record; its target is `Lifeboat.api.domain.target`
   */
  readonly hostedZoneId?: string | undefined;
  /**
   * Whether the name that API Gateway gives is closed.
   * @default false
   */
  readonly disableDefaultEndpoint?: boolean | undefined;
}

/** Settings of a deployment; docs/settings.md says more. Synth refuses a wrong value with a sentence. */
export interface LifeboatProps {
  /** By name, at least one. Synth refuses more than fit into a stack (docs/settings.md). */
  readonly controlPlanes: Readonly<Record<string, LifeboatControlPlaneProps>>;
  /**
   * How data planes prove who they are.
   * @default DataPlaneAuth.iam()
   */
  readonly dataPlaneAuth?: DataPlaneAuth | undefined;
  /**
   * How long a grant's URL is good. Seconds, 60 to 900.
   * @default 120
   */
  readonly urlLifetimeSeconds?: number | undefined;
  /**
   * Changes within one window become one export. Seconds, 1 to 60.
   * @default 1
   */
  readonly coalescingWindowSeconds?: number | undefined;
  /**
   * How often an export runs without any hook. Minutes, 1 to 60.
   * @default 5
   */
  readonly scheduleMinutes?: number | undefined;
  /**
   * How long after a window's end an export waits for a newer configuration. Seconds, 1 to 60.
   * @default 7
   */
  readonly settleSeconds?: number | undefined;
  /**
   * By how much a control plane's clock may be off. Seconds, 0 to 60.
   * @default 1
   */
  readonly clockToleranceSeconds?: number | undefined;
  /**
   * Exports of one control plane start no sooner than this after one another. Seconds, 0 to 30.
   * @default 5
   */
  readonly minimumIntervalSeconds?: number | undefined;
  /**
   * Whether hooks may be signed with sha1, as Kong does up to 3.13.
   * @default true
   */
  readonly acceptSha1?: boolean | undefined;
  /**
   * Noncurrent versions go after this many days, beyond the newest `noncurrentVersionsKept`. 1 to 3650.
   * @default 30
   */
  readonly noncurrentVersionDays?: number | undefined;
  /**
   * Noncurrent versions that stay, however old. 1 to 100.
   * @default 30
   */
  readonly noncurrentVersionsKept?: number | undefined;
  /**
   * Each published version is locked for so many days (S3 Object Lock, governance), 0 to 3650: nobody can
   * remove it sooner, even by changing the bucket policy. The bucket needs Object Lock, which `vaultMadeWith`
   * says.
   * @default 0, no Object Lock
   */
  readonly objectLockDays?: number | undefined;
  /**
   * Of all log groups, in one of CloudWatch's own numbers of days.
   * @default 30
   */
  readonly logRetentionDays?: RetentionDays | undefined;
  /**
   * Encrypts all log groups with a key of the stack; with `false` CloudWatch does, with a key of its own. On
   * a running stack that takes the key away: what was logged until then can no longer be read, see
   * docs/settings.md.
   * @default true
   */
  readonly logKey?: boolean | undefined;
  /**
   * Whether there is a dashboard beside the alarms, in a second region, too.
   * @default true
   */
  readonly dashboard?: boolean | undefined;
  /**
   * Standard SNS topic where alarms go.
   * @default they change their state and notify nobody
   */
  readonly alarmTopicArn?: string | undefined;
  /**
   * Where your people read docs/runbook.md.
   * @default a placeholder
   */
  readonly runbookUrl?: string | undefined;
  /**
   * Name of the vault.
   * @default CloudFormation makes one
   */
  readonly bucketName?: string | undefined;
  /**
   * What a vault was made with that is there, or is to be adopted: `bucketName`, `objectLockDays` and
   * `encryptionKeyArn` are refused where they do not fit it, because CloudFormation would make an empty vault
   * in its place, or nothing in it could be decrypted. docs/settings.md, "What a running vault keeps".
   * @default a name and a key that CloudFormation makes, no Object Lock
   */
  readonly vaultMadeWith?:
    | {
        readonly bucketName?: string | undefined;
        /** `later`: S3 was told itself, and CloudFormation knows nothing of it. @default false */
        readonly objectLock?: boolean | 'later' | undefined;
        /** What everything that is kept can be decrypted with. */
        readonly encryptionKeyArn?: string | undefined;
      }
    | undefined;
  /**
   * A key that encrypts the configurations and nothing else. Its policy needs the statements of
   * `Vault.encryptionKeyStatements`.
   * @default a key is made
   */
  readonly encryptionKeyArn?: string | undefined;
  /**
   * Keys that encrypted before `encryptionKeyArn` or the key that is made, up to 3: exports, data planes and
   * a replica can still read what kept revisions are under (docs/runbook.md, "Changing the encryption key").
   * @default none
   */
  readonly previousEncryptionKeyArns?: readonly string[] | undefined;
  /**
   * Names of the signing keys, 1 to 3. The first signs; another one is made and pinned before it becomes the
   * first (docs/runbook.md, "Rotating the signing key").
   * @default ['first']
   */
  readonly signingKeys?: readonly string[] | undefined;
  /**
   * Keys of `signingKeys` that are there already, by their names: those that a deleted deployment has left,
   * which data planes pin (docs/runbook.md, "The stack was deleted"). ECC_NIST_P256, for signing. Their
   * policies stay as they are; `Vault.signingKeyStatements` says what they need.
   * @default all are made
   */
  readonly signingKeyArns?: Readonly<Record<string, string>> | undefined;
  /**
   * Public keys (PEM) that are not among `signingKeys` any more and that kept revisions are signed with, up
   * to 5: a manifest by any other key is somebody else's.
   * @default none
   */
  readonly retiredSigningKeys?: readonly string[] | undefined;
  /**
   * On everything that can have tags, beside `application`.
   * @default none
   */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /**
   * Managed policy that bounds every role of Lifeboat.
   * @default none
   */
  readonly permissionsBoundaryArn?: string | undefined;
  /**
   * Executions that are reserved for a function, which are also its maximum, 1 to 1000; `presign`, `export`,
   * `inspect` and `listen` per control plane.
   * @default what is free in the account
   */
  readonly reservedConcurrency?:
    | {
        readonly webhook?: number | undefined;
        readonly presign?: number | undefined;
        readonly export?: number | undefined;
        readonly inspect?: number | undefined;
        readonly listen?: number | undefined;
      }
    | undefined;
  /**
   * The only two roles that change the vault's policy, lifecycle and versioning and the keys' policies, or
   * disable or delete them.
   * @default whoever the account's IAM policies allow
   */
  readonly lockdown?:
    | {
        /** For people, when nothing else helps. */
        readonly breakGlassRoleArn: string;
        /** The role that CloudFormation deploys with; without it nobody could update the stack. */
        readonly deploymentRoleArn: string;
      }
    | undefined;
  /**
   * A name of yours for the API.
   * @default the one that API Gateway gives
   */
  readonly domain?: LifeboatDomainProps | undefined;
  /**
   * Whether the API, its domain and the vault's URLs in grants have IPv6 addresses, too: for data planes
   * without IPv4.
   * @default false
   */
  readonly ipv6?: boolean | undefined;
  /**
   * Whether CloudTrail notes each reading and writing in the vault, in a bucket of its own. `selector`: the
   * output `DataEventSelector`, and `dataEventSelector`, say what a trail of yours needs for that.
   * @default false
   */
  readonly dataEvents?: boolean | 'selector' | undefined;
  /**
   * Whether the stack gets the outputs that people need next, and that `lifeboat --stack` finds the
   * deployment by. Their ids begin with the construct's id. What they say is in properties of the construct
   * and of its `units` as well.
   * @default true
   */
  readonly outputs?: boolean | undefined;
}
