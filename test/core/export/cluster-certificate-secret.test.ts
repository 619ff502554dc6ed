import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readClusterCertificate } from '../../../core/export/cluster-certificate-secret.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { pkiCertificates, sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';

let aws: LocalAws;
let client: SecretsManagerClient;
beforeAll(async () => {
  aws = await runLocalAws();
  client = new SecretsManagerClient(clientFor(aws, aws.secretsManager.endpoint));
});
afterAll(async () => {
  client.destroy();
  await aws.stop();
});

const read = (value: string) =>
  readClusterCertificate(client, aws.secretsManager.createSecret(crypto.randomUUID(), value));

describe('the cluster certificate in its secret', () => {
  it.each([
    ['shared', sharedCertificate],
    ['PKI', async () => (await pkiCertificates({ controlPlaneHost: 'localhost' })).dataPlane],
  ])('is read as it was put there: %s mode', async (_, make) => {
    const certificate = await make();

    await expect(read(JSON.stringify(certificate))).resolves.toEqual(certificate);
  });

  it.each([
    ['EC', 'EC PRIVATE KEY'],
    ['RSA', 'RSA PRIVATE KEY'],
  ])('may have its key in the older form of %s', async (_, label) => {
    const certificate = { certificate: '-----BEGIN CERTIFICATE-----', key: `-----BEGIN ${label}-----` };

    await expect(read(JSON.stringify(certificate))).resolves.toEqual(certificate);
  });

  it.each([
    ['no JSON', 'sesame', 'the whole'],
    ['a list', '["sesame"]', '.+'],
    ['no key', { certificate: '-----BEGIN CERTIFICATE-----sesame' }, 'key'],
    ['a key that is none', { certificate: '-----BEGIN CERTIFICATE-----', key: 'sesame' }, 'key'],
    [
      'the two exchanged',
      { certificate: '-----BEGIN PRIVATE KEY-----sesame', key: '-----BEGIN CERTIFICATE-----' },
      'certificate, key',
    ],
    [
      'a CA that is none',
      { certificate: '-----BEGIN CERTIFICATE-----', key: '-----BEGIN PRIVATE KEY-----sesame', ca: 'sesame' },
      'ca',
    ],
  ])('is refused with %s, and quoted nowhere', async (_, value, wrong) => {
    const reading = read(typeof value === 'string' ? value : JSON.stringify(value));

    const error = await reading.catch((reason: Error) => reason);
    expect(error).toMatchObject({
      name: 'ControlPlaneError',
      code: 'refused',
      message: expect.stringMatching(new RegExp(`\\(wrong: (${wrong})\\).*cluster_cert_key`)),
    });
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain('sesame');
  });

  it('that does not exist is an error with Secrets Manager’s own name for it', async () => {
    await expect(readClusterCertificate(client, 'nowhere')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});
