import * as v from 'valibot';
import { isPrincipal } from '../core/access/caller.ts';
import type { AskedFor } from '../core/access/grant.ts';

/** In which of the three ways a grant is asked for. */
export type GrantCall =
  | {
      readonly way: 'iam';
      readonly asked: AskedFor;
      readonly caller: string | undefined;
      readonly origin: string | undefined;
    }
  | { readonly way: 'assertion'; readonly asked: AskedFor; readonly body: Uint8Array }
  | { readonly way: 'invocation'; readonly asked: AskedFor };

/** What is read of an HTTP API's event (API Gateway Developer Guide, payload format version 2.0). */
const apiEvent = v.object({
  requestContext: v.object({
    http: v.object({ method: v.string() }),
    authorizer: v.optional(
      v.object({
        // IAM's longest ARN has a third of that length; a direct invocation may send any text.
        iam: v.optional(v.object({ userArn: v.optional(v.pipe(v.string(), v.maxLength(2048))) })),
      }),
    ),
  }),
  // What tells the API's own events from those of a direct invocation.
  stageVariables: v.optional(v.object({ origin: v.optional(v.string()) }), {}),
  queryStringParameters: v.optional(v.record(v.string(), v.unknown()), {}),
  body: v.optional(v.string(), ''),
  isBase64Encoded: v.optional(v.boolean(), false),
});

/** An invocation without an API in between: what is asked for stands in the event itself. */
const directRequest = v.fallback(
  v.object({ kongVersion: v.optional(v.unknown()), versionId: v.optional(v.unknown()) }),
  {},
);

/**
 * @param event whatever an invocation sends: an event that only resembles API Gateway's must not make the
 * function fail, because that raises an alarm
 */
export function grantCall(event: unknown): GrantCall {
  const apiCall = v.safeParse(apiEvent, event);
  if (!apiCall.success) {
    return { way: 'invocation', asked: v.parse(directRequest, event) };
  }
  const {
    requestContext,
    queryStringParameters: asked,
    body,
    isBase64Encoded,
    stageVariables,
  } = apiCall.output;
  if (requestContext.http.method === 'POST') {
    return { way: 'assertion', asked, body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8') };
  }
  return {
    way: 'iam',
    asked,
    caller: requestContext.authorizer?.iam?.userArn,
    origin: stageVariables.origin,
  };
}

/**
 * Whether a drill asks. Its grants are counted apart, so that nobody else must pass for one: who may invoke
 * the function directly can write any caller into the event, and does not know what the API's stage says.
 */
export function isDrillCall(
  { caller, origin }: Extract<GrantCall, { readonly way: 'iam' }>,
  { DRILL_ROLE_ARN, API_ORIGIN }: { readonly DRILL_ROLE_ARN: string; readonly API_ORIGIN: string },
): boolean {
  return (
    DRILL_ROLE_ARN !== '' &&
    origin === API_ORIGIN &&
    caller !== undefined &&
    isPrincipal(DRILL_ROLE_ARN, caller)
  );
}
