import * as v from 'valibot';

/** What is read of an HTTP API's event (API Gateway Developer Guide, payload format version 2.0). */
const inspectEvent = v.object({
  routeKey: v.string(),
  requestContext: v.object({
    http: v.object({ method: v.literal('GET') }),
    authorizer: v.object({ iam: v.object({ userArn: v.pipe(v.string(), v.maxLength(2048)) }) }),
  }),
  queryStringParameters: v.optional(v.record(v.string(), v.string()), {}),
});

/** The routes that this function answers: the ends of their paths. */
const routes = ['inspect', 'revision-grant'] as const;

export interface InspectionCall {
  /** IAM has let the caller into this one, by its own right. What is asked for does not choose it. */
  readonly route: (typeof routes)[number];
  /** ARN of who has signed the request. */
  readonly caller: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** @throws Error when it is of no route of this function */
export function inspectionCall(event: unknown): InspectionCall {
  const parsed = v.safeParse(inspectEvent, event);
  const route = routes.find((name) => parsed.success && parsed.output.routeKey.endsWith(`/${name}`));
  if (!parsed.success || route === undefined) {
    throw new Error('this event is of no route of the inspect function');
  }
  const { requestContext, queryStringParameters } = parsed.output;
  return { route, caller: requestContext.authorizer.iam.userArn, parameters: queryStringParameters };
}
