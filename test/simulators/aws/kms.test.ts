import { createHash, createPublicKey, verify } from 'node:crypto';
import { rmSync } from 'node:fs';
import { EncryptCommand, GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataKey } from '../../../simulators/aws/kms.ts';
import { startLocalAws } from '../../../simulators/aws/local-aws.ts';
import {
  ACCOUNT_ID,
  clientFor,
  errorName,
  newDataDirectory,
  REGION,
  runLocalAws,
} from './running-local-aws.ts';

const digest = Buffer.alloc(32, 'x');
const UNKNOWN_KEY = `arn:aws:kms:${REGION}:${ACCOUNT_ID}:key/00000000-0000-4000-8000-000000000000`;

describe('the local KMS', () => {
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  let client: KMSClient;
  let signingKey: string;
  let vaultKey: string;

  beforeAll(async () => {
    aws = await runLocalAws();
    client = new KMSClient(clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_KMS));
    signingKey = aws.kms.createKey('signing', 'ECC_NIST_P256');
    vaultKey = aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT');
  });
  afterAll(async () => {
    client.destroy();
    await aws.stop();
  });

  const sign = async (Message: Buffer, KeyId = signingKey) => {
    const command = new SignCommand({
      KeyId,
      Message,
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
    });
    return Buffer.from((await client.send(command)).Signature ?? []);
  };
  const publicKey = async () => {
    const { PublicKey = [] } = await client.send(new GetPublicKeyCommand({ KeyId: signingKey }));
    return createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
  };

  it('signs a digest so that its public key verifies the message', async () => {
    const key = await publicKey();
    // Several, as DER pads an integer only where its first bit is set.
    const messages = Array.from({ length: 32 }, (_, index) => Buffer.from(`message ${index}`));

    const signatures = await Promise.all(
      messages.map((message) => sign(createHash('sha256').update(message).digest())),
    );

    expect(
      signatures.every((signature, index) =>
        verify('sha256', messages[index] ?? Buffer.of(), key, signature),
      ),
    ).toBe(true);
    expect(verify('sha256', Buffer.from('another'), key, signatures[0] ?? Buffer.of())).toBe(false);
    expect(new Set(signatures.map((signature) => signature.toString('hex'))).size).toBe(32);
  });

  it.each([
    [31, 'ValidationException'],
    [32, 'no error'],
    [33, 'ValidationException'],
  ])('knows how long a digest is: %d bytes', async (length, expected) => {
    expect(await errorName(sign(Buffer.alloc(length, 'x')))).toBe(expected);
  });

  it('gives a data key that only the same encryption context opens', () => {
    const dataKey = aws.kms.generateDataKey(vaultKey, { a: '1', b: '2' });

    expect(dataKey.keyArn).toBe(vaultKey);
    expect(dataKey.plaintext).toHaveLength(32);
    expect(aws.kms.decrypt(dataKey, { a: '1', b: '2' })).toEqual(dataKey.plaintext);
    for (const context of [{ a: '1' }, {}]) {
      expect(() => aws.kms.decrypt(dataKey, context)).toThrow(
        expect.objectContaining({ code: 'InvalidCiphertextException' }),
      );
    }
  });

  it.each<[how: string, change: (key: DataKey) => Partial<DataKey>]>([
    ['cut', ({ wrapped }) => ({ wrapped: wrapped.subarray(0, -1) })],
    ['cut to nothing', () => ({ wrapped: Buffer.from('x') })],
    ['of another key', () => ({ keyArn: aws.kms.createKey('another', 'SYMMETRIC_DEFAULT') })],
    [
      'changed',
      ({ wrapped }) => ({ wrapped: Buffer.from(wrapped.map((byte, at) => (at === 30 ? byte ^ 1 : byte))) }),
    ],
  ])('does not open a ciphertext that is %s', (_how, change) => {
    const dataKey = aws.kms.generateDataKey(vaultKey, {});

    expect(() => aws.kms.decrypt({ ...dataKey, ...change(dataKey) }, {})).toThrow(
      expect.objectContaining({ code: 'InvalidCiphertextException' }),
    );
  });

  it('refuses what a key is not for, and keys that do not exist', async () => {
    const names = await Promise.all([
      errorName(sign(digest, vaultKey)),
      errorName((async () => aws.kms.generateDataKey(signingKey, {}))()),
      errorName(client.send(new GetPublicKeyCommand({ KeyId: vaultKey }))),
      errorName(sign(digest, UNKNOWN_KEY)),
    ]);

    expect(names).toEqual([
      'InvalidKeyUsageException',
      'ServiceError',
      'InvalidKeyUsageException',
      'NotFoundException',
    ]);
  });

  it('refuses every use of a disabled key', async () => {
    const KeyId = aws.kms.createKey('disabled', 'ECC_NIST_P256');
    aws.kms.disable(KeyId);

    const names = await Promise.all([
      errorName(sign(digest, KeyId)),
      errorName(client.send(new GetPublicKeyCommand({ KeyId }))),
    ]);

    expect(names).toEqual(['DisabledException', 'DisabledException']);
  });

  it('says 501, with its name, to an operation or parameter that it does not do', async () => {
    const encrypt = client.send(new EncryptCommand({ KeyId: vaultKey, Plaintext: Buffer.from('x') }));
    const dryRun = client.send(new GetPublicKeyCommand({ KeyId: signingKey, GrantTokens: ['x'] }));

    await expect(encrypt).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('Encrypt'),
    });
    await expect(dryRun).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('GrantTokens'),
    });
  });

  it.each([
    ['an unknown access key', { accessKeyId: 'ASIAXXXXXXXXXXXXXXXX' }, 'UnrecognizedClientException'],
    ['another secret', { secretAccessKey: 'x' }, 'InvalidSignatureException'],
    ['another session token', { sessionToken: 'x' }, 'UnrecognizedClientException'],
  ])('refuses a caller with %s', async (_what, change, expected) => {
    const settings = clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_KMS);
    const impostor = new KMSClient({
      ...settings,
      credentials: { ...settings.credentials, ...change },
      maxAttempts: 1,
    });

    const name = await errorName(impostor.send(new GetPublicKeyCommand({ KeyId: signingKey })));

    expect(name).toBe(expected);
    impostor.destroy();
  });

  it('has the same keys after a restart', async () => {
    const dataDirectory = newDataDirectory();
    const options = { dataDirectory, region: REGION, accountId: ACCOUNT_ID };
    const before = await startLocalAws(options);
    const keyArn = before.kms.createKey('vault', 'SYMMETRIC_DEFAULT');
    const dataKey = before.kms.generateDataKey(keyArn, {});
    await before.stop();

    const after = await startLocalAws(options);

    const [sameArn, opened] = [
      after.kms.createKey('vault', 'SYMMETRIC_DEFAULT'),
      after.kms.decrypt(dataKey, {}),
    ];
    await after.stop();
    rmSync(dataDirectory, { recursive: true });
    expect(sameArn).toBe(keyArn);
    expect(opened).toEqual(dataKey.plaintext);
  });
});
