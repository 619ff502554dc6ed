/**
 * The running node: nginx's master and worker in one process. Parameters: the prefix, and the process that it
 * ends with.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { syncWithControlPlane } from './control-plane.mjs';
import { emptyHash, isEmptyTable, parseDeclarativeConfig } from './declarative-config.mjs';
import { proxy } from './proxy.mjs';
import { readSettings } from './settings.mjs';
import { startWorker, work } from './worker.mjs';

const longestLifeMs = 10 * 60 * 1000;
// For Kong's code. Long enough for a caller to see the node without its new configuration; a real node takes
// a second or more.
const initMs = 50;

const [prefix, keeper] = [process.argv[2], Number(process.argv[3])];
const pidFile = join(prefix, 'pids/nginx.pid');
// Has LMDB's name, and is written when LMDB writes: with each configuration.
const cacheFile = join(prefix, 'dbless.lmdb/data.mdb');

/** @type {{ hash: string, table: Record<string, unknown> }} */
let configuration = { hash: emptyHash, table: {} };
let declaredFileIsMissing = false;
/** Of the configurations that came by incremental sync. */
let syncVersion = -1;
let lastDelivered;
let endWorker = startWorker(0);
let lastReload = Promise.resolve();

process.title = `nginx: master process fake-kong -p ${prefix} -c nginx.conf`;
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
  // One after another, as the master does.
  lastReload = lastReload.then(reload);
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

/**
 * Does not load again what it has already (kong/clustering/data_plane.lua). With incremental sync a node
 * shows a version instead of a hash, and the first one is 0.
 */
function takeFromControlPlane({ hash, table }) {
  const isIncremental = settings.cluster_incremental_sync === 'true';
  if (hash === (isIncremental ? lastDelivered : configuration.hash)) {
    return;
  }
  lastDelivered = hash;
  syncVersion += 1;
  take({ hash: isIncremental ? String(syncVersion).padStart(32, '0') : hash, table });
}

/**
 * Reads `.kong_env` again. A file that is refused changes nothing, and leaves the workers as they are. One
 * that is accepted is loaded by a new worker, which goes on with it whatever the master is told meanwhile.
 */
async function reload() {
  await work(initMs);
  const now = readSettings(prefix);
  const { declarative_config: file } = now;
  declaredFileIsMissing = file !== undefined && !existsSync(file);
  let next;
  try {
    if (file !== undefined && !declaredFileIsMissing) {
      await work(Number(now.fake_parse_ms ?? 0));
      next = parseDeclarativeConfig(file);
    }
  } catch (error) {
    log(`[error] init_by_lua error: error parsing declarative config: ${error.message}`);
    return;
  }
  const loadMs = next === undefined ? 0 : Number(now.fake_load_ms ?? 0);
  endWorker();
  endWorker = startWorker(loadMs);
  if (next !== undefined) {
    setTimeout(() => load(next, file, now), loadMs);
  }
}

function load(next, file, { lmdb_map_size: mapSize = '2048m' }) {
  const [, size, unit] = /^(\d+)([kmg]?)$/i.exec(mapSize) ?? [];
  if (statSync(file).size > Number(size) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase())) {
    log('[error] failed to load declarative config file: MDB_MAP_FULL: Environment mapsize limit reached');
    return;
  }
  try {
    take(next);
  } catch (error) {
    log(`[error] failed to load declarative config file: ${error.message}`);
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

/** @param {string} listen `host:port`, or `off` */
async function serve(listen, answer) {
  if (listen === 'off') {
    return;
  }
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
    server?.close();
    server?.closeAllConnections();
  }
  rmSync(pidFile, { force: true });
  process.exit(0);
}

function log(line) {
  console.error(`${new Date().toISOString()} ${line}`);
}
