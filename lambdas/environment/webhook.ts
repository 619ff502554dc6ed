import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { atLeastOne, nonEmptyText, onOff } from './fields.ts';

/**
 * Where the hooks of one control plane go: its queue, and the Secrets Manager id of the secret that signs
 * them.
 */
const hookTarget = v.object({ queueUrl: nonEmptyText, secretId: nonEmptyText });

export const webhookEnvironment = v.object({
  /** JSON: `{"prod": {"queueUrl": "...", "secretId": "..."}}`. */
  CONTROL_PLANES: v.pipe(v.string(), v.parseJson(), v.record(controlPlaneName, hookTarget)),
  /** Changes within one such window become one export (docs/design.md#4-coalescing-without-state). */
  COALESCING_WINDOW_SECONDS: atLeastOne,
  /** `false` once every control plane signs with HMAC-SHA256 (Kong 3.14 and later). */
  ACCEPT_SHA1: onOff,
});

/** The variables that the construct must set. */
export type WebhookVariables = v.InferInput<typeof webhookEnvironment>;
