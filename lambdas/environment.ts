/**
 * What each function reads from its environment. The constructs in `lib/` take their variables by these types, so that
 * a variable that is forgotten does not compile, and the functions parse the same schemas at cold start.
 */
import * as v from 'valibot';
import { controlPlaneName, kongVersion } from '../core/names.ts';

const text = v.pipe(v.string(), v.nonEmpty());
const wholeNumber = v.pipe(
  v.string(),
  v.regex(/^\d{1,9}$/, 'a whole number is expected'),
  v.transform(Number),
);
const atLeastOne = v.pipe(wholeNumber, v.minValue(1, 'a whole number above 0 is expected'));
const onOff = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((value) => value === 'true'),
);
const list = <Item extends v.GenericSchema<string>>(item: Item) =>
  v.pipe(
    v.string(),
    v.transform((value) => value.split(',').filter((part) => part !== '')),
    v.array(item),
  );
// Without a version an export would look at nothing, and call that complete.
const versions = v.pipe(
  list(kongVersion),
  v.nonEmpty('at least one version is expected, for example "3.9.1"'),
);

/** Where the hooks of one control plane go: its queue, and the Secrets Manager id of the secret that signs them. */
const hookTarget = v.object({ queueUrl: text, secretId: text });

export const webhookEnvironment = v.object({
  /** JSON: `{"prod": {"queueUrl": "...", "secretId": "..."}}`. */
  CONTROL_PLANES: v.pipe(v.string(), v.parseJson(), v.record(controlPlaneName, hookTarget)),
  /** Changes within one such window become one export (design decision 4). */
  COALESCING_WINDOW_SECONDS: atLeastOne,
  /** `false` once every control plane signs with HMAC-SHA256 (Kong 3.14 and later). */
  ACCEPT_SHA1: onOff,
});

export const exportEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  /** `host:port` of the control plane's `cluster_listen`. */
  CLUSTER_ENDPOINT: v.pipe(v.string(), v.regex(/^[^\s/?#@]+:\d{1,5}$/, 'host:port is expected')),
  /** `shared` or `pki`, as `cluster_mtls` in the control plane's kong.conf. */
  CLUSTER_MTLS: v.picklist(['shared', 'pki']),
  /** TLS server name; empty for Kong's own (`kong_clustering` in shared mode, the host in PKI mode). */
  CLUSTER_SERVER_NAME: v.string(),
  /** Secrets Manager id of `{"certificate": PEM, "key": PEM, "ca"?: PEM}`, a data plane's cluster certificate. */
  CLUSTER_CERTIFICATE_SECRET: text,
  /** Comma-separated full versions of the data planes to publish for. */
  DATA_PLANE_VERSIONS: versions,
  /** Comma-separated names of plugins that are not Kong's own. */
  CUSTOM_PLUGINS: list(text),
  BUCKET: text,
  ENCRYPTION_KEY_ARN: text,
  SIGNING_KEY_ARN: text,
  QUEUE_URL: text,
  /** How long after a hook a newer frame is awaited (Kong rebuilds every 5 s). */
  SETTLE_SECONDS: wholeNumber,
  /** By how much the control plane's clock may be off. */
  CLOCK_TOLERANCE_SECONDS: wholeNumber,
  /** An export starts no sooner than this after the one before. */
  MINIMUM_INTERVAL_SECONDS: wholeNumber,
});

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

/** The variables that a construct must set for a function. */
export type WebhookVariables = v.InferInput<typeof webhookEnvironment>;
export type ExportVariables = v.InferInput<typeof exportEnvironment>;
export type PresignVariables = v.InferInput<typeof presignEnvironment>;

/**
 * Reads what a function needs from its environment.
 *
 * @throws Error that names every variable that is missing or wrong
 */
export function readEnvironment<Schema extends v.GenericSchema>(
  schema: Schema,
  variables: NodeJS.ProcessEnv,
): v.InferOutput<Schema> {
  const read = v.safeParse(schema, variables);
  if (!read.success) {
    const wrong = read.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`);
    throw new Error(`the environment is not what this function needs (${wrong.join('; ')})`);
  }
  return read.output;
}
