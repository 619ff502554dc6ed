import type { Clock } from '../clock.ts';
import { deliveryKind, isSignedByOneOf } from '../kong/event-hook.ts';
import type { Problem } from '../problem.ts';
import type { HookKey } from './hook-secret-forms.ts';

/** A delivery as it came over HTTP. */
export interface HookRequest {
  readonly controlPlane: string;
  readonly contentType: string | undefined;
  readonly signature: string | undefined;
  readonly body: Uint8Array;
}

/**
 * The secrets that sign the hooks of one control plane: the current one, and the previous one during a
 * rotation, each in the forms that it may be meant in.
 */
export interface HookSecrets {
  /** @param afterMismatch the signature matched none of the secrets given before: there may be newer ones */
  secretsFor(controlPlane: string, afterMismatch: boolean): Promise<readonly HookKey[]>;
}

/** Takes the requests of accepted hooks: one message per control plane and time window. */
export interface ExportRequests {
  request(controlPlane: string, at: Date): Promise<void>;
}

export interface DoorbellParts {
  readonly isKnown: (controlPlane: string) => boolean;
  readonly secrets: HookSecrets;
  readonly requests: ExportRequests;
  readonly acceptSha1: boolean;
  readonly clock: Clock;
}

export type HookAnswer = 'accepted' | 'ping' | Problem;

/**
 * Largest body that is taken: as much as Lambda takes of an event. A hook's body holds two entities, and a
 * plugin with an OpenAPI document in it has megabytes.
 */
export const maxHookBytes = 6 * 1024 * 1024;

/** Answers an event hook: verifies it and asks for an export. Nothing of it is kept. */
export function doorbell(parts: DoorbellParts): (hook: HookRequest) => Promise<HookAnswer> {
  return async (hook) => {
    const at = parts.clock.now();
    if (!parts.isKnown(hook.controlPlane)) {
      return {
        status: 404,
        title: 'Unknown control plane',
        detail: 'No control plane of this name is deployed here. The stack’s outputs list the webhook URLs.',
      };
    }
    if (hook.body.length > maxHookBytes) {
      return {
        status: 413,
        title: 'Body too large',
        detail: `A hook’s body has at most ${maxHookBytes} bytes; this one has ${hook.body.length}.`,
      };
    }
    if (!/^application\/json\s*(;|$)/i.test(hook.contentType ?? '')) {
      return {
        status: 415,
        title: 'Not JSON',
        detail: 'Send the event as application/json, as Kong’s webhook handler does.',
      };
    }
    if (!(await isAuthentic(parts, hook))) {
      return {
        status: 401,
        title: 'Bad signature',
        detail:
          'The header x-kong-signature must be sha256=<hex> (or sha1=<hex> where allowed): the HMAC of the raw body with this control ' +
          'plane’s hook secret. Check config.secret of the event hook.',
      };
    }
    const kind = deliveryKind(hook.body);
    if (kind === 'malformed') {
      return {
        status: 400,
        title: 'Malformed body',
        detail: 'The body is signed, but it is not a JSON object.',
      };
    }
    if (kind === 'ping') {
      return 'ping';
    }
    await parts.requests.request(hook.controlPlane, at);
    return 'accepted';
  };
}

async function isAuthentic({ secrets, acceptSha1 }: DoorbellParts, hook: HookRequest): Promise<boolean> {
  if (isSignedByOneOf(hook, await secrets.secretsFor(hook.controlPlane, false), acceptSha1)) {
    return true;
  }
  // The secret may have just been rotated. The port limits how often it looks again, so that strangers cannot
  // cause a look each time.
  return isSignedByOneOf(hook, await secrets.secretsFor(hook.controlPlane, true), acceptSha1);
}
