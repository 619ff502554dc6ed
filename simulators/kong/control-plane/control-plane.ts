/**
 * Stands in for a Kong 3.9.1 control plane (docs/kong.md) where there is none: a cluster endpoint with mutual
 * TLS for data planes to read from, an Admin API that adds to its configuration, and event hooks
 * (simulators/kong/README.md).
 */

import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import { presentEntity, startAdminApi } from './admin-api.ts';
import { type ClusterCertificates, pkiCertificates, sharedCertificate } from './certificates.ts';
import { type ConnectedNode, startClusterEndpoint } from './cluster-endpoint.ts';
import { Configuration } from './configuration.ts';
import { createEventHooks } from './event-hooks.ts';
import { createFaultQueue, type Faults } from './faults.ts';
import { buildPayload, buildPayloads } from './payload.ts';
import { type ConfigTable, readRecordedDatabase, readRecordedPlugins } from './recording.ts';

/** What the certificate of PKI mode is made out to: a TLS server name cannot be an IP address. */
const pkiServerName = 'localhost';

export interface ControlPlaneOptions {
  /** As `cluster_mtls` in kong.conf. */
  readonly mtls: 'shared' | 'pki';
  /** @default a free one */
  readonly ports?: { readonly cluster: number };
  /** Certificates that data planes have already. @default new ones */
  readonly certificates?: ClusterCertificates;
  /** The first configuration, in the form of a frame; `{}` is an empty database. @default the recorded one */
  readonly configuration?: ConfigTable;
  /** Plugins that are not Kong's own, name → version, which may be configured here. */
  readonly customPlugins?: Readonly<Record<string, string>>;
  /** Kong's `db_update_frequency`. @default 5 */
  readonly dbUpdateFrequencySeconds?: number;
  /** Takes the control plane's own log. @default it is dropped */
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
  readonly ports: { readonly cluster: number };
  /** The database, for tests that do not go through the Admin API. */
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

async function createCertificates(mtls: 'shared' | 'pki'): Promise<ClusterCertificates> {
  if (mtls === 'pki') {
    return pkiCertificates({ controlPlaneHost: pkiServerName });
  }
  const certificate = await sharedCertificate();
  return { controlPlane: certificate, dataPlane: certificate };
}

/** Starts a control plane on 127.0.0.1; rejects where its port is taken. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { mtls, log = () => undefined } = options;
  const plugins = new Map([...readRecordedPlugins(), ...Object.entries(options.customPlugins ?? {})]);
  const configuration = new Configuration(
    options.configuration ?? readRecordedDatabase(),
    new Set(plugins.keys()),
  );
  const certificates = options.certificates ?? (await createCertificates(mtls));
  const faults = createFaultQueue();
  let payload = buildPayload(configuration);

  const cluster = await startClusterEndpoint({
    mtls,
    certificate: certificates.controlPlane,
    port: options.ports?.cluster ?? 0,
    plugins,
    payload: () => payload,
    faults,
    log,
  });
  const stopBuilding = buildPayloads(configuration, options.dbUpdateFrequencySeconds ?? 5, (built) => {
    payload = built;
    cluster.push();
  });
  const hooks = createEventHooks({ present: presentEntity, log });
  const stopHooks = configuration.onChange(hooks.announce);
  const admin = await startAdminApi({ configuration, eventHooks: hooks, dataPlanes: cluster.dataPlanes });

  return {
    adminUrl: `http://127.0.0.1:${admin.port}`,
    clusterEndpoint: `127.0.0.1:${cluster.port}`,
    serverName: mtls === 'shared' ? 'kong_clustering' : pkiServerName,
    certificates: certificates.dataPlane,
    ports: { cluster: cluster.port },
    configuration,
    currentTable: (version) => buildPayload(configuration).table(version),
    builtTable: (version) => payload.table(version),
    builtHash: () => payload.configHash,
    connectedNodes: cluster.connectedNodes,
    faults,
    hooksDelivered: hooks.delivered,
    stop: async () => {
      stopHooks();
      stopBuilding();
      hooks.stop();
      await Promise.all([cluster.stop(), admin.stop()]);
    },
  };
}
