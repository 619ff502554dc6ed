import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateSecret } from '../../../simulators/aws/secrets-manager.ts';
import { clientFor, errorName, runLocalAws } from './running-local-aws.ts';

describe('the local Secrets Manager', () => {
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  let client: SecretsManagerClient;

  beforeAll(async () => {
    aws = await runLocalAws();
    client = new SecretsManagerClient(clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_SECRETS_MANAGER));
  });
  afterAll(async () => {
    client.destroy();
    await aws.stop();
  });

  const put = (SecretId: string, SecretString: string, ClientRequestToken?: string) =>
    client.send(new PutSecretValueCommand({ SecretId, SecretString, ClientRequestToken }));
  const value = async (SecretId: string, VersionStage?: string) =>
    (await client.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;

  it('gives the current value by name and by ARN', async () => {
    const arn = aws.secretsManager.createSecret('hooks/current', 'one');

    const read = await client.send(new GetSecretValueCommand({ SecretId: 'hooks/current' }));

    expect(read).toMatchObject({ ARN: arn, Name: 'hooks/current', SecretString: 'one' });
    expect(await value(arn)).toBe('one');
  });

  it('has no previous value before the first rotation', async () => {
    aws.secretsManager.createSecret('hooks/new', 'one');

    const name = await errorName(value('hooks/new', 'AWSPREVIOUS'));

    expect(name).toBe('ResourceNotFoundException');
  });

  it('moves the stages with each new value', async () => {
    aws.secretsManager.createSecret('hooks/rotated', 'one');
    await put('hooks/rotated', 'two');

    await put('hooks/rotated', 'three');

    expect(await value('hooks/rotated')).toBe('three');
    expect(await value('hooks/rotated', 'AWSCURRENT')).toBe('three');
    expect(await value('hooks/rotated', 'AWSPREVIOUS')).toBe('two');
  });

  it('takes a repeated request once', async () => {
    aws.secretsManager.createSecret('hooks/repeated', 'one');
    const token = '0'.repeat(32);
    await put('hooks/repeated', 'two', token);

    await put('hooks/repeated', 'two', token);

    expect(await value('hooks/repeated', 'AWSPREVIOUS')).toBe('one');
  });

  it('keeps bytes as bytes', async () => {
    const bytes = Uint8Array.of(0, 255, 10);
    aws.secretsManager.createSecret('hooks/binary', bytes);

    const { SecretBinary, SecretString } = await client.send(
      new GetSecretValueCommand({ SecretId: 'hooks/binary' }),
    );

    expect([SecretBinary, SecretString]).toEqual([bytes, undefined]);
  });

  it('has nothing where there is no secret', async () => {
    const names = await Promise.all([errorName(value('none')), errorName(put('none', 'x'))]);

    expect(names).toEqual(['ResourceNotFoundException', 'ResourceNotFoundException']);
  });

  it('says 501 to what it does not do', async () => {
    const failed = client.send(new DescribeSecretCommand({ SecretId: 'hooks/current' }));

    await expect(failed).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('DescribeSecret'),
    });
  });
});

describe('a generated secret', () => {
  it('has the length and the characters that are asked for', () => {
    expect(generateSecret({})).toMatch(/^[!-~]{32}$/);
    expect(generateSecret({ PasswordLength: 48, ExcludePunctuation: true })).toMatch(/^[A-Za-z0-9]{48}$/);
    expect(generateSecret({})).not.toBe(generateSecret({}));
  });

  it('stands in the form that is given', () => {
    const secret = generateSecret({ SecretStringTemplate: '{"key":""}', GenerateStringKey: 'password' });

    expect(JSON.parse(secret)).toEqual({ key: '', password: expect.stringMatching(/^.{32}$/) });
  });
});
