import { createPublicKey } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verificationKey } from '../../core/vault/signer.ts';
import type { LocalAws } from '../../simulators/aws/local-aws.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { ACCOUNT_ID, REGION, runLocalAws } from '../simulators/aws/running-local-aws.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';

let cli: Cli;
let aws: LocalAws;
let signingKeyArn: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  [cli, aws] = await Promise.all([bundledCli(), runLocalAws()]);
  signingKeyArn = aws.kms.createKey('signing', 'ECC_NIST_P256');
  const { accessKeyId, secretAccessKey, sessionToken } = aws.identities.issue(
    `arn:aws:iam::${ACCOUNT_ID}:role/administrator`,
  );
  env = {
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL_KMS: aws.endpoints.AWS_ENDPOINT_URL_KMS,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_MAX_ATTEMPTS: '1',
  };
});

afterAll(async () => {
  await aws.stop();
  await cli.stop();
});

const publicKey = (...more: readonly string[]) =>
  cli.run(['public-key', '--key-id', signingKeyArn, ...more], env);

describe('lifeboat public-key', () => {
  it('prints PEM, as `lifeboat fetch` takes it', async () => {
    const { exitCode, stdout, stderr } = await publicKey();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(createPublicKey(stdout).asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  });

  it('prints the same key as a JWK, whose kid is the thumbprint that manifests name', async () => {
    const [{ stdout: pem }, { stdout: jwk }] = await Promise.all([publicKey(), publicKey('--format', 'jwk')]);

    const { keyId } = await verificationKey(pem);
    const parsed = JSON.parse(jwk) as Record<string, string>;
    expect(parsed).toMatchObject({ kty: 'EC', crv: 'P-256', kid: keyId, alg: 'ES256', use: 'sig' });
    expect(
      createPublicKey({ key: parsed, format: 'jwk' }).export({ format: 'pem', type: 'spki' }).toString(),
    ).toBe(pem);
    expect(parsed).not.toHaveProperty('d');
  });

  it('prints both with --json', async () => {
    const { stdout } = await publicKey('--json');

    const { keyId, pem, jwk } = JSON.parse(stdout) as Record<string, unknown>;
    expect(jwk).toMatchObject({ kid: keyId });
    expect((await verificationKey(String(pem))).keyId).toBe(keyId);
  });
});

describe('lifeboat public-key exits', () => {
  it.each<readonly [number, string, readonly string[], Readonly<Record<string, string>>, string]>([
    [2, 'without a key', [], {}, '--key-id or --stack (LIFEBOAT_STACK) is missing'],
    [2, 'with an unknown format', ['--key-id', 'x', '--format', 'der'], {}, 'Allowed choices are pem, jwk'],
    [2, 'without a region', ['--key-id', 'x'], { AWS_REGION: '' }, 'no AWS region'],
    [3, 'without credentials', ['--key-id', 'x'], { AWS_ACCESS_KEY_ID: '' }, 'no AWS credentials were found'],
    [5, 'when there is no such key', ['--key-id', 'x'], {}, 'kms:GetPublicKey with x (NotFoundException'],
  ])('%d %s', async (code, _what, parameters, changed, sentence) => {
    const { exitCode, stdout, stderr } = await cli.run(['public-key', ...parameters], { ...env, ...changed });

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
    expect(stdout).toBe('');
    expect(stderr).not.toContain(env['AWS_SECRET_ACCESS_KEY']);
    expect(stderr).not.toContain(env['AWS_SESSION_TOKEN']);
  });

  it('5 when KMS does not answer', async () => {
    const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
    await stop();

    const { exitCode } = await cli.run(['public-key', '--key-id', signingKeyArn], {
      ...env,
      AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${port}`,
    });

    expect(exitCode).toBe(5);
  });
});
