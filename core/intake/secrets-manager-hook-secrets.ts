import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { Clock } from '../clock.ts';
import type { HookSecrets } from './doorbell.ts';

const cachedMs = 5 * 60 * 1000;
// Bad signatures from strangers must not cause a flood of calls.
const refreshedAtMostEveryMs = 60 * 1000;

interface CachedSecrets {
  readonly fetchedAtMs: number;
  readonly values: Promise<readonly string[]>;
}

/**
 * The hook secrets in Secrets Manager: the value in stage AWSCURRENT, and the one before (AWSPREVIOUS) while
 * a rotation is under way.
 *
 * @param secretIdOf Secrets Manager id (name or ARN) of a control plane's hook secret
 */
export function secretsManagerHookSecrets(
  secretsManager: SecretsManagerClient,
  secretIdOf: (controlPlane: string) => string,
  clock: Clock,
): HookSecrets {
  const cache = new Map<string, CachedSecrets>();
  return {
    secretsFor(controlPlane, afterMismatch) {
      const known = cache.get(controlPlane);
      const ageMs =
        known === undefined ? Number.POSITIVE_INFINITY : clock.now().getTime() - known.fetchedAtMs;
      if (known !== undefined && ageMs < (afterMismatch ? refreshedAtMostEveryMs : cachedMs)) {
        return known.values;
      }
      const values = fetchSecrets(secretsManager, secretIdOf(controlPlane));
      cache.set(controlPlane, { fetchedAtMs: clock.now().getTime(), values });
      values.catch(() => {
        // A failure is not remembered: the next delivery asks again. Secrets known before stay known for
        // their time; otherwise a stranger's bad signature would lock out good ones while Secrets Manager is
        // away.
        if (known === undefined) {
          cache.delete(controlPlane);
        } else {
          cache.set(controlPlane, known);
        }
      });
      return values;
    },
  };
}

async function fetchSecrets(client: SecretsManagerClient, secretId: string): Promise<readonly string[]> {
  const [current, previous] = await Promise.all([
    valueIn(client, secretId, 'AWSCURRENT'),
    valueIn(client, secretId, 'AWSPREVIOUS'),
  ]);
  if (current === undefined) {
    throw new Error(
      `secret ${secretId} has no current value: put the event hook's config.secret there (aws secretsmanager put-secret-value)`,
    );
  }
  return previous === undefined ? [current] : [current, previous];
}

async function valueIn(
  client: SecretsManagerClient,
  secretId: string,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS',
): Promise<string | undefined> {
  try {
    const { SecretString } = await client.send(
      new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }),
    );
    return SecretString;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) {
      return undefined;
    }
    throw error;
  }
}
