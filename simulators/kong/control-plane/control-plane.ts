/**
 * Stands in for a Kong 3.9.1 control plane (docs/kong.md) where there is none: a cluster endpoint with mutual
 * TLS that data planes can read from, an Admin API to change its configuration, and event hooks.
 */
import { presented, startAdminApi } from './admin-api.ts';
import {
  type ClusterCertificate,
  type ClusterCertificates,
  pkiCertificates,
  sharedCertificate,
} from './certificates.ts';
import { type ConnectedNode, startClusterEndpoint } from './cluster-endpoint.ts';
import { Configuration } from './configuration.ts';
import { eventHooks } from './event-hooks.ts';
import { type Faults, faultQueue } from './faults.ts';
import { buildPayload, buildPayloads } from './payload.ts';
import { type ConfigTable, recordedRoot } from './recording.ts';

const host = '127.0.0.1';
/** What the certificate of PKI mode is made out to: a TLS server name cannot be an IP address. */
const pkiServerName = 'localhost';

export interface ControlPlaneOptions {
  /** As `cluster_mtls` in kong.conf. */
  readonly mtls: 'shared' | 'pki';
  /** @default '3.9.1', the one that was recorded */
  readonly version?: '3.9.1';
  /** @default free ones */
  readonly ports?: { readonly cluster?: number; readonly admin?: number };
  /** Certificates of a control plane that ran before, so that its data planes are let in. @default new ones */
  readonly certificates?: ClusterCertificates;
  /**
   * Where to start: a table in the form of a frame (`{}` is an empty database), or the `configuration` of a control
   * plane that ran before, whose database this one then takes over. @default the recorded configuration
   */
  readonly configuration?: ConfigTable | Configuration;
  /** Plugins that are not Kong's own, name → version, which may be configured here. */
  readonly customPlugins?: Readonly<Record<string, string>>;
  /** Kong's `db_update_frequency`. @default 5 */
  readonly dbUpdateFrequencySeconds?: number;
  /** After how long without a ping a client is dropped. @default 45 */
  readonly pingTimeoutSeconds?: number;
  /** @default 'sha1', Kong's up to 3.13 */
  readonly signatureAlgorithm?: 'sha1' | 'sha256';
  /** The clock of timestamps and ttls, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** Takes the control plane's own log. @default nobody does */
  readonly log?: (line: string) => void;
}

export interface ControlPlane {
  /** `http://127.0.0.1:port`. */
  readonly adminUrl: string;
  /** `host:port` for data planes. */
  readonly clusterEndpoint: string;
  /** The name to check the endpoint's certificate against. */
  readonly serverName: string;
  /** What a data plane connects with; in shared mode the certificate is its own CA. */
  readonly certificates: ClusterCertificate;
  /** For the option `certificates` of the next control plane. */
  readonly clusterCertificates: ClusterCertificates;
  readonly ports: { readonly cluster: number; readonly admin: number };
  /** The database, for tests that go around the Admin API. */
  readonly configuration: Configuration;
  /** What a data plane of that version would be sent if the payload were built now. */
  currentTable(version: string): ConfigTable;
  /** What a data plane of that version is sent now: up to the update frequency behind. */
  builtTable(version: string): ConfigTable;
  /** `config_hash` of what is sent now. */
  builtHash(): string;
  connectedNodes(): readonly ConnectedNode[];
  readonly faults: Faults;
  /** Resolves when all event hooks so far were delivered or given up. */
  hooksDelivered(): Promise<void>;
  /** Takes it down as an outage does: connections are reset, hooks not yet delivered are lost. */
  stop(): Promise<void>;
}

async function newCertificates(mtls: 'shared' | 'pki'): Promise<ClusterCertificates> {
  if (mtls === 'pki') return pkiCertificates({ controlPlaneHost: pkiServerName });
  const certificate = await sharedCertificate();
  return { controlPlane: certificate, dataPlane: certificate };
}

/** Starts a control plane on 127.0.0.1; rejects where a port is taken. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { mtls, now = Date.now, log = () => undefined } = options;
  const plugins = new Map([...recordedRoot().plugins, ...Object.entries(options.customPlugins ?? {})]);
  const configuration =
    options.configuration instanceof Configuration
      ? options.configuration
      : new Configuration({
          plugins: new Set(plugins.keys()),
          now,
          ...(options.configuration === undefined ? {} : { table: options.configuration }),
        });
  const certificates = options.certificates ?? (await newCertificates(mtls));
  const faults = faultQueue();

  const hooks = eventHooks({
    signatureAlgorithm: options.signatureAlgorithm ?? 'sha1',
    present: (type, row) => presented(configuration, type, row, now()),
    now,
    log,
  });
  const builder = buildPayloads({
    configuration,
    updateFrequencySeconds: options.dbUpdateFrequencySeconds ?? 5,
    now,
  });
  const startServers = async () => {
    const cluster = await startClusterEndpoint({
      mtls,
      certificate: certificates.controlPlane,
      version: options.version ?? '3.9.1',
      host,
      port: options.ports?.cluster ?? 0,
      plugins,
      payload: builder.current,
      faults,
      pingTimeoutSeconds: options.pingTimeoutSeconds ?? 45,
      now,
      log,
    });
    const admin = await startAdminApi({
      host,
      port: options.ports?.admin ?? 0,
      configuration,
      eventHooks: hooks,
      dataPlanes: cluster.dataPlanes,
      now,
    }).catch(async (error: unknown) => {
      await cluster.stop();
      throw error;
    });
    return { cluster, admin };
  };
  const { cluster, admin } = await startServers().catch((error: unknown) => {
    builder.stop();
    throw error;
  });
  builder.onBuilt(cluster.push);
  const unsubscribe = configuration.onChange(hooks.announce);

  return {
    adminUrl: `http://${host}:${admin.port}`,
    clusterEndpoint: `${host}:${cluster.port}`,
    serverName: mtls === 'shared' ? 'kong_clustering' : pkiServerName,
    certificates: certificates.dataPlane,
    clusterCertificates: certificates,
    ports: { cluster: cluster.port, admin: admin.port },
    configuration,
    currentTable: (version) => buildPayload(configuration, now()).table(version),
    builtTable: (version) => builder.current().table(version),
    builtHash: () => builder.current().configHash,
    connectedNodes: cluster.connectedNodes,
    faults,
    hooksDelivered: hooks.delivered,
    stop: async () => {
      unsubscribe();
      builder.stop();
      hooks.stop();
      await Promise.all([cluster.stop(), admin.stop()]);
    },
  };
}
