/** Event hooks of Kong Enterprise (docs/kong.md#event-hooks), as far as they are looked at. */
import * as v from 'valibot';
import { ApiError } from '../../core/fetch/api-request.ts';
import { forTerminal } from '../inspection/words.ts';
import { type AdminApi, readRows } from '../kong-admin/admin-api.ts';

export const eventHook = v.object({
  id: v.string(),
  source: v.nullish(v.string()),
  event: v.nullish(v.string()),
  handler: v.nullish(v.string()),
  snooze: v.nullish(v.number()),
  config: v.optional(
    v.object({
      url: v.nullish(v.string()),
      /** Kong may not show it. */
      secret: v.nullish(v.string()),
      ssl_verify: v.nullish(v.boolean()),
    }),
    {},
  ),
});
export type EventHook = v.InferOutput<typeof eventHook>;

const node = v.object({ version: v.optional(v.string(), ''), edition: v.optional(v.string(), '') });

/** @throws ApiError `refused` for a control plane without event hooks, with what to do instead */
export async function readEventHooks(admin: AdminApi): Promise<readonly EventHook[]> {
  if ((await admin.ask(v.unknown(), { path: '/event-hooks' })) === undefined) {
    throw await describeMissing(admin);
  }
  return readRows(admin, '/event-hooks', eventHook);
}

export function isOurs({ handler, config }: EventHook, url: URL): boolean {
  return handler === 'webhook' && config.url === url.href;
}

async function describeMissing(admin: AdminApi): Promise<ApiError> {
  const answer = await admin.ask(node, { path: '/' });
  if (answer === undefined) {
    const where = admin.workspace === undefined ? '' : ` in workspace "${admin.workspace}"`;
    return new ApiError(
      'refused',
      `At ${admin.url.origin} there is nothing${where}: check --admin-url and --workspace`,
    );
  }
  const { version, edition } = answer;
  const kong = forTerminal(`Kong ${version}${edition === '' ? '' : ` (${edition})`}`.trim());
  const said = `The Admin API at ${admin.url.origin} has no event hooks: it is ${kong}`;
  return new ApiError(
    'refused',
    edition === 'enterprise'
      ? `${said}. Check --workspace, and that event_hooks_enabled is on in its kong.conf`
      : `${said}, and only Enterprise has them. Set "listen": true (docs/settings.md, "Listening"), and changes are published within seconds; ` +
          'without it the schedule finds them within 5 minutes. Whatever changes Kong may also end with a signed call (README.md, "Connect Kong"), ' +
          'which lifeboat hooks test tries',
  );
}
