import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { Api } from '../api/api.ts';
import { Export } from '../export/export.ts';
import { PrivateEndpoints } from '../export/private-endpoints.ts';
import { FunctionRole } from '../functions/function.ts';
import { LogKey } from '../functions/log-key.ts';
import { allowInvoke, grantBootstrap, grantInvoke } from '../grants/bootstrap-grant.ts';
import type { DataPlaneAuth } from '../grants/data-plane-auth.ts';
import { Presign } from '../grants/presign.ts';
import { Intake } from '../intake/intake.ts';
import { Operations, type WatchedUnit } from '../operations/operations.ts';
import { parseSettings, type Settings, type SettingsInput } from '../settings/settings.ts';
import { DataEvents } from '../vault/data-events.ts';
import { Vault } from '../vault/vault.ts';
import { applyToAll } from './apply-to-all.ts';

/** Network of a private control plane, by attributes: look-ups would need an account at synth. */
export interface LifeboatNetworkProps {
  /** For example `vpc-0123456789abcdef0`. */
  readonly vpcId: string;
  /** Where the subnets are, in the same order. */
  readonly availabilityZones: readonly string[];
  /** Private subnets with a way to the control plane, SQS, S3, KMS and Secrets Manager; one in each availability zone. */
  readonly subnetIds: readonly string[];
  /** Must let out to the control plane and to these services. */
  readonly securityGroupIds: readonly string[];
  /**
   * Makes the endpoints for these services, open to the exports of this network and for what they call: interface endpoints for SQS, Secrets Manager
   * and KMS, a gateway endpoint for S3. `routeTableIds`: of each subnet, in the same order.
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
   * Complete ARN of a secret with `{"certificate", "key", "ca"?}`, PEM.
   * @default a secret is made, and waits to be filled
   */
  readonly clusterCertificateSecretArn?: string | undefined;
  /**
   * Complete ARN of a secret that signs the event hooks.
   * @default a secret is made, and generated
   */
  readonly eventHookSecretArn?: string | undefined;
  /**
   * Accounts (their numbers), and ARNs of roles and users, that may assume a role which may ask for grants of this control plane, and
   * nothing else: for data planes of other accounts. 1 to 10.
   * @default there is no such role
   */
  readonly readerRoleTrust?: readonly string[] | undefined;
  /**
   * Roles that read the files in the bucket themselves, of other accounts too: an auditor, a backup. Their own policies must allow it, and
   * nobody else's can. Up to 3 in all.
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
}

/** A name of yours for the API. */
export interface LifeboatDomainProps {
  /** For example `lifeboat.example.com`. */
  readonly name: string;
  /** Certificate in ACM for this name, of the stack's region. */
  readonly certificateArn: string;
  /**
   * Hosted zone of Route 53 that gets the record, for example `Z0123456789ABCDEFGHIJ`.
   * @default DNS is yours: `Lifeboat.api.domain.target` is what the name has to lead to
   */
  readonly hostedZoneId?: string | undefined;
  /**
   * Whether the name that API Gateway gives is closed.
   * @default false
   */
  readonly disableDefaultEndpoint?: boolean | undefined;
}

/** What can be said of a deployment; docs/settings.md says more of each. A wrong value is refused with a sentence at synth. */
export interface LifeboatProps {
  /** By name, 1 to 10. */
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
   * How long after a window's end a newer configuration is awaited. Seconds, 1 to 60.
   * @default 6
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
   * Each published version is locked for so many days (S3 Object Lock, governance), 0 to 3650: nobody removes it sooner, whoever changes the
   * bucket policy. To be decided before the first deployment, see docs/settings.md.
   * @default 0, no Object Lock
   */
  readonly objectLockDays?: number | undefined;
  /**
   * Of all log groups, in one of CloudWatch's own numbers of days.
   * @default 30
   */
  readonly logRetentionDays?: SettingsInput['logRetentionDays'] | undefined;
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
   * A key that encrypts the configurations and nothing else. Its policy needs the statements of `Vault.encryptionKeyStatements`.
   * @default a key is made
   */
  readonly encryptionKeyArn?: string | undefined;
  /**
   * Names of the signing keys, 1 to 3. The first signs; another is made and pinned before it comes to the front (docs/runbook.md, "Rotating the
   * signing key").
   * @default ['first']
   */
  readonly signingKeys?: readonly string[] | undefined;
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
   * How many executions of a function are kept free for it, and are its most, 1 to 1000; `presign` and `export` of each control plane.
   * @default what is free in the account
   */
  readonly reservedConcurrency?:
    | {
        readonly webhook?: number | undefined;
        readonly presign?: number | undefined;
        readonly export?: number | undefined;
      }
    | undefined;
  /**
   * The only two roles that change the vault's policy, lifecycle and versioning and the keys' policies, or disable or delete them.
   * @default whomever the account's IAM policies let
   */
  readonly lockdown?:
    | {
        /** For people, when nothing else helps. */
        readonly breakGlassRoleArn: string;
        /** Whom CloudFormation deploys with: without it nobody could update the stack. */
        readonly deploymentRoleArn: string;
      }
    | undefined;
  /**
   * A name of yours for the API.
   * @default the one that API Gateway gives
   */
  readonly domain?: LifeboatDomainProps | undefined;
  /**
   * Whether CloudTrail notes each reading and writing in the vault, in a bucket of its own.
   * @default false
   */
  readonly dataEvents?: boolean | undefined;
}

/** What a deployment has for one control plane. */
export interface LifeboatUnit extends WatchedUnit {
  /** Where its event hooks go (`config.url` of the hook). */
  readonly webhookUrl: string;
  /** Where its data planes get their URL. */
  readonly grantUrl: string;
  /** What a data plane's role needs `execute-api:Invoke` on, where data planes use IAM. */
  readonly grantArn: string;
  /** What data planes of other accounts assume. @default none */
  readonly readerRole?: iam.IRole | undefined;
}

/**
 * Keeps the configuration of Kong control planes for data planes that start without them: one vault and one API, and a unit for each control
 * plane that touches no other.
 */
export class Lifeboat extends Construct {
  readonly vault: Vault;
  readonly api: Api;
  /** By the name of their control plane. */
  readonly units: ReadonlyMap<string, LifeboatUnit>;
  /** What its replica shares with it. */
  readonly settings: Settings;

  /** @throws SettingsError */
  constructor(scope: Construct, id: string, props: LifeboatProps) {
    super(scope, id);
    const settings = parseSettings(props, `of ${this.node.path}`);
    applyToAll(this, settings);

    const tenants = Object.entries(settings.controlPlanes).map(([controlPlane, unit]) => ({
      controlPlane,
      settings: unit,
      exportRole: new FunctionRole(this, `ExportRole-${controlPlane}`),
      presignRole: new FunctionRole(this, `PresignRole-${controlPlane}`),
      fileReaderRoleArns: unit.fileReaderRoleArns,
    }));
    const vault = new Vault(this, 'Vault', { tenants, ...settings });
    const logKey = new LogKey(this, 'LogKey');
    const api = new Api(this, 'Api', { ...settings, logKey });
    const units = tenants.map(({ controlPlane, settings: unit, exportRole, presignRole }): LifeboatUnit => {
      const grantArn = api.grantArn(controlPlane);
      const { readerRoleTrust: trust } = unit;
      const common = { controlPlane, settings: unit, deployment: settings, logKey, vault };
      return {
        controlPlane,
        export: new Export(this, `Export-${controlPlane}`, { ...common, role: exportRole }),
        presign: new Presign(this, `Presign-${controlPlane}`, { ...common, api, role: presignRole }),
        webhookUrl: `${api.url}/control-planes/${controlPlane}/events`,
        grantUrl: `${api.url}/control-planes/${controlPlane}/fallback-config`,
        grantArn,
        dataPlaneAuth: unit.dataPlaneAuth,
        readerRole: trust === undefined ? undefined : this.#readerRole(controlPlane, grantArn, trust),
      };
    });
    this.#privateEndpoints(settings, units, vault);
    const exports = new Map(units.map((unit) => [unit.controlPlane, unit.export]));
    const intake = new Intake(this, 'Intake', { deployment: settings, logKey, api, exports });
    new Operations(this, 'Operations', { deployment: settings, api, intake, units });
    if (settings.dataEvents) {
      new DataEvents(this, 'DataEvents', { bucket: vault.bucket });
    }
    this.settings = settings;
    this.vault = vault;
    this.api = api;
    this.units = new Map(units.map((unit) => [unit.controlPlane, unit]));
  }

  /**
   * Lets data planes ask for grants of exactly one control plane.
   *
   * @throws Error when there is no such control plane, its data planes do not use IAM, or the grantee takes no policy (a role of another
   * account)
   */
  grantBootstrap(grantee: iam.IGrantable, controlPlane: string): iam.Grant {
    return grantBootstrap(this, this.units, grantee, controlPlane);
  }

  /**
   * Lets data planes of private networks ask for grants of exactly one control plane by invoking its function: an HTTP API has no private
   * endpoint, and Lambda has one.
   *
   * @throws Error as `grantBootstrap`
   */
  grantInvoke(grantee: iam.IGrantable, controlPlane: string): iam.Grant {
    return grantInvoke(this, this.units, grantee, controlPlane);
  }

  #privateEndpoints({ controlPlanes }: Settings, units: readonly LifeboatUnit[], vault: Vault): void {
    const networks = new Map(Object.entries(controlPlanes).map(([name, { vpc }]) => [name, vpc]));
    for (const [controlPlane, network] of networks) {
      if (network?.endpoints !== undefined) {
        new PrivateEndpoints(this, `Endpoints-${controlPlane}`, {
          network,
          routeTableIds: network.endpoints.routeTableIds,
          exports: units.flatMap((unit) => {
            const own = networks.get(unit.controlPlane);
            return own?.vpcId === network.vpcId
              ? [{ export: unit.export, securityGroupIds: own.securityGroupIds }]
              : [];
          }),
          vault,
        });
      }
    }
  }

  /** HTTP APIs have no resource policies: whoever comes from another account asks as a role of this one. */
  #readerRole(controlPlane: string, grantArn: string, trust: readonly string[]): iam.Role {
    const trusted = trust.map((each) =>
      /^\d+$/.test(each) ? new iam.AccountPrincipal(each) : new iam.ArnPrincipal(each),
    );
    const role = new iam.Role(this, `ReaderRole-${controlPlane}`, {
      description: `Lifeboat: lets data planes of other accounts ask for grants of control plane ${controlPlane}`,
      assumedBy: new iam.CompositePrincipal(...trusted),
    });
    allowInvoke(role, grantArn);
    return role;
  }
}
