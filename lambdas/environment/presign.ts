import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { atLeastOne, text, versions } from './fields.ts';

export const presignEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  BUCKET: text,
  DATA_PLANE_VERSIONS: versions,
  URL_LIFETIME_SECONDS: atLeastOne,
});

/** What the Lambda runtime itself puts into the environment and the presign function computes with. */
export const runtimeCredentials = v.object({
  AWS_REGION: text,
  AWS_ACCESS_KEY_ID: text,
  AWS_SECRET_ACCESS_KEY: text,
  AWS_SESSION_TOKEN: v.optional(text),
  /** The AWS SDKs' own variable for another S3 endpoint; set on the local system only. */
  AWS_ENDPOINT_URL_S3: v.optional(text),
});

/** The variables that the construct must set. */
export type PresignVariables = v.InferInput<typeof presignEnvironment>;
