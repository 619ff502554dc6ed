import { createPrivateKey } from 'node:crypto';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readClusterCertificate } from '../../../core/export/cluster-certificate-secret.ts';
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { pkiCertificates, sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';

let aws: LocalAws;
let client: SecretsManagerClient;
let oddities: (string | undefined)[];
beforeAll(async () => {
  aws = await runLocalAws();
  client = new SecretsManagerClient(clientFor(aws, aws.secretsManager.endpoint));
});
beforeEach(() => {
  oddities = [];
});
afterAll(async () => {
  client.destroy();
  await aws.stop();
});

const read = (value: string | Uint8Array) =>
  readClusterCertificate(
    {
      secretsManager: client,
      secretId: aws.secretsManager.createSecret(crypto.randomUUID(), value),
    },
    (_secretId, oddity) => oddities.push(oddity),
  );
const hereDocument = ({ certificate, key }: ClusterCertificate) =>
  `{\n  "certificate": "${certificate}",\n  "key": "${key}"\n}\n`;
const oneLine = (pem: string) => pem.trim().replaceAll('\n', ' ');

describe('the cluster certificate in its secret', () => {
  it.each([
    ['shared', sharedCertificate],
    ['PKI', async () => (await pkiCertificates({ controlPlaneHost: 'localhost' })).dataPlane],
  ])('is read as it was put there: %s mode', async (_, make) => {
    const certificate = await make();

    await expect(read(JSON.stringify(certificate))).resolves.toEqual(certificate);
    expect(oddities).toEqual([undefined]);
  });

  it.each<
    [how: string, store: (certificate: ClusterCertificate) => string | Uint8Array, oddity: string | undefined]
  >([
    [
      'behind a byte order mark',
      (given) => `\uFEFF${JSON.stringify(given)}`,
      'JSON behind a byte order mark',
    ],
    ['with a line break at the end', (given) => `${JSON.stringify(given)}\n`, undefined],
    ['as binary', (given) => Buffer.from(JSON.stringify(given)), 'binary'],
    ['as binary with a byte order mark', (given) => Buffer.from(`\uFEFF${JSON.stringify(given)}`), 'binary'],
    ['with raw line breaks, from a here-document', hereDocument, 'JSON with raw line breaks in its texts'],
    [
      'with raw CRLF',
      (given) => hereDocument(given).replaceAll('\n', '\r\n'),
      'JSON with raw line breaks in its texts',
    ],
    [
      'with blanks for line breaks, from a form',
      ({ certificate, key }) => JSON.stringify({ certificate: oneLine(certificate), key: oneLine(key) }),
      'JSON whose "certificate" is PEM without its line breaks',
    ],
    [
      'with a key in base64',
      ({ certificate, key }) => JSON.stringify({ certificate, key: Buffer.from(key).toString('base64') }),
      'JSON whose "key" is base64 of PEM',
    ],
    [
      'with \\n escaped twice',
      (given) => JSON.stringify(given).replaceAll('\\n', '\\\\n'),
      'JSON whose "certificate" is PEM without its line breaks',
    ],
    ['with an empty ca', (given) => JSON.stringify({ ...given, ca: '' }), undefined],
  ])('is read %s, and what is odd about it is told', async (_, store, oddity) => {
    const certificate = await sharedCertificate();

    await expect(read(store(certificate))).resolves.toEqual(certificate);
    expect(oddities).toEqual([oddity]);
  });

  it('is read with the CA of PKI mode before it, in the order that TLS needs', async () => {
    const { dataPlane } = await pkiCertificates({ controlPlaneHost: 'localhost' });
    const { certificate, key, ca = '' } = dataPlane;

    const both = await read(JSON.stringify({ certificate: ca + certificate, key, ca }));
    const caInOneLine = await read(JSON.stringify({ certificate, key, ca: oneLine(ca) }));

    expect(both).toEqual({ certificate: certificate + ca, key, ca });
    expect(caInOneLine).toEqual({ certificate, key, ca });
    expect(oddities).toEqual([
      'JSON whose "certificate" begins with another certificate than the one that the key belongs to',
      'JSON whose "ca" is PEM without its line breaks',
    ]);
  });

  it.each<[what: string, value: object | string | Uint8Array, why: RegExp]>([
    ['no JSON', 'sesame', /the secret is no JSON/],
    ['nothing', ' ', /the secret is empty/],
    ['bytes that are no JSON', Uint8Array.of(1, 2), /stored as binary, and the bytes are no JSON/],
    ['PEM', '-----BEGIN CERTIFICATE-----sesame', /is PEM, where JSON with PEM in it is expected/],
    ['a list', '["sesame"]', /JSON without a text for "certificate" and "key"/],
    ['a text', '"sesame"', /JSON, and no object/],
    ['other names', { 'sesame.crt': '' }, /JSON without a text for "certificate" and "key"/],
    ['no key', { certificate: '-----BEGIN CERTIFICATE-----sesame' }, /JSON without a text for "key"/],
    [
      'the form that the deployment made',
      { certificate: '', key: '', unused: 'sesame' },
      /certificate is empty/,
    ],
    ['a certificate that is none', { certificate: 'sesame', key: 'sesame' }, /the certificate is no PEM/],
  ])('is refused with %s, and quoted nowhere', async (_, value, why) => {
    const isWhole = typeof value === 'string' || value instanceof Uint8Array;
    const error = await read(isWhole ? value : JSON.stringify(value)).catch((reason: Error) => reason);

    expect(error).toMatchObject({
      name: 'ControlPlaneError',
      code: 'refused',
      message: expect.stringMatching(
        /^the cluster certificate in secret arn:.*cannot be used: .*cluster_cert_key$/,
      ),
    });
    expect((error as Error).message).toMatch(why);
    expect(oddities).toEqual([]);
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain('sesame');
  });

  it.each<[what: string, change: (given: ClusterCertificate) => Promise<object>, why: RegExp]>([
    [
      'the key of another certificate',
      async (given) => ({ ...given, key: (await sharedCertificate()).key }),
      /the key does not belong to the certificate/,
    ],
    [
      'a key that has a passphrase',
      async ({ certificate, key }) => ({
        certificate,
        key: createPrivateKey(key).export({
          format: 'pem',
          type: 'pkcs8',
          cipher: 'aes-256-cbc',
          passphrase: 'sesame',
        }),
      }),
      /the key is protected by a passphrase/,
    ],
    ['a CA that is none', async (given) => ({ ...given, ca: 'sesame' }), /the ca is no PEM/],
  ])('is refused with %s before anybody connects', async (_, change, why) => {
    const changed = await change(await sharedCertificate());

    const error = await read(JSON.stringify(changed)).catch((reason: Error) => reason);

    expect(error).toMatchObject({ code: 'refused', message: expect.stringMatching(why) });
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain('sesame');
  });

  it('that does not exist is an error with Secrets Manager’s own name for it', async () => {
    const source = { secretsManager: client, secretId: 'nowhere' };

    await expect(readClusterCertificate(source, () => undefined)).rejects.toMatchObject({
      code: 'no-secret',
      message: expect.stringMatching(/secret nowhere \(ResourceNotFoundException: /),
    });
  });
});
