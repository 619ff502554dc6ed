import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { commaSeparated, nonEmptyText, versionList, wholeNumber } from './fields.ts';

export const exportEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  /** `host:port` of the control plane's `cluster_listen`. */
  CLUSTER_ENDPOINT: v.pipe(v.string(), v.regex(/^[^\s/?#@]+:\d{1,5}$/, 'host:port is expected')),
  /** `shared` or `pki`, as `cluster_mtls` in the control plane's kong.conf. */
  CLUSTER_MTLS: v.picklist(['shared', 'pki']),
  /** TLS server name; empty for Kong's own (`kong_clustering` in shared mode, the host in PKI mode). */
  CLUSTER_SERVER_NAME: v.string(),
  /**
   * Secrets Manager id of `{"certificate": PEM, "key": PEM, "ca"?: PEM}`, a data plane's cluster certificate.
   */
  CLUSTER_CERTIFICATE_SECRET: nonEmptyText,
  /** Comma-separated full versions of the data planes to publish for. */
  DATA_PLANE_VERSIONS: versionList,
  /** Comma-separated names of plugins that are not Kong's own. */
  CUSTOM_PLUGINS: commaSeparated(nonEmptyText),
  BUCKET: nonEmptyText,
  ENCRYPTION_KEY_ARN: nonEmptyText,
  SIGNING_KEY_ARN: nonEmptyText,
  /** Published versions are locked for so many days; 0 for not at all. */
  OBJECT_LOCK_DAYS: wholeNumber,
  QUEUE_URL: nonEmptyText,
  /** How long after a hook a newer frame is awaited (Kong rebuilds every 5 s). */
  SETTLE_SECONDS: wholeNumber,
  /** By how much the control plane's clock may be off. */
  CLOCK_TOLERANCE_SECONDS: wholeNumber,
  /** An export starts no sooner than this after the start of the last. */
  MINIMUM_INTERVAL_SECONDS: wholeNumber,
});

/** The variables that the construct must set. */
export type ExportVariables = v.InferInput<typeof exportEnvironment>;
