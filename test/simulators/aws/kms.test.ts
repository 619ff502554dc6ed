import { createHash, createPublicKey, verify } from 'node:crypto';
import { rmSync } from 'node:fs';
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  SignCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startLocalAws } from '../../../simulators/aws/local-aws.ts';
import {
  ACCOUNT_ID,
  clientFor,
  errorName,
  newDataDirectory,
  REGION,
  runLocalAws,
} from './running-local-aws.ts';

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

  const sign = async (Message: Buffer, MessageType: 'RAW' | 'DIGEST', KeyId = signingKey) => {
    const command = new SignCommand({ KeyId, Message, MessageType, SigningAlgorithm: 'ECDSA_SHA_256' });
    return Buffer.from((await client.send(command)).Signature ?? []);
  };
  const publicKey = async () => {
    const { PublicKey = [] } = await client.send(new GetPublicKeyCommand({ KeyId: signingKey }));
    return createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
  };

  it('signs a message so that its public key verifies it', async () => {
    const message = Buffer.from('header.payload');

    const signature = await sign(message, 'RAW');

    expect(verify('sha256', message, await publicKey(), signature)).toBe(true);
    expect(verify('sha256', Buffer.from('header.other'), await publicKey(), signature)).toBe(false);
  });

  it('signs a digest as it would the message', async () => {
    const key = await publicKey();
    // Several, as DER pads an integer only where its first bit is set.
    const messages = Array.from({ length: 32 }, (_, index) => Buffer.from(`message ${index}`));

    const signatures = await Promise.all(
      messages.map((message) => sign(createHash('sha256').update(message).digest(), 'DIGEST')),
    );

    expect(
      signatures.every((signature, index) =>
        verify('sha256', messages[index] ?? Buffer.of(), key, signature),
      ),
    ).toBe(true);
    expect(new Set(signatures.map((signature) => signature.toString('hex'))).size).toBe(32);
  });

  it.each([
    ['RAW', 4096, 'no error'],
    ['RAW', 4097, 'ValidationException'],
    ['RAW', 0, 'ValidationException'],
    ['DIGEST', 31, 'ValidationException'],
    ['DIGEST', 32, 'no error'],
    ['DIGEST', 33, 'ValidationException'],
  ] as const)('knows how long a %s message may be: %d bytes', async (type, length, expected) => {
    const name = await errorName(sign(Buffer.alloc(length, 'x'), type));

    expect(name).toBe(expected);
  });

  it('gives a data key that only the same encryption context opens', async () => {
    const EncryptionContext = { 'aws:s3:arn': 'arn:aws:s3:::vault', purpose: 'test' };
    const dataKey = await client.send(
      new GenerateDataKeyCommand({ KeyId: vaultKey, KeySpec: 'AES_256', EncryptionContext }),
    );
    const decrypt = (context: Record<string, string>) =>
      client.send(new DecryptCommand({ CiphertextBlob: dataKey.CiphertextBlob, EncryptionContext: context }));

    const { Plaintext, KeyId } = await decrypt({ purpose: 'test', 'aws:s3:arn': 'arn:aws:s3:::vault' });

    expect(KeyId).toBe(vaultKey);
    expect(Plaintext).toHaveLength(32);
    expect(Plaintext).toEqual(dataKey.Plaintext);
    expect(await errorName(decrypt({ 'aws:s3:arn': 'arn:aws:s3:::vault' }))).toBe(
      'InvalidCiphertextException',
    );
    expect(await errorName(decrypt({}))).toBe('InvalidCiphertextException');
  });

  it.each([
    ['cut', (blob: Buffer) => blob.subarray(0, -1)],
    ['cut to nothing', () => Buffer.from('x')],
    ['of another key', (blob: Buffer) => Buffer.concat([Buffer.alloc(16), blob.subarray(16)])],
    ['changed', (blob: Buffer) => Buffer.concat([blob.subarray(0, -1), Buffer.of((blob.at(-1) ?? 0) ^ 1)])],
  ])('does not open a ciphertext that is %s', async (_how, change) => {
    const { wrapped } = aws.kms.generateDataKey(vaultKey, {});

    const name = await errorName(client.send(new DecryptCommand({ CiphertextBlob: change(wrapped) })));

    expect(name).toBe('InvalidCiphertextException');
  });

  it('does not open a ciphertext with another key than the one named', async () => {
    const { wrapped } = aws.kms.generateDataKey(vaultKey, {});
    const KeyId = aws.kms.createKey('other', 'SYMMETRIC_DEFAULT');

    const name = await errorName(client.send(new DecryptCommand({ CiphertextBlob: wrapped, KeyId })));

    expect(name).toBe('IncorrectKeyException');
  });

  it('describes a key', async () => {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: signingKey }));

    expect(KeyMetadata).toMatchObject({
      Arn: signingKey,
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      Enabled: true,
      CreationDate: expect.any(Date),
    });
  });

  it('refuses what a key is not for, and keys that do not exist', async () => {
    const names = await Promise.all([
      errorName(sign(Buffer.from('x'), 'RAW', vaultKey)),
      errorName(client.send(new GenerateDataKeyCommand({ KeyId: signingKey, KeySpec: 'AES_256' }))),
      errorName(client.send(new GetPublicKeyCommand({ KeyId: vaultKey }))),
      errorName(sign(Buffer.from('x'), 'RAW', UNKNOWN_KEY)),
      errorName(client.send(new DescribeKeyCommand({ KeyId: UNKNOWN_KEY }))),
    ]);

    expect(names).toEqual([
      'InvalidKeyUsageException',
      'InvalidKeyUsageException',
      'UnsupportedOperationException',
      'NotFoundException',
      'NotFoundException',
    ]);
  });

  it('refuses every use of a disabled key, and says so when asked', async () => {
    const KeyId = aws.kms.createKey('disabled', 'ECC_NIST_P256');
    aws.kms.disable(KeyId);

    const names = await Promise.all([
      errorName(sign(Buffer.from('x'), 'RAW', KeyId)),
      errorName(client.send(new GetPublicKeyCommand({ KeyId }))),
    ]);

    expect(names).toEqual(['DisabledException', 'DisabledException']);
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.KeyState).toBe('Disabled');
  });

  it('says 501, with its name, to an operation or parameter that it does not do', async () => {
    const encrypt = client.send(new EncryptCommand({ KeyId: vaultKey, Plaintext: Buffer.from('x') }));
    const dryRun = client.send(new DescribeKeyCommand({ KeyId: vaultKey, GrantTokens: ['x'] }));

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

    const name = await errorName(impostor.send(new DescribeKeyCommand({ KeyId: vaultKey })));

    expect(name).toBe(expected);
    impostor.destroy();
  });

  it('has the same keys after a restart', async () => {
    const dataDirectory = newDataDirectory();
    const options = { dataDirectory, region: REGION, accountId: ACCOUNT_ID };
    const before = await startLocalAws(options);
    const keyArn = before.kms.createKey('vault', 'SYMMETRIC_DEFAULT');
    const { wrapped, plaintext } = before.kms.generateDataKey(keyArn, {});
    await before.stop();

    const after = await startLocalAws(options);

    const [sameArn, opened] = [
      after.kms.createKey('vault', 'SYMMETRIC_DEFAULT'),
      after.kms.decrypt(wrapped, {}),
    ];
    await after.stop();
    rmSync(dataDirectory, { recursive: true });
    expect(sameArn).toBe(keyArn);
    expect(opened).toEqual(plaintext);
  });
});
