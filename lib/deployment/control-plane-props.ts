import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { DataPlaneAuth } from '../grants/data-plane-auth.ts';

/** Network of a private control plane by its ids, where there is no construct of it. */
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
   * A secret with `{"certificate", "key", "ca"?}`, PEM. Its key may be used, where CDK knows it.
   * @default a secret is made, and waits to be filled
   */
  readonly clusterCertificateSecret?: secretsmanager.ISecret | undefined;
  /**
   * The same by its complete ARN.
   * @default as `clusterCertificateSecret`
   */
  readonly clusterCertificateSecretArn?: string | undefined;
  /**
   * `http://` or `https://` URL of a forward proxy on the way to the control plane, without user and
   * password: as `proxy_server` with `cluster_use_proxy` on its data planes.
   * @default there is none
   */
  readonly proxyServer?: string | undefined;
  /**
   * A secret with what the proxy needs: `{"username", "password"}`, and `"ca"`, PEM, for a proxy with TLS
   * whose certificate is of a private authority.
   * @default the proxy needs nothing
   */
  readonly proxySecret?: secretsmanager.ISecret | undefined;
  /**
   * The same by its complete ARN.
   * @default as `proxySecret`
   */
  readonly proxySecretArn?: string | undefined;
  /**
   * A secret that signs the event hooks.
   * @default a secret is made, and generated
   */
  readonly eventHookSecret?: secretsmanager.ISecret | undefined;
  /**
   * The same by its complete ARN.
   * @default as `eventHookSecret`
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
   * Where the export runs when the control plane is private: a VPC of CDK, made or looked up, or ids.
   * @default outside any VPC
   */
  readonly vpc?: ec2.IVpc | LifeboatNetworkProps | undefined;
  /**
   * Subnets of that VPC with a way to the control plane, SQS, S3, KMS and Secrets Manager; at most one in
   * each availability zone.
   * @default its private ones
   */
  readonly vpcSubnets?: ec2.SubnetSelection | undefined;
  /**
   * Groups in that VPC. They must allow connections to the control plane and to these services.
   * @default one is made that allows all connections out, and none in
   */
  readonly securityGroups?: readonly ec2.ISecurityGroup[] | undefined;
  /**
   * Makes the endpoints for these services in that VPC, as `endpoints` does in one that is given by ids. Once
   * for each VPC.
   * @default false
   */
  readonly vpcEndpoints?: boolean | undefined;
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
