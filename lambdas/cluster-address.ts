import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { readForwardProxy } from '../core/export/forward-proxy-secret.ts';
import type { ClusterAddress } from '../core/kong/cluster-connection.ts';
import type { ClusterEnvironment } from './environment/cluster.ts';
import { proxySecretLog } from './secret-log.ts';

/** Where the control plane is, and the way there, by the environment of a function. */
export function readClusterAddress(
  environment: ClusterEnvironment,
  secretsManager: SecretsManagerClient,
): Pick<ClusterAddress, 'endpoint' | 'mtls' | 'serverName' | 'proxy'> {
  const { PROXY_SERVER: proxyServer, PROXY_SECRET: secretId, CLUSTER_SERVER_NAME: serverName } = environment;
  const url = proxyServer === '' ? undefined : new URL(proxyServer);
  const reportOddity = proxySecretLog();
  return {
    endpoint: environment.CLUSTER_ENDPOINT,
    mtls: environment.CLUSTER_MTLS,
    serverName: serverName === '' ? undefined : serverName,
    proxy:
      url === undefined
        ? undefined
        : async (signal) =>
            secretId === ''
              ? { url }
              : readForwardProxy({ secretsManager, secretId, signal }, url, reportOddity),
  };
}
