/**
 * The part of Kong's Admin API that Lifeboat's commands, rehearsal and tests use: it says what the control
 * plane is and has, creates and lists entities, keeps event hooks, and lists data planes. Anything else is a
 * 404.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import type { DataPlaneRow } from './clients.ts';
import type { ControlPlaneInventory } from './compatibility.ts';
import {
  type Change,
  type Configuration,
  ConfigurationError,
  type ConfigurationErrorCode,
  type Entity,
} from './configuration.ts';
import { entityTypes } from './entities.ts';
import type { EventHooks } from './event-hooks.ts';
import { type Listening, listen } from './listening.ts';
import { record } from './records.ts';

export interface AdminApiOptions {
  readonly configuration: Configuration;
  readonly eventHooks: EventHooks;
  readonly dataPlanes: () => readonly DataPlaneRow[];
  readonly own: ControlPlaneInventory;
  /** Only Enterprise has event hooks. */
  readonly edition: 'enterprise' | 'community';
  /** Demanded in the header `kong-admin-token`, as by Enterprise with RBAC. @default none is */
  readonly token?: string | undefined;
}

interface Answer {
  readonly status: number;
  /** Undefined for an answer without one. */
  readonly body?: unknown;
}

const requestBody = v.pipe(
  v.string(),
  v.parseJson(undefined, 'send JSON: the simulator takes no forms'),
  record,
);

/** Kong's HTTP statuses and numbers for what it refuses (kong/db/errors.lua, kong/api/endpoints.lua). */
const refusals: Readonly<Record<ConfigurationErrorCode, { readonly status: number; readonly code: number }>> =
  {
    'schema violation': { status: 400, code: 2 },
    'foreign key violation': { status: 400, code: 4 },
    'unique constraint violation': { status: 409, code: 5 },
    'not found': { status: 404, code: 6 },
  };

/** A row as the Admin API shows it: foreign keys as `{"id"}`. */
export function presentEntity({ type, entity }: Change): Entity {
  const references = Object.keys(entityTypes.get(type)?.references ?? {}).map((field) => {
    const id = entity[field] ?? null;
    return [field, id === null ? null : { id }];
  });
  return { ...entity, ...Object.fromEntries(references) };
}

function answerList(rows: readonly unknown[]): Answer {
  return { status: 200, body: { data: rows, next: null } };
}

/** What `/services/{service}/routes` adds to a route: its service, which must exist. */
function referenceToParent(parents: string, key: string, child: string, configuration: Configuration) {
  const references = Object.entries(entityTypes.get(child)?.references ?? {});
  const field = references.find(([, target]) => target === parents)?.[0];
  const parent = configuration.find(parents, key);
  if (field === undefined || parent === undefined) {
    throw new ConfigurationError('not found', 'Not found');
  }
  return { [field]: { id: parent['id'] } };
}

/** What `GET /` says, as far as it is looked at. */
function describeNode({ own, edition, configuration }: AdminApiOptions): Answer {
  const { version, plugins, wasmFilters } = own;
  const enabled = new Set(configuration.rows('plugins').map(({ name }) => name));
  return {
    status: 200,
    body: {
      version,
      edition,
      tagline: 'Welcome to kong',
      plugins: {
        available_on_server: Object.fromEntries(
          [...plugins].map(([name, pluginVersion]) => [name, { version: pluginVersion, priority: 1 }]),
        ),
        enabled_in_cluster: [...enabled],
      },
      configuration: {
        role: 'control_plane',
        ...(wasmFilters === undefined
          ? { wasm: false }
          : {
              wasm: true,
              wasm_modules_parsed: wasmFilters.map((name) => ({ name, path: `/wasm/${name}.wasm` })),
            }),
      },
    },
  };
}

async function answerForHook(
  request: IncomingMessage,
  id: string | undefined,
  { eventHooks }: AdminApiOptions,
): Promise<Answer | undefined> {
  if (id === undefined) {
    return request.method === 'GET'
      ? answerList(eventHooks.list())
      : request.method === 'POST'
        ? { status: 201, body: eventHooks.create(v.parse(requestBody, await text(request))) }
        : undefined;
  }
  if (request.method === 'DELETE') {
    eventHooks.remove(id);
    return { status: 204 };
  }
  if (request.method === 'PATCH') {
    const body = eventHooks.update(id, v.parse(requestBody, await text(request)));
    return body === undefined ? { status: 404, body: { message: 'Not found' } } : { status: 200, body };
  }
  return undefined;
}

async function answerTo(request: IncomingMessage, options: AdminApiOptions): Promise<Answer> {
  const { configuration, dataPlanes, edition, token } = options;
  if (token !== undefined && request.headers['kong-admin-token'] !== token) {
    return { status: 401, body: { message: 'Invalid credentials. Token or User credentials required' } };
  }
  // Of the workspaces there is the one that needs not be named.
  const path = new URL(request.url ?? '/', 'http://admin').pathname.slice(1).replace(/^default\//, '');
  const segments = path.split('/').map(decodeURIComponent);
  const [collection, id] = segments;
  if (collection === 'event-hooks' && segments.length <= 2) {
    const answer = edition === 'enterprise' ? await answerForHook(request, id, options) : undefined;
    return answer ?? { status: 404, body: { message: 'Not found' } };
  }
  const type = segments.length === 3 ? segments[2] : path;
  if (request.method === 'GET') {
    if (path === 'clustering/data-planes') {
      return answerList(dataPlanes());
    }
    if (path === '') {
      return describeNode(options);
    }
    if (entityTypes.has(path)) {
      return answerList(configuration.rows(path).map((entity) => presentEntity({ type: path, entity })));
    }
  }
  if (request.method === 'POST' && type !== undefined) {
    const given = v.parse(requestBody, await text(request));
    const [parents = '', key = ''] = segments;
    const parent = segments.length === 3 ? referenceToParent(parents, key, type, configuration) : {};
    const entity = configuration.create(type, { ...given, ...parent });
    return { status: 201, body: presentEntity({ type, entity }) };
  }
  throw new ConfigurationError('not found', `the simulator has no ${request.method} /${path}`);
}

function answerError(error: unknown): Answer {
  if (error instanceof ConfigurationError) {
    const { status, code } = refusals[error.code];
    return { status, body: { message: error.message, name: error.code, code } };
  }
  if (v.isValiError(error)) {
    return { status: 400, body: { message: `schema violation (${v.summarize(error.issues)})` } };
  }
  return { status: 500, body: { message: error instanceof Error ? error.message : String(error) } };
}

function respond(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

/** Starts the Admin API on a free port of 127.0.0.1. */
export async function startAdminApi(options: AdminApiOptions): Promise<Listening> {
  const server = createServer((request, response) => {
    answerTo(request, options).then(
      (answer) => respond(response, answer),
      (error: unknown) => respond(response, answerError(error)),
    );
  });
  return listen(server, '127.0.0.1', 0);
}
