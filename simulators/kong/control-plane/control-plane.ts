/**
 * Stands in for a Kong 3.9.1 control plane (docs/kong.md) where there is none: a cluster endpoint with mutual
 * TLS for data planes to read from, an Admin API that adds to its configuration, and event hooks
 * (simulators/kong/README.md).
 */

import { randomUUID } from 'node:crypto';
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import { presentEntity, startAdminApi } from './admin-api.ts';
import { type ClusterCertificates, pkiCertificates, sharedCertificate } from './certificates.ts';
import type { ConnectedNode } from './clients.ts';
import { startClusterEndpoint } from './cluster-endpoint.ts';
import { bundledPlugins, filterPlugins } from './compatibility.ts';
import { Configuration, type Entity } from './configuration.ts';
import { createEventHooks } from './event-hooks.ts';
import { createFaultQueue, type Faults } from './faults.ts';
import { buildPayload, exportPayload, type PayloadStyle, rebuildAfterChanges } from './payload.ts';
import { type ConfigTable, readRecordedDatabase, readRecordedFrame } from './recording.ts';

/** What the certificate of PKI mode is made out to: a TLS server name cannot be an IP address. */
const pkiServerName = 'localhost';

export interface ControlPlaneOptions {
  /** As `cluster_mtls` in kong.conf. */
  readonly mtls: 'shared' | 'pki';
  /** @default a free one */
  readonly ports?: { readonly cluster: number };
  /** Certificates that data planes have already. @default new ones */
  readonly certificates?: ClusterCertificates;
  /**
   * The first configuration, in the form of a frame; `{}` is an empty database, which has its workspace and
   * parameters all the same. @default the recorded one
   */
  readonly configuration?: ConfigTable;
  /** Full version. @default 3.9.1 */
  readonly version?: string;
  /**
   * Plugins besides Kong's own, which may be configured here, name → version; also those of Kong's own that
   * are of another version here.
   */
  readonly customPlugins?: Readonly<Record<string, string>>;
  /** The filters that it has. @default wasm is off */
  readonly wasmFilters?: readonly string[];
  /** Kong's `db_update_frequency`. @default 5 */
  readonly dbUpdateFrequencySeconds?: number;
  /** How long an export takes. @default 0 */
  readonly exportMs?: number;
  /** `cluster_max_payload`. @default 16 MiB */
  readonly maxPayloadBytes?: number;
  /** After this a client that does not ping is dropped. @default 45 */
  readonly pingWaitSeconds?: number;
  /** Only Enterprise has event hooks. @default enterprise */
  readonly edition?: 'enterprise' | 'community';
  /** What the Admin API demands, as with RBAC. @default nothing */
  readonly adminToken?: string;
  /** Changes each message before it is compressed, as another control plane than Kong's would. */
  readonly message?: PayloadStyle['message'];
  /** Takes the control plane's own log. @default it is only kept */
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
  /** How many exports connections have caused: one that finds no other client causes one. */
  exportCount(): number;
  /**
   * Loses the database: clients are still sent what was built, and no change comes in. Or has it again.
   */
  setDatabase(state: 'down' | 'up'): void;
  /**
   * Has lost rows of its database, as after a restore from half a backup, and sends what is left. No hook
   * tells of it.
   */
  loseRows(type: string, isLost: (row: Entity) => boolean): Promise<void>;
  /** Sends older data planes something else, under the same hash, as after an upgrade by a patch. */
  patchDownConversion(change: PayloadStyle['downConversion']): void;
  /** What it has logged so far, from the level `notice` on: `[level] [clustering] text`. */
  readonly log: readonly string[];
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

/** Its configuration, as it was built last and as it is built again. */
function keepPayload(configuration: Configuration, options: ControlPlaneOptions) {
  let style: PayloadStyle = {
    exportMs: options.exportMs ?? 0,
    downConversion: (table) => table,
    message: options.message ?? ((message) => message),
    keyOrder: randomUUID(),
  };
  let built = buildPayload(configuration, style);
  let hasDatabase = true;
  return {
    built: () => built,
    /** What would be built now. */
    current: () => buildPayload(configuration, style),
    /** Builds it anew; without a database the old one stays. */
    async rebuild(): Promise<void> {
      if (hasDatabase) {
        built = await exportPayload(configuration, style);
      }
    },
    hasDatabase: () => hasDatabase,
    setDatabase(state: 'down' | 'up'): void {
      hasDatabase = state === 'up';
    },
    patchDownConversion(downConversion: PayloadStyle['downConversion']): void {
      style = { ...style, downConversion, keyOrder: randomUUID() };
      built = buildPayload(configuration, style);
    },
  };
}

/** Starts a control plane on 127.0.0.1; rejects where its port is taken. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { mtls, version = '3.9.1' } = options;
  const lines: string[] = [];
  const log = (line: string) => {
    if (!line.startsWith('[info]')) {
      lines.push(line);
    }
    options.log?.(line);
  };
  const { wasmFilters } = options;
  const plugins = new Map([
    ...filterPlugins(version, wasmFilters ?? []),
    ...bundledPlugins(version),
    ...Object.entries(options.customPlugins ?? {}),
  ]);
  const own = { version, plugins, wasmFilters };
  const { workspaces, parameters } = readRecordedFrame('3.9.1').config_table;
  const configuration = new Configuration(
    { workspaces, parameters, ...(options.configuration ?? readRecordedDatabase()) },
    new Set(plugins.keys()),
  );
  const certificates = options.certificates ?? (await createCertificates(mtls));
  const faults = createFaultQueue();
  const payload = keepPayload(configuration, options);
  let exportCount = 0;

  const cluster = await startClusterEndpoint({
    mtls,
    certificate: certificates.controlPlane,
    port: options.ports?.cluster ?? 0,
    own,
    payload: payload.built,
    hasDatabase: payload.hasDatabase,
    async exportAnew() {
      exportCount += 1;
      await payload.rebuild();
    },
    faults,
    maxPayloadBytes: options.maxPayloadBytes,
    pingWaitSeconds: options.pingWaitSeconds,
    log,
  });
  const stopRebuilding = rebuildAfterChanges(
    configuration,
    options.dbUpdateFrequencySeconds ?? 5,
    () => void payload.rebuild().then(cluster.push),
  );
  const hooks = createEventHooks({ present: presentEntity, log });
  const stopHooks = configuration.onChange(hooks.announce);
  const admin = await startAdminApi({
    configuration,
    eventHooks: hooks,
    dataPlanes: cluster.dataPlanes,
    own,
    edition: options.edition ?? 'enterprise',
    token: options.adminToken,
  });

  return {
    adminUrl: `http://127.0.0.1:${admin.port}`,
    clusterEndpoint: `127.0.0.1:${cluster.port}`,
    serverName: mtls === 'shared' ? 'kong_clustering' : pkiServerName,
    certificates: certificates.dataPlane,
    ports: { cluster: cluster.port },
    configuration,
    currentTable: (dataPlaneVersion) => payload.current().table(dataPlaneVersion),
    builtTable: (dataPlaneVersion) => payload.built().table(dataPlaneVersion),
    builtHash: () => payload.built().configHash,
    connectedNodes: cluster.connectedNodes,
    exportCount: () => exportCount,
    setDatabase: payload.setDatabase,
    async loseRows(type, isLost) {
      configuration.lose(type, isLost);
      await payload.rebuild();
      cluster.push();
    },
    patchDownConversion(change) {
      payload.patchDownConversion(change);
      cluster.push();
    },
    log: lines,
    faults,
    hooksDelivered: hooks.delivered,
    stop: async () => {
      stopHooks();
      stopRebuilding();
      hooks.stop();
      await Promise.all([cluster.stop(), admin.stop()]);
    },
  };
}
