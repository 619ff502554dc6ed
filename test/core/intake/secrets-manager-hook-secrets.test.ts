import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { secretsManagerHookSecrets } from '../../../core/intake/secrets-manager-hook-secrets.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { hookSecretsContract } from './hook-secrets-contract.ts';
import { memoryHookSecrets } from './memory-hook-secrets.ts';

let aws: LocalAws;
let client: SecretsManagerClient;
let calls: number;
let down: boolean;
let clock: ManualClock;
let reported: (readonly [controlPlane: string, oddity: string])[];
beforeEach(async () => {
  aws = await runLocalAws();
  clock = manualClock(new Date('2026-11-23T04:00:00Z'));
  calls = 0;
  reported = [];
  down = false;
  client = new SecretsManagerClient({ ...clientFor(aws, aws.secretsManager.endpoint), maxAttempts: 1 });
  client.middlewareStack.add(
    (next) => async (call) => {
      calls += 1;
      if (down) throw new Error('Secrets Manager is away');
      return next(call);
    },
    { step: 'initialize' },
  );
  aws.secretsManager.createSecret('hooks/prod', 'first');
});
afterEach(async () => {
  client.destroy();
  await aws.stop();
});

const secretsOf = (folder = 'hooks') =>
  secretsManagerHookSecrets({
    secretsManager: client,
    secretIdOf: (controlPlane) => `${folder}/${controlPlane}`,
    reportOddity: (...oddity) => reported.push(oddity),
    clock,
  });
/** Calls for the values; a look takes two, one per stage. */
const looks = () => calls / 2;

hookSecretsContract('secrets in Secrets Manager', async () => {
  const stored = new Set<string>();
  return {
    secrets: secretsOf('rotating'),
    async rotate(controlPlane, value) {
      const id = `rotating/${controlPlane}`;
      if (!stored.has(id)) {
        stored.add(id);
        aws.secretsManager.createSecret(id, value);
        return;
      }
      await client.send(
        new PutSecretValueCommand({
          SecretId: id,
          SecretString: value,
          ClientRequestToken: crypto.randomUUID(),
        }),
      );
    },
    advance: () => clock.advance(60_000),
  };
});
hookSecretsContract('secrets in memory', async () => {
  const secrets = memoryHookSecrets();
  return {
    secrets,
    rotate: async (controlPlane, value) => secrets.rotate(controlPlane, value),
    advance: async () => undefined,
  };
});

describe('the secrets of a control plane’s hooks', () => {
  it.each([
    [5 * 60 - 1, 1],
    [5 * 60, 2],
  ])('are remembered: after %d s there were %d looks', async (seconds, expected) => {
    const secrets = secretsOf();
    await secrets.secretsFor('prod', false);
    await clock.advance(seconds * 1000);

    await secrets.secretsFor('prod', false);

    expect(looks()).toBe(expected);
  });

  it.each([
    [59, 1],
    [60, 2],
  ])(
    'are looked up again after a mismatch, at most once a minute: after %d s there were %d looks',
    async (seconds, expected) => {
      const secrets = secretsOf();
      await secrets.secretsFor('prod', false);
      await clock.advance(seconds * 1000);

      for (let stranger = 0; stranger < 20; stranger += 1) {
        await secrets.secretsFor('prod', true);
      }

      expect(looks()).toBe(expected);
    },
  );

  it('are asked for once by deliveries that come together', async () => {
    const secrets = secretsOf();

    await Promise.all(Array.from({ length: 10 }, () => secrets.secretsFor('prod', false)));

    expect(looks()).toBe(1);
  });

  it('are asked for again at once after a failure', async () => {
    const secrets = secretsOf();
    down = true;
    await expect(secrets.secretsFor('prod', false)).rejects.toThrow('did not give secret');
    down = false;

    await expect(secrets.secretsFor('prod', false)).resolves.toEqual(['first']);
  });

  it('stay known when a stranger’s delivery makes us look while Secrets Manager is away', async () => {
    const secrets = secretsOf();
    await secrets.secretsFor('prod', false);
    await clock.advance(60_000);
    down = true;
    await expect(secrets.secretsFor('prod', true)).rejects.toThrow('did not give secret');

    await expect(secrets.secretsFor('prod', false)).resolves.toEqual(['first']);
  });

  it('are looked up at most once a minute for strangers, also while Secrets Manager is away', async () => {
    const secrets = secretsOf();
    await secrets.secretsFor('prod', false);
    await clock.advance(60_000);
    down = true;
    await expect(secrets.secretsFor('prod', true)).rejects.toThrow('did not give secret');
    const callsOfFirst = calls;

    const others = await Promise.all(Array.from({ length: 20 }, () => secrets.secretsFor('prod', true)));
    const callsOfOthers = calls - callsOfFirst;
    await clock.advance(60_000);
    await expect(secrets.secretsFor('prod', true)).rejects.toThrow('did not give secret');

    expect(others).toEqual(Array(20).fill(['first']));
    expect(callsOfOthers).toBe(0);
    expect(calls).toBeGreaterThan(callsOfFirst);
  });

  it.each<
    [stored: string, value: string | Uint8Array, keys: readonly (string | Uint8Array)[], oddity: RegExp]
  >([
    ['with a line break', 'first\n', ['first\n', 'first'], /line break at its end/],
    ['as JSON', '{"secret":"first"}', ['{"secret":"first"}', 'first'], /JSON object with one value/],
    ['as binary', Buffer.from('first'), ['first'], /^binary$/],
    ['as bytes that are no text', Uint8Array.of(255, 10), [Uint8Array.of(255, 10)], /^binary$/],
  ])('that are stored %s are found, which is said once', async (name, value, keys, oddity) => {
    aws.secretsManager.createSecret(`odd/${name}`, value);
    const secrets = secretsOf('odd');

    const found = await secrets.secretsFor(name, false);
    await clock.advance(60_000);
    await secrets.secretsFor(name, true);

    expect(looks()).toBe(2);
    expect(found).toEqual(keys);
    expect(reported).toEqual([[name, expect.stringMatching(oddity)]]);
    expect(JSON.stringify(reported)).not.toContain('first');
  });

  it('are said to be odd again when they are so in another way, and not for the one before', async () => {
    aws.secretsManager.createSecret('odd/prod', 'first\n');
    const secrets = secretsOf('odd');
    const put = async (SecretString: string) => {
      await client.send(new PutSecretValueCommand({ SecretId: 'odd/prod', SecretString }));
      await clock.advance(60_000);
      await secrets.secretsFor('prod', true);
    };
    await secrets.secretsFor('prod', false);

    await put('second');
    await put('{"secret":"third"}');

    expect(reported.map(([, oddity]) => oddity)).toEqual([
      expect.stringContaining('line break'),
      expect.stringContaining('JSON'),
    ]);
  });

  it('that do not exist are an error that says what to put where', async () => {
    await expect(secretsOf().secretsFor('other', false)).rejects.toThrow(
      /hooks\/other has no current value.*put-secret-value/,
    );
  });
});
