import { describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { clusterIdentity, signAssertion } from '../../../core/access/cluster-identity.ts';
import { countingRandom } from '../counting-random.ts';
import { issue, now } from './certificates.ts';

describe('what a data plane proves itself with', () => {
  it.each([
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
    ['RSA-2048', 'RS256'],
  ] as const)('signs with %s as %s', async (keyType, alg) => {
    const { pem, keyPem, certificate } = await issue({ keyType });
    const other = await issue();

    const assertion = await signAssertion(
      clusterIdentity(`# Kong\n${pem}\n${other.pem}`, keyPem),
      'prod',
      now,
      countingRandom(),
    );

    expect(decodeProtectedHeader(assertion)).toEqual({
      alg,
      typ: 'lifeboat-grant+jwt',
      x5c: [certificate, other.certificate].map(({ raw }) => raw.toString('base64')),
    });
    expect(decodeJwt(assertion)).toEqual({
      aud: '/control-planes/prod/fallback-config',
      iat: now.getTime() / 1000,
      exp: now.getTime() / 1000 + 60,
      jti: '00000000-0000-4000-8000-000000000001',
    });
  });

  it('takes a key in the older form, too', async () => {
    const { pem, key } = await issue();

    const identity = clusterIdentity(pem, key.export({ format: 'pem', type: 'sec1' }).toString());

    expect(identity.algorithm).toBe('ES256');
  });

  it('says something else each time', async () => {
    const { pem, keyPem } = await issue();
    const identity = clusterIdentity(pem, keyPem);
    const random = countingRandom();

    const ids = await Promise.all(
      [1, 2].map(async () => decodeJwt(await signAssertion(identity, 'prod', now, random)).jti),
    );

    expect(ids[0]).not.toBe(ids[1]);
  });

  it('is refused with a sentence where it could not be used', async () => {
    const [one, other, odd] = await Promise.all([issue(), issue(), issue({ keyType: 'P-521' })]);

    const attempts = [
      ['', one.keyPem, /the certificate is empty/],
      [one.pem, other.keyPem, /does not belong to the certificate/],
      [odd.pem, odd.keyPem, /of another kind/],
      [one.pem.repeat(5), one.keyPem, /there are 5 certificates/],
    ] as const;

    for (const [certificates, key, words] of attempts) {
      expect(() => clusterIdentity(certificates, key)).toThrow(words);
    }
  });
});
