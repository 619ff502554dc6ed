import * as v from 'valibot';
import { type Presigner, s3Presigner } from '../../core/access/presigned-url.ts';
import { atLeastOne, nonEmptyText, onOff } from './fields.ts';

/** What a function needs that gives URLs of the vault's files. */
export const grantEntries = {
  /** As CloudFormation knows it: the presigner is too small for the SDK's table of partitions. */
  URL_SUFFIX: nonEmptyText,
  /** Whether grants lead to S3's names with IPv6 addresses. */
  DUAL_STACK: onOff,
  URL_LIFETIME_SECONDS: atLeastOne,
};

/** The variables that the construct must set. */
export type GrantVariables = v.InferInput<v.ObjectSchema<typeof grantEntries, undefined>>;

const grantEnvironment = v.object({ BUCKET: nonEmptyText, ...grantEntries });

/** What the Lambda runtime itself puts into the environment and a URL is signed with. */
export const runtimeCredentials = v.object({
  AWS_REGION: nonEmptyText,
  AWS_ACCESS_KEY_ID: nonEmptyText,
  AWS_SECRET_ACCESS_KEY: nonEmptyText,
  AWS_SESSION_TOKEN: v.optional(nonEmptyText),
  /** The AWS SDKs' own variable for another S3 endpoint; set on the local system only. */
  AWS_ENDPOINT_URL_S3: v.optional(nonEmptyText),
});

export type RuntimeCredentials = v.InferOutput<typeof runtimeCredentials>;

/** Those of the function's own role. */
export function ownCredentials(runtime: RuntimeCredentials) {
  return {
    accessKeyId: runtime.AWS_ACCESS_KEY_ID,
    secretAccessKey: runtime.AWS_SECRET_ACCESS_KEY,
    ...(runtime.AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: runtime.AWS_SESSION_TOKEN }),
  };
}

/** Signs URLs with the rights of the function's own role. */
export function ownPresigner(
  environment: v.InferOutput<typeof grantEnvironment>,
  runtime: RuntimeCredentials,
): Presigner {
  return s3Presigner({
    bucket: environment.BUCKET,
    region: runtime.AWS_REGION,
    urlSuffix: environment.URL_SUFFIX,
    isDualStack: environment.DUAL_STACK,
    endpoint: runtime.AWS_ENDPOINT_URL_S3,
    credentials: ownCredentials(runtime),
  });
}
