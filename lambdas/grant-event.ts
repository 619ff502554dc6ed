import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import type { AskedFor } from '../core/access/grant.ts';

/** An invocation without an API in between: what is asked for stands in the event itself. */
export interface DirectRequest extends AskedFor {
  readonly requestContext?: undefined;
}

export type GrantEvent = APIGatewayProxyEventV2 | APIGatewayProxyEventV2WithIAMAuthorizer | DirectRequest;

/** In which of the three ways a grant is asked for. */
export type GrantCall =
  | { readonly way: 'iam'; readonly asked: AskedFor; readonly caller: string | undefined }
  | { readonly way: 'assertion'; readonly asked: AskedFor; readonly body: Uint8Array }
  | { readonly way: 'invocation'; readonly asked: AskedFor };

/** @param event null where an invocation has no payload */
export function grantCall(event: GrantEvent | null): GrantCall {
  if (event?.requestContext === undefined) {
    return { way: 'invocation', asked: event ?? {} };
  }
  const asked = event.queryStringParameters ?? {};
  if (event.requestContext.http.method === 'POST') {
    const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
    return { way: 'assertion', asked, body };
  }
  const { authorizer } = event.requestContext as Partial<
    APIGatewayProxyEventV2WithIAMAuthorizer['requestContext']
  >;
  return { way: 'iam', asked, caller: authorizer?.iam?.userArn };
}
