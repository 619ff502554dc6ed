/** Lists event hooks, and nothing of them that may be secret. */
import { alignColumns, forTerminal } from '../inspection/words.ts';
import { openAdminApi } from '../kong-admin/admin-api.ts';
import { print } from '../print.ts';
import { isOurs, readEventHooks } from './event-hooks.ts';
import type { HookOptions } from './options.ts';
import { findWebhook } from './webhook.ts';

/** @throws ApiError when the control plane has no event hooks, or does not tell of them */
export async function listHooks(options: HookOptions): Promise<void> {
  const { url, network } = await findWebhook(options);
  const hooks = (await readEventHooks(openAdminApi(options, network))).map((hook) => {
    const isOwn = isOurs(hook, url);
    const { id, source, event, handler } = hook;
    // The URL of somebody else's webhook may be a secret by itself, as those of chats are.
    const place = isOwn ? url.href : originOf(hook.config.url);
    return { id, source: source ?? null, event: event ?? null, handler: handler ?? null, place, isOwn };
  });
  if (options.json === true) {
    await print(`${JSON.stringify({ url: url.href, hooks })}\n`);
    return;
  }
  const rows = hooks.map(({ id, source, event, handler, place, isOwn }) =>
    [
      id,
      `${source ?? '?'}${event === null ? '' : `/${event}`}`,
      handler ?? '?',
      place ?? '',
      isOwn ? 'Lifeboat' : '',
    ].map(forTerminal),
  );
  const none = hooks.some(({ isOwn }) => isOwn)
    ? ''
    : `None goes to ${url.href}: lifeboat hooks install creates it.\n`;
  await print(
    `${rows.length === 0 ? '' : alignColumns([['id', 'source', 'handler', 'place', ''], ...rows])}${none}`,
  );
}

function originOf(url: string | null | undefined): string | null {
  return url !== null && url !== undefined && URL.canParse(url) ? new URL(url).origin : null;
}
