import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { secretsManagerHookSecrets } from '../../../core/intake/secrets-manager-hook-secrets.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';

let aws: LocalAws;
let client: SecretsManagerClient;
let calls: number;
let down: boolean;
let clock: ManualClock;
beforeEach(async () => {
  aws = await runLocalAws();
  clock = manualClock(new Date('2026-11-23T04:00:00Z'));
  calls = 0;
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

const secretsOf = () => secretsManagerHookSecrets(client, (controlPlane) => `hooks/${controlPlane}`, clock);
const rotate = (value: string) =>
  client.send(
    new PutSecretValueCommand({
      SecretId: 'hooks/prod',
      SecretString: value,
      ClientRequestToken: crypto.randomUUID(),
    }),
  );
/** Calls for the values; a look takes two, one per stage. */
const looks = () => calls / 2;

describe('the secrets of a control plane’s hooks', () => {
  it('are the current value, and the previous one once there is one', async () => {
    const before = await secretsOf().of('prod', false);
    await rotate('second');
    const after = await secretsOf().of('prod', false);
    await rotate('third');
    const later = await secretsOf().of('prod', false);

    expect([before, after, later]).toEqual([['first'], ['second', 'first'], ['third', 'second']]);
  });

  it.each([
    [5 * 60 - 1, 1],
    [5 * 60, 2],
  ])('are remembered: after %d s there were %d looks', async (seconds, expected) => {
    const secrets = secretsOf();
    await secrets.of('prod', false);
    await clock.advance(seconds * 1000);

    await secrets.of('prod', false);

    expect(looks()).toBe(expected);
  });

  it.each([
    [59, 1],
    [60, 2],
  ])(
    'are looked up again after a mismatch, at most once a minute: after %d s there were %d looks',
    async (seconds, expected) => {
      const secrets = secretsOf();
      await secrets.of('prod', false);
      await clock.advance(seconds * 1000);

      for (let stranger = 0; stranger < 20; stranger += 1) {
        await secrets.of('prod', true);
      }

      expect(looks()).toBe(expected);
    },
  );

  it('are asked for once by deliveries that come together', async () => {
    const secrets = secretsOf();

    await Promise.all(Array.from({ length: 10 }, () => secrets.of('prod', false)));

    expect(looks()).toBe(1);
  });

  it('show a rotation to the delivery that did not fit', async () => {
    const secrets = secretsOf();
    await secrets.of('prod', false);
    await rotate('second');
    await clock.advance(60_000);

    const stale = await secrets.of('prod', false);
    const fresh = await secrets.of('prod', true);

    expect([stale, fresh]).toEqual([['first'], ['second', 'first']]);
  });

  it('are asked for again at once after a failure', async () => {
    const secrets = secretsOf();
    down = true;
    await expect(secrets.of('prod', false)).rejects.toThrow('away');
    down = false;

    await expect(secrets.of('prod', false)).resolves.toEqual(['first']);
  });

  it('stay known when a stranger’s delivery makes us look while Secrets Manager is away', async () => {
    const secrets = secretsOf();
    await secrets.of('prod', false);
    await clock.advance(60_000);
    down = true;
    await expect(secrets.of('prod', true)).rejects.toThrow('away');

    await expect(secrets.of('prod', false)).resolves.toEqual(['first']);
  });

  it('are kept apart by control plane', async () => {
    aws.secretsManager.createSecret('hooks/test', 'of test');
    const secrets = secretsOf();

    const both = [await secrets.of('prod', false), await secrets.of('test', false)];

    expect(both).toEqual([['first'], ['of test']]);
  });

  it('that do not exist are an error that says what to put where', async () => {
    await expect(secretsOf().of('other', false)).rejects.toThrow(
      /hooks\/other has no current value.*put-secret-value/,
    );
  });
});
