/**
 * The part of AWS KMS that Lifeboat uses; S3's SSE-KMS calls it in process. Behaviour: AWS KMS API Reference.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { signDigest } from './ecdsa-digest.ts';
import { type JsonInput, jsonOperation, startJsonService } from './json-service.ts';
import { writePrivateFile } from './private-files.ts';
import { type RunningService, type ServiceContext, ServiceError } from './signed-server.ts';

export type KeySpec = 'SYMMETRIC_DEFAULT' | 'ECC_NIST_P256';
export type EncryptionContext = Readonly<Record<string, string>>;

export interface DataKey {
  /** 32 bytes. */
  readonly plaintext: Buffer;
  readonly wrapped: Buffer;
  readonly keyArn: string;
}

export interface LocalKms extends RunningService {
  /** The ARN of the key with this name, which is made where there is none yet; it survives restarts. */
  createKey(name: string, spec: KeySpec): string;
  /** From now on every use of the key fails with `DisabledException`; lasts over restarts. */
  disable(keyArn: string): void;
  /** For SSE-KMS: S3 calls KMS behind its own door. Throws {@link ServiceError} as the API does. */
  generateDataKey(keyId: string, context: EncryptionContext): DataKey;
  decrypt(wrapped: Buffer, context: EncryptionContext): Buffer;
}

const storedKey = v.strictObject({
  name: v.string(),
  keyId: v.string(),
  spec: v.picklist(['SYMMETRIC_DEFAULT', 'ECC_NIST_P256']),
  /** base64: 32 random bytes, or a private key in PKCS #8. */
  material: v.string(),
  enabled: v.boolean(),
});
type StoredKey = v.InferOutput<typeof storedKey>;

const signingAlgorithm = 'ECDSA_SHA_256';
const digestBytes = 32;
/** AES-GCM nonce and tag, and the 16 bytes of the key's id in front of them. */
const keyIdBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;

const invalidCiphertext = () =>
  new ServiceError(
    400,
    'InvalidCiphertextException',
    'not made by these keys, or with another encryption context',
  );

/** The order of the pairs does not matter, every byte does. */
const encodeContext = (context: EncryptionContext) =>
  JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)));

function newMaterial(spec: KeySpec): Buffer {
  return spec === 'SYMMETRIC_DEFAULT'
    ? randomBytes(32)
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' });
}

const privateKeyOf = (key: StoredKey): KeyObject =>
  createPrivateKey({ key: Buffer.from(key.material, 'base64'), format: 'der', type: 'pkcs8' });

function wrap(key: StoredKey, plaintext: Buffer, context: EncryptionContext): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key.material, 'base64'), nonce);
  cipher.setAAD(Buffer.from(encodeContext(context)));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([
    Buffer.from(key.keyId.replaceAll('-', ''), 'hex'),
    nonce,
    cipher.getAuthTag(),
    ciphertext,
  ]);
}

function unwrap(key: StoredKey, wrapped: Buffer, context: EncryptionContext): Buffer {
  const nonce = wrapped.subarray(keyIdBytes, keyIdBytes + nonceBytes);
  const tag = wrapped.subarray(keyIdBytes + nonceBytes, keyIdBytes + nonceBytes + tagBytes);
  try {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key.material, 'base64'), nonce, {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(encodeContext(context))).setAuthTag(tag);
    const ciphertext = wrapped.subarray(keyIdBytes + nonceBytes + tagBytes);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    throw invalidCiphertext();
  }
}

/** Keys on disk, one file each. */
function keyStore(directory: string, { region, accountId }: ServiceContext) {
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith('.json')) : [];
  const keys = files.map((file) =>
    v.parse(storedKey, JSON.parse(readFileSync(join(directory, file), 'utf8'))),
  );

  const arnOf = (key: StoredKey) => `arn:aws:kms:${region}:${accountId}:key/${key.keyId}`;
  const save = (key: StoredKey) =>
    writePrivateFile(join(directory, `${key.keyId}.json`), JSON.stringify(key));

  function find(keyId: string): StoredKey {
    const found = keys.find((key) => key.keyId === keyId || arnOf(key) === keyId);
    if (found === undefined) {
      throw new ServiceError(400, 'NotFoundException', `Key '${keyId}' does not exist`);
    }
    return found;
  }

  function findUsable(keyId: string, spec: KeySpec): StoredKey {
    const key = find(keyId);
    if (!key.enabled) {
      throw new ServiceError(400, 'DisabledException', `${arnOf(key)} is disabled.`);
    }
    if (key.spec !== spec) {
      throw new ServiceError(
        400,
        'InvalidKeyUsageException',
        `${arnOf(key)} is a ${key.spec} key, which cannot do this`,
      );
    }
    return key;
  }

  return {
    arnOf,
    find,
    findUsable,
    create(name: string, spec: KeySpec): StoredKey {
      const existing = keys.find((key) => key.name === name);
      if (existing !== undefined && existing.spec !== spec) {
        throw new Error(
          `the local KMS key "${name}" is a ${existing.spec} key: choose another name for a ${spec} one`,
        );
      }
      const key = existing ?? {
        name,
        keyId: randomUUID(),
        spec,
        material: newMaterial(spec).toString('base64'),
        enabled: true,
      };
      if (existing === undefined) {
        save(key);
        keys.push(key);
      }
      return key;
    },
    disable(keyId: string): void {
      const key = find(keyId);
      key.enabled = false;
      save(key);
    },
  };
}

type KeyStore = ReturnType<typeof keyStore>;

function generateDataKey(keys: KeyStore, keyId: string, context: EncryptionContext): DataKey {
  const key = keys.findUsable(keyId, 'SYMMETRIC_DEFAULT');
  const plaintext = randomBytes(32);
  return { plaintext, wrapped: wrap(key, plaintext, context), keyArn: keys.arnOf(key) };
}

/** The key that made a ciphertext: its id stands in the first bytes. */
function keyOfCiphertext(keys: KeyStore, wrapped: Buffer): StoredKey {
  const hex = wrapped.subarray(0, keyIdBytes).toString('hex');
  try {
    return keys.find(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
  } catch (error) {
    throw error instanceof ServiceError ? invalidCiphertext() : error;
  }
}

function decrypt(keys: KeyStore, wrapped: Buffer, context: EncryptionContext): Buffer {
  const key = keyOfCiphertext(keys, wrapped);
  keys.findUsable(key.keyId, 'SYMMETRIC_DEFAULT');
  return unwrap(key, wrapped, context);
}

const operations = (keys: KeyStore) => ({
  Sign: jsonOperation(
    v.strictObject({
      KeyId: v.string(),
      Message: v.pipe(
        v.string(),
        v.transform((base64) => Buffer.from(base64, 'base64')),
      ),
      // Lifeboat hashes its messages itself and never sends RAW ones.
      MessageType: v.literal('DIGEST'),
      SigningAlgorithm: v.string(),
    }),
    ({ KeyId, Message, SigningAlgorithm }) => {
      const key = keys.findUsable(KeyId, 'ECC_NIST_P256');
      if (SigningAlgorithm !== signingAlgorithm) {
        throw new ServiceError(
          400,
          'InvalidKeyUsageException',
          `this key signs with ${signingAlgorithm} only`,
        );
      }
      if (Message.length !== digestBytes) {
        throw new ServiceError(
          400,
          'ValidationException',
          `Digest is invalid length for algorithm ${signingAlgorithm}.`,
        );
      }
      const signature = signDigest(Message, privateKeyOf(key)).toString('base64');
      return { KeyId: keys.arnOf(key), Signature: signature, SigningAlgorithm };
    },
  ),
  GetPublicKey: jsonOperation(v.strictObject({ KeyId: v.string() }), ({ KeyId }) => {
    const key = keys.find(KeyId);
    if (key.spec !== 'ECC_NIST_P256') {
      throw new ServiceError(400, 'UnsupportedOperationException', `${keys.arnOf(key)} has no public key`);
    }
    keys.findUsable(KeyId, 'ECC_NIST_P256');
    const publicKey = createPublicKey(privateKeyOf(key)).export({ format: 'der', type: 'spki' });
    return {
      KeyId: keys.arnOf(key),
      PublicKey: publicKey.toString('base64'),
      KeySpec: key.spec,
      CustomerMasterKeySpec: key.spec,
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: [signingAlgorithm],
    };
  }),
});

/** Each operation has the action of its name on the key that it names. */
function accessesOf({ region, accountId }: ServiceContext) {
  return (operation: string, { KeyId }: JsonInput): readonly Access[] => {
    const id = String(KeyId ?? '');
    const resourceArn = id.startsWith('arn:') ? id : `arn:aws:kms:${region}:${accountId}:key/${id}`;
    return [{ action: `kms:${operation}`, resourceArn, context: overTls }];
  };
}

/** Starts a KMS whose keys are kept below `dataDirectory`. */
export async function startLocalKms(dataDirectory: string, context: ServiceContext): Promise<LocalKms> {
  const keys = keyStore(join(dataDirectory, 'kms'), context);
  const protocol = { service: 'kms', target: 'TrentService', version: '1.1' } as const;
  const service = await startJsonService(protocol, operations(keys), accessesOf(context), context);
  return {
    ...service,
    createKey: (name, spec) => keys.arnOf(keys.create(name, spec)),
    disable: keys.disable,
    generateDataKey: (id, encryption) => generateDataKey(keys, id, encryption),
    decrypt: (wrapped, encryption) => decrypt(keys, wrapped, encryption),
  };
}
