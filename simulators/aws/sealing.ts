import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts and authenticates with AES-256-GCM.
 *
 * @param bound what is not encrypted, and must be the same when it is opened
 * @returns nonce, tag and ciphertext, one behind the other
 */
export function seal(key: Buffer, plaintext: Buffer, bound: string | Buffer): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** @throws Error when it was not sealed with this key and `bound`, or was changed */
export function unseal(key: Buffer, sealed: Buffer, bound: string | Buffer): Buffer {
  const ciphertextStart = nonceBytes + tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(bound)).setAuthTag(sealed.subarray(nonceBytes, ciphertextStart));
  return Buffer.concat([decipher.update(sealed.subarray(ciphertextStart)), decipher.final()]);
}
