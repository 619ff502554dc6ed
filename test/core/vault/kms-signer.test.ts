import { KMSClient } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { kmsSigner } from '../../../core/vault/kms-signer.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, REGION, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { type AnsweringServer, answeringServer } from '../answering-server.ts';
import { localSigner } from './local-signer.ts';
import { signerContract } from './signer-contract.ts';

let aws: LocalAws;
let kms: KMSClient;
let keyArn: string;
const servers: AnsweringServer[] = [];
beforeEach(async () => {
  aws = await runLocalAws();
  kms = new KMSClient(clientFor(aws, aws.kms.endpoint));
  keyArn = aws.kms.createKey('signing', 'ECC_NIST_P256');
});
afterEach(async () => {
  kms.destroy();
  await aws.stop();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A KMS that answers with these, one after the other. */
async function kmsAnswering(...answers: readonly (readonly [status: number, body: object])[]) {
  let next = 0;
  const server = await answeringServer((_, response) => {
    const [status, body] = answers[next] ?? [500, {}];
    next += 1;
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
  });
  servers.push(server);
  const client = new KMSClient({
    endpoint: server.origin,
    region: REGION,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  return { client, server };
}

const denied = [400, { __type: 'AccessDeniedException', message: 'no' }] as const;

signerContract('a key in KMS', async () => kmsSigner(kms, keyArn));
signerContract('a key in memory', localSigner);

describe('a signer in KMS', () => {
  it('reads the public key once', async () => {
    const signer = kmsSigner(kms, keyArn);
    const first = await signer.verificationKey();
    aws.kms.disable(keyArn);

    await expect(signer.verificationKey()).resolves.toBe(first);
  });

  it('asks for the public key again after a failure', async () => {
    const { client, server } = await kmsAnswering(denied, denied);
    const signer = kmsSigner(client, keyArn);

    const failures = [
      await signer.verificationKey().catch((error: { code: string }) => error.code),
      await signer.verificationKey().catch((error: { code: string }) => error.code),
    ];

    expect(failures).toEqual(['denied', 'denied']);
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ['UnrecognizedClientException', 'denied'],
    ['ExpiredTokenException', 'denied'],
    ['InvalidSignatureException', 'denied'],
    ['DisabledException', 'unavailable'],
    ['KMSInvalidStateException', 'unavailable'],
  ])('tells by %s whether the credentials are refused: %s', async (name, code) => {
    const { client } = await kmsAnswering([400, { __type: name, message: 'no' }]);

    await expect(kmsSigner(client, keyArn).verificationKey()).rejects.toMatchObject({ code });
  });

  it('says which key is refused, and what to look at', async () => {
    const { client } = await kmsAnswering(denied);

    const signing = kmsSigner(client, keyArn).sign(Buffer.from('m'));

    await expect(signing).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(new RegExp(`kms:Sign with ${keyArn}.*AccessDenied.*policy`)),
    });
  });

  it('is unavailable while its key is disabled', async () => {
    const signer = kmsSigner(kms, keyArn);
    aws.kms.disable(keyArn);

    await expect(signer.sign(Buffer.from('m'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('enabled'),
    });
  });

  it('is unavailable when the answer holds no signature', async () => {
    const { client } = await kmsAnswering([200, {}]);

    await expect(kmsSigner(client, keyArn).sign(Buffer.from('m'))).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('does not take a key that cannot sign with ES256', async () => {
    const symmetric = aws.kms.createKey('symmetric', 'SYMMETRIC_DEFAULT');

    await expect(kmsSigner(kms, symmetric).verificationKey()).rejects.toMatchObject({ name: 'VaultError' });
  });
});
