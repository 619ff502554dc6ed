/** Creates, mends and removes Lifeboat's event hook. */
import * as v from 'valibot';
import { ApiError } from '../../core/fetch/api-request.ts';
import { type AdminApi, openAdminApi, requirePrivate } from '../kong-admin/admin-api.ts';
import { print } from '../print.ts';
import { type EventHook, eventHook, isOurs, readEventHooks } from './event-hooks.ts';
import type { InstallOptions } from './options.ts';
import { findWebhook } from './webhook.ts';

/** What Kong is told. `crud` has all changes; `dao:crud`, which has them too, is left as it is. */
interface WantedHook {
  readonly source: string;
  readonly event: null;
  readonly handler: 'webhook';
  readonly snooze: null;
  readonly config: { readonly url: string; readonly secret: string; readonly ssl_verify: boolean };
}

/**
 * @throws InvalidArgumentError where the secret would go over a network in clear text; ApiError when the
 * control plane has no event hooks, or does not take this one
 */
export async function installHook(options: InstallOptions): Promise<void> {
  const webhook = await findWebhook(options);
  const admin = openAdminApi(options, webhook.network);
  requirePrivate(admin.url, 'the hook secret');
  const secret = await webhook.readSecret();
  const [existing, ...more] = (await readEventHooks(admin)).filter((hook) => isOurs(hook, webhook.url));
  const wanted: WantedHook = {
    source: existing?.source === 'dao:crud' ? existing.source : 'crud',
    event: null,
    handler: 'webhook',
    snooze: null,
    config: {
      url: webhook.url.href,
      secret,
      ssl_verify: webhook.url.protocol === 'https:' && options.sslVerify !== false,
    },
  };
  const changes = existing === undefined ? [] : differencesOf(existing, wanted);
  const outcome = existing === undefined ? 'created' : changes.length > 0 ? 'changed' : 'unchanged';
  const isDry = options.dryRun === true;
  const id =
    isDry || outcome === 'unchanged' ? existing?.id : (await write(admin, existing, wanted, secret)).id;
  const facts: Installed = {
    outcome,
    id,
    url: webhook.url.href,
    source: wanted.source,
    changes,
    duplicates: more.map((hook) => hook.id),
    dryRun: isDry,
  };
  await print(options.json === true ? `${JSON.stringify(facts)}\n` : describeInstalled(facts));
}

/** What of a hook is not as it should be, in the names of its fields. */
function differencesOf(hook: EventHook, wanted: WantedHook): readonly string[] {
  const { config } = hook;
  return [
    ...(hook.source === wanted.source ? [] : ['source']),
    // One event alone hears of some changes, and `snooze` drops the last of a burst.
    ...((hook.event ?? null) === null ? [] : ['event']),
    ...((hook.snooze ?? null) === null ? [] : ['snooze']),
    ...(config.secret === wanted.config.secret ? [] : ['config.secret']),
    ...((config.ssl_verify ?? false) === wanted.config.ssl_verify ? [] : ['config.ssl_verify']),
  ];
}

async function write(
  admin: AdminApi,
  existing: EventHook | undefined,
  wanted: WantedHook,
  secret: string,
): Promise<EventHook> {
  const written = await (existing === undefined
    ? admin.ask(eventHook, { method: 'POST', path: '/event-hooks', body: wanted, secret })
    : admin.ask(eventHook, {
        method: 'PATCH',
        path: `/event-hooks/${encodeURIComponent(existing.id)}`,
        body: wanted,
        secret,
      }));
  if (written === undefined) {
    throw new ApiError(
      'failed',
      'The event hook is gone by now: somebody else has removed it. Send it again',
    );
  }
  return written;
}

interface Installed {
  readonly outcome: 'created' | 'changed' | 'unchanged';
  readonly id: string | undefined;
  readonly url: string;
  readonly source: string;
  readonly changes: readonly string[];
  readonly duplicates: readonly string[];
  readonly dryRun: boolean;
}

function describeInstalled({ outcome, id, url, changes, duplicates, dryRun }: Installed): string {
  const done = {
    created: dryRun ? 'An event hook would be created' : `Event hook ${id} is there now`,
    changed: `Event hook ${id} ${dryRun ? 'would be' : 'was'} changed (${changes.join(', ')})`,
    unchanged: `Event hook ${id} is there already, and as it should be`,
  };
  const twice =
    duplicates.length === 0
      ? ''
      : `${duplicates.length} more go to the same place (${duplicates.join(', ')}): lifeboat hooks remove, then install, leaves one.\n`;
  const first =
    outcome === 'created' && !dryRun
      ? 'If it is the control plane’s first, it rings after a `kong reload` there.\n'
      : '';
  return `${done[outcome]}: ${url}\n${first}${twice}${dryRun ? 'Nothing was written (--dry-run).\n' : 'lifeboat hooks test tries its place and secret.\n'}`;
}

/** @throws ApiError when the control plane has no event hooks, or does not let this one go */
export async function removeHooks(options: InstallOptions): Promise<void> {
  const webhook = await findWebhook(options);
  const admin = openAdminApi(options, webhook.network);
  const ours = (await readEventHooks(admin)).filter((hook) => isOurs(hook, webhook.url));
  const isDry = options.dryRun === true;
  for (const { id } of isDry ? [] : ours) {
    // One that is gone by now is as good as removed.
    await admin.ask(v.unknown(), { method: 'DELETE', path: `/event-hooks/${encodeURIComponent(id)}` });
  }
  const removed = ours.map(({ id }) => id);
  const facts = { url: webhook.url.href, removed, dryRun: isDry };
  const words =
    removed.length === 0
      ? `No event hook goes to ${webhook.url.href}: there is nothing to remove.\n`
      : `Event hook ${removed.join(', ')} ${isDry ? 'would be' : 'was'} removed. Changes are then found by the schedule, or a listener.\n`;
  await print(options.json === true ? `${JSON.stringify(facts)}\n` : words);
}
