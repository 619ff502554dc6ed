import * as v from 'valibot';

/** What is read of an HTTP API's event (API Gateway Developer Guide, payload format version 2.0). */
const inspectEvent = v.object({
  requestContext: v.object({
    http: v.object({ method: v.literal('GET') }),
    authorizer: v.object({ iam: v.object({ userArn: v.pipe(v.string(), v.maxLength(2048)) }) }),
  }),
  queryStringParameters: v.optional(v.record(v.string(), v.string()), {}),
});

export interface InspectionCall {
  /** ARN of who has signed the request. */
  readonly caller: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** @throws Error when it is none of the inspect route */
export function inspectionCall(event: unknown): InspectionCall {
  const parsed = v.safeParse(inspectEvent, event);
  if (!parsed.success) {
    throw new Error('this event is none of the inspect route');
  }
  const { requestContext, queryStringParameters } = parsed.output;
  return { caller: requestContext.authorizer.iam.userArn, parameters: queryStringParameters };
}
