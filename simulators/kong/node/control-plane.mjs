import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import WebSocket from 'ws';

// Kong itself waits 5 to 10 s (kong/clustering/data_plane.lua), longer than a test may take.
const retryMs = 200;
const plugins = JSON.parse(
  readFileSync(
    new URL('../../../test/fixtures/kong-3.9.1/cluster/basic-info-plugins.json', import.meta.url),
    'utf8',
  ),
);

/**
 * The data plane's side of full sync (docs/kong.md#the-cluster-endpoint): connects, names its plugins, takes
 * each configuration that comes, and connects again when the connection has ended.
 *
 * @returns what ends it
 */
export function syncWithControlPlane(settings, take, log) {
  let ended = false;
  let socket;
  let timer;

  function connect() {
    const shared = settings.cluster_mtls !== 'pki';
    const { hostname } = new URL(`https://${settings.cluster_control_plane}`);
    const certificate = readFileSync(settings.cluster_cert);
    const trusted = settings.lua_ssl_trusted_certificate;
    const node = `node_id=${crypto.randomUUID()}&node_hostname=fake-kong&node_version=3.9.1`;
    socket = new WebSocket(`wss://${settings.cluster_control_plane}/v1/outlet?${node}`, {
      cert: certificate,
      key: readFileSync(settings.cluster_cert_key),
      ca: shared ? certificate : trusted === 'system' ? undefined : readFileSync(trusted),
      servername: shared ? 'kong_clustering' : (settings.cluster_server_name ?? hostname),
      perMessageDeflate: false,
    });
    socket.on('error', (error) => log(`[clustering] connection to control plane broken: ${error.message}`));
    socket.on('open', () => {
      const info = { type: 'basic_info', plugins, process_conf: {}, filters: {}, labels: {} };
      socket.send(Buffer.from(JSON.stringify(info)));
    });
    socket.on('message', (frame) => {
      const { config_hash: hash, config_table: table } = JSON.parse(gunzipSync(frame).toString('utf8'));
      take({ hash, table });
    });
    socket.on('close', () => {
      if (!ended) {
        timer = setTimeout(connect, retryMs);
      }
    });
  }

  connect();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket.terminate();
  };
}
