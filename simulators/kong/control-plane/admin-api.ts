/**
 * As much of Kong's Admin API as people and tests change a control plane with (docs/kong.md#admin-api); anything
 * else is a 404.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as v from 'valibot';
import type { DataPlaneRow } from './cluster-endpoint.ts';
import { type Configuration, ConfigurationError, type Entity, primaryKey } from './configuration.ts';
import { type EntityType, entityTypes } from './entities.ts';
import type { EventHooks } from './event-hooks.ts';
import { type Listening, listen } from './listening.ts';
import { recordedEndpoints, recordedRoot } from './recording.ts';
import { isRecord } from './records.ts';

/** As `client_max_body_size` of Kong's Admin API, 10 MiB. */
const maximumBodyBytes = 10 * 1024 * 1024;
const defaultPageSize = 100;
const maximumPageSize = 1_000;

/** Lists that the recorded control plane has, all of them empty. */
const emptyCollections: ReadonlySet<string> = new Set(['sessions', 'oauth2_tokens', 'acme_storage']);

const uuid = v.pipe(v.string(), v.uuid());
const offsetContent = v.strictTuple([uuid]);

export interface AdminApiOptions {
  readonly host: string;
  readonly port: number;
  readonly configuration: Configuration;
  readonly eventHooks: EventHooks;
  readonly dataPlanes: () => readonly DataPlaneRow[];
  readonly now: () => number;
}

/** What is answered; `body` undefined for 204. */
interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** An answer other than a success or a `ConfigurationError`. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** Part of a list that a URL means: a whole collection, or what belongs to a parent. */
interface Listed {
  readonly type: EntityType;
  readonly parent: { readonly type: EntityType; readonly row: Entity; readonly field: string } | undefined;
  readonly path: string;
}

/**
 * A row as the Admin API shows it: foreign keys as `{"id"}`, `ttl` in seconds left, a certificate with its SNIs' names.
 * A ttl that has run out shows as 0: the recorded key would else be gone one day, and tests with it.
 */
export function presented(configuration: Configuration, name: string, row: Entity, now: number): Entity {
  const shown: Record<string, unknown> = { ...row };
  for (const field of Object.keys(entityTypes.get(name)?.references ?? {})) {
    const id = row[field];
    shown[field] = typeof id === 'string' ? { id } : null;
  }
  const ttl = row['ttl'];
  if (typeof ttl === 'number') shown['ttl'] = Math.max(0, ttl - Math.floor(now / 1000));
  if (name === 'certificates') {
    const own = configuration.rows('snis').filter((sni) => sni['certificate'] === row['id']);
    shown['snis'] = own.map((sni) => String(sni['name'])).sort();
  }
  return shown;
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  // Said before a byte of it is read, so that the answer arrives; a body without a length is cut off.
  if (Number(request.headers['content-length'] ?? 0) > maximumBodyBytes)
    throw new Refusal(413, 'request body too large');
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maximumBodyBytes) throw new Refusal(413, 'request body too large');
    chunks.push(chunk);
  }
  if (sizeBytes === 0) return {};
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'send application/json: the simulator takes no forms');
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (isRecord(body)) return body;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Refusal(400, 'Cannot parse JSON body');
}

function pageSize(given: string | null): number {
  if (given === null) return defaultPageSize;
  const size = Number(given);
  if (/^\d+$/.test(given) && size >= 1 && size <= maximumPageSize) return size;
  const message = `size must be an integer between 1 and ${maximumPageSize}`;
  throw new ConfigurationError('invalid size', message, { size: message });
}

/** Offset → the id after which to go on. It is base64 of `["<id>"]` and may be made by hand. */
function offsetId(offset: string): string {
  try {
    const [id] = v.parse(offsetContent, JSON.parse(Buffer.from(offset, 'base64url').toString('utf8')));
    return id;
  } catch (error) {
    if (!(error instanceof SyntaxError || v.isValiError(error))) throw error;
    const message = `'${offset}' is not a valid offset`;
    throw new ConfigurationError('invalid offset', message, { offset: message });
  }
}

function firstAfter(rows: readonly Entity[], id: string, sortedById: boolean): number {
  const index = rows.findIndex((row) => (sortedById ? primaryKey(row) > id : primaryKey(row) === id));
  if (sortedById) return index === -1 ? rows.length : index;
  return index + 1;
}

/** Kong lists targets newest first, everything else by id. */
function rowsOf({ type, parent }: Listed, configuration: Configuration): readonly Entity[] {
  const all = configuration.rows(type.name);
  const own = parent === undefined ? all : all.filter((row) => row[parent.field] === parent.row['id']);
  if (type.name !== 'targets') return own;
  return own.toSorted((a, b) => Number(b['created_at']) - Number(a['created_at']));
}

function page(listed: Listed, query: URLSearchParams, options: AdminApiOptions): Answer {
  const { configuration, now } = options;
  const size = pageSize(query.get('size'));
  const after = query.get('offset');
  const rows = rowsOf(listed, configuration);
  const start = after === null ? 0 : firstAfter(rows, offsetId(after), listed.type.name !== 'targets');
  const selected = rows.slice(start, start + size);
  const last = selected.at(-1);
  const data = selected.map((row) => presented(configuration, listed.type.name, row, now()));
  if (last === undefined || start + size >= rows.length) return { status: 200, body: { data, next: null } };
  const offset = Buffer.from(JSON.stringify([primaryKey(last)])).toString('base64url');
  // Kong's own `next` forgets the size on nested lists (docs/kong.md#admin-api).
  const kept = listed.parent === undefined && query.has('size') ? `&size=${size}` : '';
  return { status: 200, body: { data, offset, next: `${listed.path}?offset=${offset}${kept}` } };
}

function collectionNamed(segment: string): EntityType | undefined {
  return [...entityTypes.values()].find((type) => type.collection === segment);
}

/** The list that a path means, or undefined; throws `not found` where its parent does not exist. */
function listedAt(segments: readonly string[], configuration: Configuration): Listed | undefined {
  const [collection = '', key, nested] = segments;
  const type = collectionNamed(collection);
  if (type === undefined) return undefined;
  if (key === undefined || nested === undefined) return { type, parent: undefined, path: `/${collection}` };
  const child = [...entityTypes.values()].find((one) => one.nested === nested);
  const field = Object.entries(child?.references ?? {}).find(([, { to }]) => to === type.name)?.[0];
  if (child === undefined || field === undefined) return undefined;
  const row = configuration.find(type, key);
  if (row === undefined) throw new ConfigurationError('not found', 'Not found');
  return {
    type: child,
    parent: { type, row, field },
    path: `/${collection}/${encodeURIComponent(key)}/${nested}`,
  };
}

function onEntity(
  method: string,
  key: string,
  body: Entity,
  listed: Listed,
  options: AdminApiOptions,
): Answer {
  const { configuration, now } = options;
  const { type, parent } = listed;
  const within = parent === undefined ? {} : { [parent.field]: parent.row['id'] };
  const row = configuration.find(type, key, within);
  const show = (shown: Entity): Answer => ({
    status: 200,
    body: presented(configuration, type.name, shown, now()),
  });
  if (method === 'DELETE') {
    if (row !== undefined) configuration.delete(type.name, primaryKey(row));
    return { status: 204 };
  }
  if (method === 'PUT') {
    const owned = parent === undefined ? body : { ...body, [parent.field]: { id: parent.row['id'] } };
    if (row !== undefined) return show(configuration.upsert(type.name, primaryKey(row), owned));
    if (v.is(uuid, key)) return show(configuration.upsert(type.name, key, owned));
    return show(
      configuration.create(type.name, { ...owned, ...(type.nameField ? { [type.nameField]: key } : {}) }),
    );
  }
  if (row === undefined) throw new ConfigurationError('not found', 'Not found');
  if (method === 'GET') return show(row);
  if (method === 'PATCH') return show(configuration.update(type.name, primaryKey(row), body));
  throw new Refusal(405, 'Method not allowed');
}

function onList(
  method: string,
  body: Entity,
  listed: Listed,
  query: URLSearchParams,
  options: AdminApiOptions,
): Answer {
  const { configuration, now } = options;
  const { type, parent } = listed;
  if (method === 'GET') return page(listed, query, options);
  if (method !== 'POST') throw new Refusal(405, 'Method not allowed');
  const owned = parent === undefined ? body : { ...body, [parent.field]: { id: parent.row['id'] } };
  const created = configuration.create(type.name, owned);
  return { status: 201, body: presented(configuration, type.name, created, now()) };
}

function onEventHooks(method: string, key: string | undefined, body: Entity, hooks: EventHooks): Answer {
  if (method === 'POST' && key === undefined) return { status: 201, body: hooks.create(body) };
  if (method === 'GET' && key === undefined) return { status: 200, body: { data: hooks.list(), next: null } };
  const hook = hooks.list().find(({ id }) => id === key);
  if (method === 'DELETE' && key !== undefined) {
    hooks.delete(key);
    return { status: 204 };
  }
  if (method !== 'GET') throw new Refusal(405, 'Method not allowed');
  if (hook === undefined) throw new ConfigurationError('not found', 'Not found');
  return { status: 200, body: hook };
}

/** Paths that are no collection of entities. */
function onFixedPath(path: string, options: AdminApiOptions): Answer | undefined {
  if (path === '') return { status: 200, body: recordedRoot().body };
  if (path === 'endpoints') return { status: 200, body: recordedEndpoints() };
  if (path === 'clustering/data-planes')
    return { status: 200, body: { data: options.dataPlanes(), next: null } };
  if (path === 'filter-chains')
    throw new Refusal(400, 'this endpoint is only available when wasm is enabled');
  if (emptyCollections.has(path)) return { status: 200, body: { data: [], next: null } };
  return undefined;
}

async function answerTo(request: IncomingMessage, options: AdminApiOptions): Promise<Answer> {
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', 'http://admin');
  const segments = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const body = await readBody(request);

  const fixed = onFixedPath(segments.join('/'), options);
  if (fixed !== undefined) {
    if (method === 'GET') return fixed;
    throw new Refusal(405, 'Method not allowed');
  }
  const [first, second] = segments;
  if (first === 'event-hooks' && segments.length <= 2)
    return onEventHooks(method, second, body, options.eventHooks);

  const listed = listedAt(segments, options.configuration);
  if (listed === undefined || segments.length > 4) throw new Refusal(404, 'Not found');
  const key = segments.length % 2 === 0 ? segments.at(-1) : undefined;
  if (key === undefined) return onList(method, body, listed, url.searchParams, options);
  return onEntity(method, key, body, listed, options);
}

function failure(error: unknown): Answer {
  if (error instanceof ConfigurationError) {
    const { status, message, kind, code, fields } = error;
    return { status, body: kind === 'not found' ? { message } : { message, name: kind, code, fields } };
  }
  if (error instanceof Refusal) return { status: error.status, body: { message: error.message } };
  if (error instanceof URIError) return { status: 400, body: { message: 'malformed path' } };
  if (v.isValiError(error)) {
    const fields = Object.fromEntries(
      error.issues.map((issue) => [v.getDotPath(issue) ?? '@entity', issue.message]),
    );
    return { status: 400, body: { message: 'schema violation', name: 'schema violation', code: 2, fields } };
  }
  return { status: 500, body: { message: error instanceof Error ? error.message : String(error) } };
}

function respond(response: ServerResponse, { status, body }: Answer): void {
  response.setHeader('server', 'kong/3.9.1');
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/** Starts the Admin API; rejects where the port is taken. */
export async function startAdminApi(options: AdminApiOptions): Promise<Listening> {
  const server = createServer((request, response) => {
    answerTo(request, options).then(
      (answer) => respond(response, answer),
      (error: unknown) => respond(response, failure(error)),
    );
  });
  return listen(server, options.host, options.port);
}
