import type { APIGatewayProxyEventV2WithIAMAuthorizer, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { grants } from '../core/access/grant.ts';
import { s3Presigner } from '../core/access/presigned-url.ts';
import { presignEnvironment, runtimeCredentials } from './environment/presign.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { jsonAnswer, problemAnswer } from './http-answer.ts';
import { logger, measure } from './telemetry.ts';

const environment = readEnvironment(presignEnvironment, process.env);
const runtime = readEnvironment(runtimeCredentials, process.env);

const grant = grants({
  controlPlane: environment.CONTROL_PLANE,
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  lifetimeSeconds: environment.URL_LIFETIME_SECONDS,
  presign: s3Presigner({
    bucket: environment.BUCKET,
    region: runtime.AWS_REGION,
    endpoint: runtime.AWS_ENDPOINT_URL_S3,
    credentials: {
      accessKeyId: runtime.AWS_ACCESS_KEY_ID,
      secretAccessKey: runtime.AWS_SECRET_ACCESS_KEY,
      ...(runtime.AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: runtime.AWS_SESSION_TOKEN }),
    },
  }),
  now: () => new Date(),
});

/** Gives a data plane a short-lived URL of its file. API Gateway has checked who asks (IAM). */
export async function handler(
  event: APIGatewayProxyEventV2WithIAMAuthorizer,
): Promise<APIGatewayProxyStructuredResultV2> {
  const caller = event.requestContext.authorizer.iam?.userArn;
  const answer = await grant(event.queryStringParameters ?? {});
  if ('status' in answer) {
    measure(environment.CONTROL_PLANE, { GrantsRefused: 1 });
    logger.warn('grant refused', { caller, status: answer.status, detail: answer.detail });
    return problemAnswer(answer);
  }
  // Who got one, for which version, until when; never the URL.
  const { kongVersion, versionId, expiresAt } = answer;
  measure(environment.CONTROL_PLANE, { GrantsIssued: 1 });
  logger.info('grant issued', {
    controlPlane: environment.CONTROL_PLANE,
    caller,
    kongVersion,
    versionId,
    expiresAt,
  });
  return jsonAnswer(200, answer);
}
