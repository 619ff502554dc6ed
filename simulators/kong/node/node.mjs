/**
 * The running node: nginx's master and worker in one process. Parameters: the prefix, and the process that it
 * ends with.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { syncWithControlPlane } from './control-plane.mjs';
import { emptyHash, isEmptyTable, parseDeclarativeConfig } from './declarative-config.mjs';
import { proxy } from './proxy.mjs';
import { readSettings } from './settings.mjs';

const longestLifeMs = 10 * 60 * 1000;
// Long enough for a caller to see the node without its new configuration. A real node takes a second or more.
const loadMs = 50;

const [prefix, keeper] = [process.argv[2], Number(process.argv[3])];
const pidFile = join(prefix, 'pids/nginx.pid');
// Has LMDB's name, and is written when LMDB writes: with each configuration.
const cacheFile = join(prefix, 'dbless.lmdb/data.mdb');

/** @type {{ hash: string, table: Record<string, unknown> }} */
let configuration = { hash: emptyHash, table: {} };
let declaredFileIsMissing = false;

process.title = `nginx: master process fake-kong -p ${prefix}`;
const settings = readSettings(prefix);
if (settings.declarative_config !== undefined) {
  take(parseDeclarativeConfig(settings.declarative_config));
} else if (existsSync(cacheFile)) {
  configuration = JSON.parse(readFileSync(cacheFile, 'utf8'));
} else {
  writeFileSync(cacheFile, JSON.stringify(configuration));
}
const servers = await Promise.all([
  serve(settings.status_listen, answerStatus),
  serve(settings.proxy_listen, (request, response) => proxy(configuration.table, request, response)),
]);
const endSync =
  settings.role === 'data_plane'
    ? syncWithControlPlane(settings, takeFromControlPlane, log)
    : () => undefined;

process.on('SIGHUP', () => {
  log('[notice] signal 1 (SIGHUP) received, reconfiguring');
  setTimeout(reload, loadMs);
});
process.on('SIGTERM', end);
process.on('SIGQUIT', end);
setTimeout(end, longestLifeMs);
setInterval(endWithKeeper, 250);
writeFileSync(pidFile, `${process.pid}\n`);
process.send?.('started');

/** Keeps what is loaded, as LMDB does. */
function take({ hash, table }) {
  configuration = { hash: isEmptyTable(table) ? emptyHash : hash, table };
  writeFileSync(`${cacheFile}.new`, JSON.stringify(configuration));
  renameSync(`${cacheFile}.new`, cacheFile);
  log(`loaded configuration ${configuration.hash}`);
}

/** Does not load again what it has already (kong/clustering/data_plane.lua). */
function takeFromControlPlane(next) {
  if (next.hash !== configuration.hash) {
    take(next);
  }
}

/**
 * Reads `.kong_env` again. A declared file replaces the configuration; a file that is refused changes
 * nothing.
 */
function reload() {
  try {
    const { declarative_config: file } = readSettings(prefix);
    declaredFileIsMissing = file !== undefined && !existsSync(file);
    if (file !== undefined && !declaredFileIsMissing) {
      take(parseDeclarativeConfig(file));
    }
  } catch (error) {
    log(`[error] init_by_lua error: error parsing declarative config: ${error.message}`);
  }
}

function answerStatus(request, response) {
  if (request.url === '/status') {
    json(response, 200, { configuration_hash: configuration.hash, database: { reachable: true } });
  } else if (request.url !== '/status/ready') {
    json(response, 404, { message: 'Not found' });
  } else if (configuration.hash === emptyHash || declaredFileIsMissing) {
    json(response, 503, { message: 'no configuration available (empty configuration present)' });
  } else {
    json(response, 200, { message: 'ready' });
  }
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** @param {string} listen `host:port` */
async function serve(listen, answer) {
  const { hostname, port } = new URL(`http://${listen}`);
  const server = createServer(answer);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), hostname, resolve);
  });
  return server;
}

function endWithKeeper() {
  try {
    process.kill(keeper, 0);
  } catch {
    end();
  }
}

function end() {
  endSync();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(pidFile, { force: true });
  process.exit(0);
}

function log(line) {
  console.error(`${new Date().toISOString()} ${line}`);
}
