import * as v from 'valibot';
import type { CommandCall } from '../core/export/operator-commands.ts';

/** What is read of an HTTP API's event (API Gateway Developer Guide, payload format version 2.0). */
const commandEvent = v.object({
  requestContext: v.object({
    requestId: v.string(),
    http: v.object({ method: v.literal('POST') }),
    authorizer: v.optional(
      v.object({ iam: v.optional(v.object({ userArn: v.optional(v.pipe(v.string(), v.maxLength(2048))) })) }),
    ),
  }),
  pathParameters: v.object({ command: v.string() }),
  body: v.optional(v.string(), ''),
  isBase64Encoded: v.optional(v.boolean(), false),
});

/** The command of an event; undefined where it is none, as the queue's. */
export function commandCall(event: unknown): CommandCall | undefined {
  const parsed = v.safeParse(commandEvent, event);
  if (!parsed.success) {
    return undefined;
  }
  const { requestContext, pathParameters, body, isBase64Encoded } = parsed.output;
  return {
    command: pathParameters.command,
    caller: requestContext.authorizer?.iam?.userArn,
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    // API Gateway's ids have "=" at their end.
    requestId: requestContext.requestId.replace(/[^\w-]/g, ''),
  };
}
