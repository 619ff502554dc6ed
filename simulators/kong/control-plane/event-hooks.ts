/**
 * Event hooks of Kong Enterprise (docs/kong.md#event-hooks) and their deliveries. Bodies are never logged.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Change } from './configuration.ts';

/** The source `crud` and its webhook, which Lifeboat sets up; Kong has more. */
const hookFields = v.strictObject({
  source: v.literal('crud'),
  event: v.nullish(v.string(), null),
  handler: v.literal('webhook'),
  snooze: v.nullish(v.number(), null),
  on_change: v.nullish(v.boolean(), null),
  config: v.strictObject({
    url: v.pipe(v.string(), v.url()),
    secret: v.string(),
    ssl_verify: v.optional(v.boolean(), false),
  }),
});

export type EventHook = Readonly<v.InferOutput<typeof hookFields>> & { readonly id: string };

/** Tries per delivery, and how long each may take; the pause before the next doubles. */
const tries = 3;
const firstPauseMilliseconds = 100;
const timeoutMilliseconds = 5_000;

export interface EventHooksOptions {
  /** A row as the Admin API shows it. */
  readonly present: (change: Change) => unknown;
  readonly log: (line: string) => void;
}

export interface EventHooks {
  list(): readonly EventHook[];
  /** Adds the hook and pings it. @throws ValiError where the fields are not a hook's */
  create(fields: unknown): EventHook;
  /**
   * Changes the fields that are given; undefined where there is no such hook. @throws ValiError as `create`
   */
  update(id: string, fields: Readonly<Record<string, unknown>>): EventHook | undefined;
  remove(id: string): void;
  /** Queues the deliveries of a change. */
  announce(change: Change): void;
  /** Resolves when everything queued so far was delivered or given up. */
  delivered(): Promise<void>;
  /** Drops what is queued, as a control plane that crashes does. */
  stop(): void;
}

/** @returns the receiver's HTTP status */
function post({ config }: EventHook, body: string, signal: AbortSignal): Promise<number> {
  const send = config.url.startsWith('https:') ? httpsRequest : httpRequest;
  // sha1 up to Kong 3.13.
  const signature = createHmac('sha1', config.secret).update(body).digest('hex');
  return new Promise((resolve, reject) => {
    const request = send(config.url, {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)]),
      agent: false,
      rejectUnauthorized: config.ssl_verify,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-kong-signature': `sha1=${signature}`,
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

export function createEventHooks({ present, log }: EventHooksOptions): EventHooks {
  const hooks: EventHook[] = [];
  const stopped = new AbortController();
  const { signal } = stopped;
  // One after the other, as in Kong's queue: deliveries come in the order of the changes.
  let queue: Promise<void> = Promise.resolve();

  const deliver = async (hook: EventHook, message: object) => {
    const body = JSON.stringify(message);
    for (let attempt = 0; attempt < tries && !signal.aborted; attempt += 1) {
      try {
        await delay(attempt === 0 ? 0 : firstPauseMilliseconds * 2 ** (attempt - 1), undefined, { signal });
        const status = await post(hook, body, signal);
        if (status < 300) {
          return;
        }
        log(`event hook ${hook.id}: its receiver answered ${status}`);
      } catch (error) {
        log(`event hook ${hook.id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  const enqueue = (hook: EventHook, message: object) => {
    queue = queue.then(() => deliver(hook, message));
  };

  return {
    list: () => hooks,
    create: (fields) => {
      const hook = { ...v.parse(hookFields, fields), id: randomUUID() };
      hooks.push(hook);
      enqueue(hook, { source: 'kong:event_hooks', event: 'ping', event_hooks: hook });
      return hook;
    },
    update: (id, fields) => {
      const at = hooks.findIndex((hook) => hook.id === id);
      const { id: _id, ...before } = hooks[at] ?? {};
      if (at < 0) {
        return undefined;
      }
      const hook = { ...v.parse(hookFields, { ...before, ...fields }), id };
      hooks[at] = hook;
      return hook;
    },
    remove: (id) => {
      const at = hooks.findIndex((hook) => hook.id === id);
      hooks.splice(at, at < 0 ? 0 : 1);
    },
    announce: (change) => {
      const entity = present(change);
      // The source `crud` sends two events for each change.
      for (const event of [change.type, `${change.type}:create`]) {
        for (const hook of hooks) {
          enqueue(hook, { source: hook.source, event, schema: change.type, operation: 'create', entity });
        }
      }
    },
    delivered: () => queue,
    stop: () => stopped.abort(),
  };
}
