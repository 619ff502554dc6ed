/**
 * Event hooks (Enterprise; docs/kong.md#event-hooks): who wants to hear of changes, and the deliveries. Bodies are
 * never logged.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import * as v from 'valibot';
import type { Change } from './configuration.ts';
import { recordOf } from './records.ts';

const hookFields = v.strictObject({
  id: v.optional(v.string()),
  source: v.picklist(['crud', 'dao:crud']),
  event: v.nullish(v.string(), null),
  handler: v.literal('webhook'),
  config: v.strictObject({
    url: v.pipe(v.string(), v.trim(), v.url()),
    headers: v.nullish(recordOf(v.string()), null),
    secret: v.nullish(v.string(), null),
    ssl_verify: v.optional(v.boolean(), false),
  }),
});

export type EventHook = Readonly<v.InferOutput<typeof hookFields>> & {
  readonly id: string;
  readonly created_at: number;
};

/** Tries per delivery, and how long each may take; the pause before the next doubles, from `firstPauseMilliseconds`. */
const tries = 3;
const firstPauseMilliseconds = 100;
const timeoutMilliseconds = 5_000;

export interface EventHooksOptions {
  /** sha1 up to Kong 3.13, sha256 from 3.14 on. */
  readonly signatureAlgorithm: 'sha1' | 'sha256';
  /** A row as the Admin API shows it. */
  readonly present: (type: string, row: Change['entity']) => unknown;
  readonly now: () => number;
  readonly log: (line: string) => void;
}

export interface EventHooks {
  list(): readonly EventHook[];
  /** Adds the hook and pings it. @throws ValiError where the fields are not a hook's */
  create(fields: unknown): EventHook;
  delete(id: string): void;
  /** Queues the deliveries of a change. */
  announce(change: Change): void;
  /** Resolves when everything queued so far was delivered or given up. */
  delivered(): Promise<void>;
  /** Forgets what is queued, as a control plane that crashes does. */
  stop(): void;
}

/**
 * The events of a change: `crud` has a general and a particular one, `dao:crud` has one
 * (docs/kong.md#event-hooks).
 */
function eventsOf(source: EventHook['source'], change: Change): readonly string[] {
  return source === 'crud' ? [change.type, `${change.type}:${change.operation}`] : [change.operation];
}

function post(
  hook: EventHook,
  body: string,
  signature: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  const send = hook.config.url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(hook.config.url, {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)]),
      agent: false,
      rejectUnauthorized: hook.config.ssl_verify,
      headers: {
        ...hook.config.headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(signature === undefined ? {} : { 'x-kong-signature': signature }),
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.end(body);
  });
}

export function eventHooks(options: EventHooksOptions): EventHooks {
  const { signatureAlgorithm, log } = options;
  const hooks = new Map<string, EventHook>();
  const stopped = new AbortController();
  // One after the other, as Kong's queue: the order of deliveries is the order of changes.
  let queue: Promise<void> = Promise.resolve();

  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      stopped.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });

  const deliver = async (hook: EventHook, message: Readonly<Record<string, unknown>>) => {
    const body = JSON.stringify(message);
    const { secret } = hook.config;
    const signature =
      secret === null
        ? undefined
        : `${signatureAlgorithm}=${createHmac(signatureAlgorithm, secret).update(body).digest('hex')}`;
    for (let attempt = 0; attempt < tries && !stopped.signal.aborted; attempt += 1) {
      if (attempt > 0) await pause(firstPauseMilliseconds * 2 ** (attempt - 1));
      try {
        const status = await post(hook, body, signature, stopped.signal);
        if (status < 300) return;
        log(`event hook ${hook.id}: its receiver answered ${status}`);
      } catch (error) {
        log(`event hook ${hook.id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  const enqueue = (hook: EventHook, message: Readonly<Record<string, unknown>>) => {
    queue = queue.then(() => deliver(hook, message));
  };

  return {
    list: () => [...hooks.values()],
    create: (fields) => {
      const parsed = v.parse(hookFields, fields);
      const hook = { ...parsed, id: parsed.id ?? randomUUID(), created_at: Math.floor(options.now() / 1000) };
      hooks.set(hook.id, hook);
      enqueue(hook, { source: 'kong:event_hooks', event: 'ping', event_hooks: hook });
      return hook;
    },
    delete: (id) => {
      hooks.delete(id);
    },
    announce: (change) => {
      const { type, operation, entity, oldEntity } = change;
      for (const hook of hooks.values()) {
        for (const event of eventsOf(hook.source, change)) {
          if (hook.event !== null && hook.event !== event) continue;
          enqueue(hook, {
            source: hook.source,
            event,
            schema: type,
            operation,
            entity: options.present(type, entity),
            ...(oldEntity === undefined ? {} : { old_entity: options.present(type, oldEntity) }),
          });
        }
      }
    },
    delivered: () => queue,
    stop: () => {
      hooks.clear();
      stopped.abort();
    },
  };
}
