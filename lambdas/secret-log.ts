import { type ReportOddity, tellOnce } from '../core/secret-oddity.ts';
import { logger } from './telemetry.ts';

const pairFields = '{"certificate": "…", "key": "…"}, and "ca" in PKI mode';

/** Says how a hook secret is stored, by its control plane, and how it should be. Nothing of it is told. */
export function logHookSecret(controlPlane: string, storedAs: string): void {
  logger.warn('the hook secret is not stored as its bare text', {
    controlPlane,
    storedAs,
    remedy:
      'store the text alone that the event hook has as config.secret: aws secretsmanager put-secret-value --secret-string "$TEXT"',
  });
}

/** Says once how the secret with a cluster certificate is stored, by its id, and how it should be. */
export function clusterSecretLog(): ReportOddity {
  return tellOnce((secretId, storedAs) => {
    logger.warn('the cluster certificate is not stored as it should be, and is taken as it is meant', {
      secretId,
      storedAs,
      remedy: `store JSON as text, with PEM as the files have it: ${pairFields} (jq -n --rawfile certificate cluster.crt …)`,
    });
  });
}

/** Says once how a forward proxy's secret is stored, by its id, and how it should be. */
export function proxySecretLog(): ReportOddity {
  return tellOnce((secretId, storedAs) => {
    logger.warn(
      'the secret of the forward proxy is not stored as it should be, and is taken as it is meant',
      {
        secretId,
        storedAs,
        remedy:
          'store JSON as text: {"username": "…", "password": "…"}, and "ca" with PEM as the file has it',
      },
    );
  });
}
