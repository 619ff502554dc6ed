import * as v from 'valibot';
import { nonEmptyText } from './fields.ts';

/** What every function must know that connects to a control plane. */
export const clusterEntries = {
  /** `host:port` of the control plane's `cluster_listen`, an IPv6 address in brackets. */
  CLUSTER_ENDPOINT: v.pipe(
    v.string(),
    v.regex(/^(\[[0-9a-fA-F:]+\]|[^\s/?#@:[\]]+):\d{1,5}$/, 'host:port is expected'),
  ),
  /** `shared` or `pki`, as `cluster_mtls` in the control plane's kong.conf. */
  CLUSTER_MTLS: v.picklist(['shared', 'pki']),
  /** TLS server name; empty for Kong's own (`kong_clustering` in shared mode, the host in PKI mode). */
  CLUSTER_SERVER_NAME: v.string(),
  /**
   * Secrets Manager id of `{"certificate": PEM, "key": PEM, "ca"?: PEM}`, a data plane's cluster certificate.
   */
  CLUSTER_CERTIFICATE_SECRET: nonEmptyText,
  /** http:// or https:// URL of a forward proxy on the way; empty for none. */
  PROXY_SERVER: v.pipe(
    v.string(),
    v.regex(/^(https?:\/\/[^\s/?#@]+)?\/?$/, 'the URL of a proxy is expected'),
  ),
  /** Secrets Manager id of what the proxy needs, `{"username", "password", "ca"?}`; empty for nothing. */
  PROXY_SECRET: v.string(),
};

const clusterEnvironment = v.object(clusterEntries);

export type ClusterEnvironment = v.InferOutput<typeof clusterEnvironment>;
/** The variables that the construct must set. */
export type ClusterVariables = v.InferInput<typeof clusterEnvironment>;
