import type { Duration } from 'aws-cdk-lib';
import type * as acm from 'aws-cdk-lib/aws-certificatemanager';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as route53 from 'aws-cdk-lib/aws-route53';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { DataPlaneAuth } from '../grants/data-plane-auth.ts';
import type { RetentionDays } from '../settings/retention-days.ts';
import type { LifeboatControlPlaneProps } from './control-plane-props.ts';

/** A name of yours for the API. */
export interface LifeboatDomainProps {
  /** For example `lifeboat.example.com`. */
  readonly name: string;
  /** Certificate in ACM for this name, of the stack's region. Needed, or its ARN. */
  readonly certificate?: acm.ICertificate | undefined;
  /** The same by its ARN. */
  readonly certificateArn?: string | undefined;
  /**
   * Hosted zone of Route 53 that gets the record.
   * @default you make the record; its target is `Lifeboat.domainTarget`
   */
  readonly hostedZone?: route53.IHostedZone | undefined;
  /**
   * The same by its id, for example `Z0123456789ABCDEFGHIJ`.
   * @default as `hostedZone`
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
  /** The same as a `Duration`. @default as `urlLifetimeSeconds` */
  readonly urlLifetime?: Duration | undefined;
  /**
   * Changes within one window become one export. Seconds, 1 to 60.
   * @default 1
   */
  readonly coalescingWindowSeconds?: number | undefined;
  /** The same as a `Duration`. @default as `coalescingWindowSeconds` */
  readonly coalescingWindow?: Duration | undefined;
  /**
   * How often an export runs without any hook. Minutes, 1 to 60.
   * @default 5
   */
  readonly scheduleMinutes?: number | undefined;
  /** The same as a `Duration`. @default as `scheduleMinutes` */
  readonly scheduleInterval?: Duration | undefined;
  /**
   * How long after a window's end an export waits for a newer configuration. Seconds, 1 to 60.
   * @default 7
   */
  readonly settleSeconds?: number | undefined;
  /** The same as a `Duration`. @default as `settleSeconds` */
  readonly settleTime?: Duration | undefined;
  /**
   * By how much a control plane's clock may be off. Seconds, 0 to 60.
   * @default 1
   */
  readonly clockToleranceSeconds?: number | undefined;
  /** The same as a `Duration`. @default as `clockToleranceSeconds` */
  readonly clockTolerance?: Duration | undefined;
  /**
   * Exports of one control plane start no sooner than this after one another. Seconds, 0 to 30.
   * @default 5
   */
  readonly minimumIntervalSeconds?: number | undefined;
  /** The same as a `Duration`. @default as `minimumIntervalSeconds` */
  readonly minimumInterval?: Duration | undefined;
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
  /** The same as a `Duration`. @default as `noncurrentVersionDays` */
  readonly noncurrentVersionExpiration?: Duration | undefined;
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
  /** The same as a `Duration`. @default as `objectLockDays` */
  readonly objectLockDuration?: Duration | undefined;
  /**
   * Of all log groups, in one of CloudWatch's own numbers of days.
   * @default 30
   */
  readonly logRetentionDays?: RetentionDays | logs.RetentionDays | undefined;
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
   * How often a new data plane is played: grant, download, verification, every reference. Hours, 1 to 144;
   * 0: never.
   * @default 24
   */
  readonly drillHours?: number | undefined;
  /**
   * `lmdb_map_size` of the data planes, in MiB: a drill tells of a file that would not fit. 16 to 1,048,576.
   * @default 2048
   */
  readonly lmdbMapMiB?: number | undefined;
  /**
   * Standard SNS topic where alarms go.
   * @default they change their state and notify nobody
   */
  readonly alarmTopic?: sns.ITopic | undefined;
  /** The same by its ARN. @default as `alarmTopic` */
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
        readonly encryptionKey?: kms.IKey | undefined;
        /** The same by its ARN. @default as `encryptionKey` */
        readonly encryptionKeyArn?: string | undefined;
      }
    | undefined;
  /**
   * A key that encrypts the configurations and nothing else. A key that the same stack makes gets the
   * statements that its policy needs; the policy of any other one needs those of
   * `Vault.encryptionKeyStatements`.
   * @default a key is made
   */
  readonly encryptionKey?: kms.IKey | undefined;
  /** The same by its ARN. @default as `encryptionKey` */
  readonly encryptionKeyArn?: string | undefined;
  /**
   * Keys that encrypted before `encryptionKey` or the key that is made, up to 3: exports, data planes and
   * a replica can still read what kept revisions are under (docs/runbook.md, "Changing the encryption key").
   * @default none
   */
  readonly previousEncryptionKeys?: readonly kms.IKey[] | undefined;
  /** The same by their ARNs. @default as `previousEncryptionKeys` */
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
  readonly existingSigningKeys?: Readonly<Record<string, kms.IKey>> | undefined;
  /** The same by their ARNs. @default as `existingSigningKeys` */
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
  readonly permissionsBoundary?: iam.IManagedPolicy | undefined;
  /** The same by its ARN. @default as `permissionsBoundary` */
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
