import { verify } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Signer, verificationKey } from '../../../core/vault/signer.ts';

/** What every `Signer` does. */
export function signerContract(title: string, open: () => Promise<Signer>): void {
  describe(`${title} as a signer`, () => {
    let signer: Signer;
    beforeEach(async () => {
      signer = await open();
    });

    const isGood = async (message: Uint8Array, signature: Uint8Array) => {
      const { key } = await signer.verificationKey();
      return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
    };

    it.each([0, 1, 4096, 5000])('signs a message of %d bytes, in the form of JWS', async (length) => {
      const message = Buffer.alloc(length, 'm');

      const signature = await signer.sign(message);

      expect(signature).toHaveLength(64);
      expect(await isGood(message, signature)).toBe(true);
      expect(await isGood(Buffer.alloc(length + 1, 'm'), signature)).toBe(false);
    });

    it('has one key, on P-256, named by its thumbprint', async () => {
      const [one, other] = [await signer.verificationKey(), await signer.verificationKey()];

      const named = await verificationKey(one.key.export({ format: 'pem', type: 'spki' }).toString());
      expect(one.keyId).toBe(named.keyId);
      expect(other.keyId).toBe(one.keyId);
    });

    it('signs the same message otherwise each time: an exporter knows its own manifest by that', async () => {
      const message = Buffer.from('the same');

      const signatures = [await signer.sign(message), await signer.sign(message)];

      const [one, other] = signatures.map((signature) => Buffer.from(signature).toString('hex'));
      expect(one).not.toBe(other);
    });
  });
}
