/** A data plane's side of the cluster endpoint, by `ws`: it shares no code with the project's own reader. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import WebSocket, { type ClientOptions } from 'ws';
import type { ClusterCertificate } from '../../../../core/kong/cluster-connection.ts';
import type { ControlPlane } from '../../../../simulators/kong/control-plane/control-plane.ts';

export const recordedPlugins: readonly { readonly name: string; readonly version: string }[] = JSON.parse(
  fixture('cluster/basic-info-plugins.json'),
);

export function fixture(path: string): string {
  return readFileSync(new URL(`../../../fixtures/kong-3.9.1/${path}`, import.meta.url), 'utf8');
}

export interface Reconfigure {
  readonly type: string;
  readonly timestamp: number;
  readonly config_table: Readonly<Record<string, unknown>>;
  readonly config_hash: string;
  readonly hashes: Readonly<Record<string, string>>;
}

export interface DataPlaneOptions {
  readonly nodeId?: string;
  readonly version?: string;
  readonly plugins?: readonly { readonly name: string; readonly version?: string | undefined }[];
  readonly certificates?: ClusterCertificate;
  readonly path?: string;
  /** What is sent in place of basic_info. */
  readonly firstMessage?: string | Buffer;
}

export interface DataPlane {
  readonly websocket: WebSocket;
  /** Everything that arrived, as it arrived. */
  readonly messages: readonly { readonly data: Buffer; readonly isBinary: boolean }[];
  /** The next frame that was not taken yet. */
  next(): Promise<Reconfigure>;
  readonly closed: Promise<void>;
  /** HTTP status of an upgrade that was refused, or the error's code. */
  readonly failure: () => number | string | undefined;
}

/** Connects and says basic_info; failures show in `failure` and `closed`. */
export function connect(controlPlane: ControlPlane, options: DataPlaneOptions = {}): DataPlane {
  const { nodeId = crypto.randomUUID(), version = '3.9.1', plugins = recordedPlugins } = options;
  const { certificate, key } = options.certificates ?? controlPlane.certificates;
  const path = options.path ?? `/v1/outlet?node_id=${nodeId}&node_hostname=dp&node_version=${version}`;
  // @types/ws does not know that the options go on to tls.connect, server name included.
  const settings: ClientOptions & { readonly servername: string } = {
    cert: certificate,
    key,
    ca: controlPlane.certificates.ca ?? controlPlane.certificates.certificate,
    servername: controlPlane.serverName,
    perMessageDeflate: false,
  };
  const websocket = new WebSocket(`wss://${controlPlane.clusterEndpoint}${path}`, settings);
  const messages: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  let taken = 0;
  let arrived: () => void = () => undefined;
  let failure: number | string | undefined;
  websocket.on('message', (data: Buffer, isBinary) => {
    messages.push({ data, isBinary });
    arrived();
  });
  websocket.on('unexpected-response', (_request, response) => {
    failure = response.statusCode;
    websocket.terminate();
  });
  websocket.on('error', (error: Error & { readonly code?: string }) => {
    failure ??= error.code ?? error.message;
  });
  const info = { type: 'basic_info', plugins, process_conf: {}, filters: {}, labels: {} };
  websocket.on('open', () => websocket.send(options.firstMessage ?? Buffer.from(JSON.stringify(info))));
  return {
    websocket,
    messages,
    closed: new Promise((resolve) => {
      websocket.once('close', () => resolve());
    }),
    failure: () => failure,
    next: async () => {
      while (messages[taken] === undefined) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      const message = messages[taken];
      taken += 1;
      return JSON.parse(gunzipSync(message?.data ?? Buffer.alloc(0)).toString('utf8'));
    },
  };
}

/** Waits until the condition holds, a little less than a test may take. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(4_500);
  while (!condition()) {
    deadline.throwIfAborted();
    await sleep(5);
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
