import type { ClusterVariables } from '../../lambdas/environment/cluster.ts';
import type { ControlPlaneSettings } from '../settings/settings.ts';

/** What a function that connects to a control plane is told of the way there. */
export function clusterVariables(
  settings: ControlPlaneSettings,
  certificateSecretArn: string,
): ClusterVariables {
  return {
    CLUSTER_ENDPOINT: settings.clusterEndpoint,
    CLUSTER_MTLS: settings.clusterMtls,
    CLUSTER_SERVER_NAME: settings.clusterServerName ?? '',
    CLUSTER_CERTIFICATE_SECRET: certificateSecretArn,
    PROXY_SERVER: settings.proxyServer ?? '',
    PROXY_SECRET: settings.proxySecretArn ?? '',
  };
}

/** Whether the first step of that way is to an IPv6 address. */
export function connectsOverIpv6({ clusterEndpoint, proxyServer }: ControlPlaneSettings): boolean {
  return /^(https?:\/\/)?\[/.test(proxyServer ?? clusterEndpoint);
}
