import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { describeCallFailure } from '../aws-calls.ts';
import type { Clock } from '../clock.ts';
import { tellOnce } from '../secret-oddity.ts';
import type { HookSecrets } from './doorbell.ts';
import { IntakeError } from './errors.ts';
import { type HookKey, hookSecretForms } from './hook-secret-forms.ts';

const cachedMs = 5 * 60 * 1000;
// Bad signatures from strangers must not cause a flood of calls.
const refreshedAtMostEveryMs = 60 * 1000;

interface CachedSecrets {
  readonly fetchedAtMs: number;
  /** When they were asked for last, with or without success. */
  readonly lookedAtMs: number;
  readonly values: Promise<readonly HookKey[]>;
}

export interface SecretsManagerHookSecretsOptions {
  readonly secretsManager: SecretsManagerClient;
  /** Secrets Manager id (name or ARN) of a control plane's hook secret. */
  readonly secretIdOf: (controlPlane: string) => string;
  /** Told once when a secret is stored in another way than as its bare text. Nothing of it is in there. */
  readonly reportOddity: (controlPlane: string, oddity: string) => void;
  readonly clock: Clock;
}

/**
 * The hook secrets in Secrets Manager: the value in stage AWSCURRENT, and the one before (AWSPREVIOUS) while
 * a rotation is under way.
 */
export function secretsManagerHookSecrets(options: SecretsManagerHookSecretsOptions): HookSecrets {
  const { secretsManager, secretIdOf, clock } = options;
  const cache = new Map<string, CachedSecrets>();
  const report = tellOnce(options.reportOddity);

  async function fetchKeys(controlPlane: string): Promise<readonly HookKey[]> {
    const stored = await fetchSecrets(secretsManager, secretIdOf(controlPlane));
    const forms = stored.map(hookSecretForms);
    report(controlPlane, forms[0]?.oddity);
    return forms.flatMap(({ keys }) => keys);
  }

  return {
    secretsFor(controlPlane, afterMismatch) {
      const known = cache.get(controlPlane);
      const nowMs = clock.now().getTime();
      const isFresh =
        known !== undefined &&
        (afterMismatch
          ? nowMs - known.lookedAtMs < refreshedAtMostEveryMs
          : nowMs - known.fetchedAtMs < cachedMs);
      if (isFresh) {
        return known.values;
      }
      const values = fetchKeys(controlPlane);
      cache.set(controlPlane, { fetchedAtMs: nowMs, lookedAtMs: nowMs, values });
      values.catch(() => {
        // A failure is not remembered: the next delivery asks again. Secrets known before stay known for
        // their time; otherwise a stranger's bad signature would lock out good ones while Secrets Manager is
        // away. That there was a look is remembered: each next stranger would cause another one.
        if (known === undefined) {
          cache.delete(controlPlane);
        } else {
          cache.set(controlPlane, { ...known, lookedAtMs: nowMs });
        }
      });
      return values;
    },
  };
}

async function fetchSecrets(client: SecretsManagerClient, secretId: string): Promise<readonly HookKey[]> {
  const [current, previous] = await Promise.all([
    valueIn(client, secretId, 'AWSCURRENT'),
    valueIn(client, secretId, 'AWSPREVIOUS'),
  ]);
  if (current === undefined) {
    throw new IntakeError(
      'no-secret',
      `secret ${secretId} has no current value: put the event hook's config.secret there (aws secretsmanager put-secret-value)`,
    );
  }
  return previous === undefined ? [current] : [current, previous];
}

async function valueIn(
  client: SecretsManagerClient,
  secretId: string,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS',
): Promise<HookKey | undefined> {
  try {
    const { SecretString, SecretBinary } = await client.send(
      new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }),
    );
    return SecretString ?? SecretBinary;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) {
      return undefined;
    }
    // Without the cause: a broken answer's own error may quote the value.
    throw new IntakeError(
      'no-secret',
      `Secrets Manager did not give secret ${secretId} (${describeCallFailure(error)}). Check that the role may read it and decrypt with its ` +
        'key, and the way to Secrets Manager',
    );
  }
}
