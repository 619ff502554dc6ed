import { readFile } from 'node:fs/promises';
import { isNativeError } from 'node:util/types';
import * as v from 'valibot';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import type { LocalControlPlane } from '../local-template.ts';

/** That files are published for where no other is named. */
export const usualVersion = '3.9.1';

/** The control plane that the rehearsal is about. */
export interface Subject extends Omit<LocalControlPlane, 'name'> {
  readonly dataPlaneVersion: string;
  readonly description: string;
  /** Present where it is the simulator: a real control plane is only ever read. */
  readonly simulator: SimulatedControlPlane | undefined;
}

/** A control plane of our own, which may be changed and taken down. */
export interface SimulatedControlPlane {
  /** @returns the time of the answer */
  installHook(url: string, secret: string): Promise<Date>;
  /** @returns the time of the answer */
  create(collection: string, entity: object): Promise<Date>;
  /** Loses the services whose names begin so, all at once, as a restore from half a backup would. */
  loseServices(nameStart: string): Promise<void>;
  /** What a data plane would be sent now, and whether that holds all changes. */
  served(): { readonly configHash: string; readonly table: object; readonly upToDate: boolean };
  readonly adminUrl: string;
  takeDown(): Promise<void>;
}

export interface RealControlPlaneOptions {
  readonly clusterEndpoint: string;
  readonly clusterCert: string;
  readonly clusterCertKey: string;
  readonly clusterCa?: string | undefined;
  readonly clusterServerName?: string | undefined;
  readonly dataPlaneVersion?: string | undefined;
  readonly customPlugins: readonly string[];
  readonly wasmFilters: readonly string[];
}

/** A real control plane: read, never changed. */
export async function realControlPlane(options: RealControlPlaneOptions): Promise<Subject> {
  const [certificate, key, ca] = await Promise.all([
    pem('--cluster-cert', options.clusterCert),
    pem('--cluster-cert-key', options.clusterCertKey),
    options.clusterCa === undefined ? undefined : pem('--cluster-ca', options.clusterCa),
  ]);
  return {
    clusterEndpoint: options.clusterEndpoint,
    // In PKI mode there is a CA; in shared mode the certificate is all there is.
    mtls: ca === undefined ? 'shared' : 'pki',
    serverName: options.clusterServerName,
    certificate: { certificate, key, ca },
    dataPlaneVersion: options.dataPlaneVersion ?? usualVersion,
    customPlugins: options.customPlugins,
    wasmFilters: options.wasmFilters,
    description: `${options.clusterEndpoint}, a real control plane: read, never changed`,
    simulator: undefined,
  };
}

async function pem(option: string, file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(
      `${option} ${file} cannot be read (${isNativeError(error) ? error.message : String(error)})`,
      {
        cause: error,
      },
    );
  });
  if (!text.includes('-----BEGIN ')) {
    throw new Error(`${option} ${file} is no PEM file: it should begin with -----BEGIN`);
  }
  return text;
}

/** The recorded control plane, served by the simulator. */
export async function simulatedControlPlane(dataPlaneVersion = usualVersion): Promise<Subject> {
  const controlPlane = await startControlPlane({ mtls: 'shared' });
  return {
    clusterEndpoint: controlPlane.clusterEndpoint,
    mtls: 'shared',
    serverName: controlPlane.serverName,
    certificate: controlPlane.certificates,
    dataPlaneVersion,
    customPlugins: [],
    description: `Kong 3.9.1, simulated, with the configuration of a real one · ${controlPlane.clusterEndpoint}`,
    simulator: driveSimulator(controlPlane, dataPlaneVersion),
  };
}

function driveSimulator(controlPlane: ControlPlane, version: string): SimulatedControlPlane {
  let down: Promise<void> | undefined;
  const post = async (path: string, body: object): Promise<Date> => {
    const response = await fetch(`${controlPlane.adminUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      const { message } = v.parse(v.object({ message: v.string() }), await response.json());
      throw new Error(`the control plane answered ${response.status} to POST ${path}: ${message}`);
    }
    return new Date();
  };
  return {
    installHook: (url, secret) =>
      post('/event-hooks', { source: 'crud', handler: 'webhook', config: { url, secret } }),
    create: (collection, entity) => post(`/${collection}`, entity),
    loseServices: (nameStart) =>
      controlPlane.loseRows('services', ({ name }) => String(name).startsWith(nameStart)),
    served: () => {
      const table = controlPlane.builtTable(version);
      return {
        configHash: controlPlane.builtHash(),
        table,
        upToDate: JSON.stringify(table) === JSON.stringify(controlPlane.currentTable(version)),
      };
    },
    adminUrl: controlPlane.adminUrl,
    takeDown() {
      down ??= controlPlane.stop();
      return down;
    },
  };
}
