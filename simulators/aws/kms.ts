/** The part of AWS KMS that Lifeboat and S3's SSE-KMS use. Behaviour: AWS KMS API Reference. */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { signDigest } from './ecdsa-digest.ts';
import { type JsonInput, jsonOperation, startJsonService } from './json-service.ts';
import { writePrivateFile } from './private-files.ts';
import { type RunningService, type ServiceContext, ServiceError } from './signed-server.ts';
import { stringMap } from './string-map.ts';

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
  createdAtSeconds: v.number(),
});
type StoredKey = v.InferOutput<typeof storedKey>;

const SIGNING_ALGORITHM = 'ECDSA_SHA_256';
/** Longer messages are hashed by the caller (Sign, parameter Message). */
const LONGEST_RAW_MESSAGE_BYTES = 4096;
const DIGEST_BYTES = 32;
/** AES-GCM nonce and tag, and the 16 bytes of the key's id in front of them. */
const [KEY_ID_BYTES, NONCE_BYTES, TAG_BYTES] = [16, 12, 16];

const invalid = (message: string) => new ServiceError(400, 'ValidationException', message);
const invalidCiphertext = () =>
  new ServiceError(
    400,
    'InvalidCiphertextException',
    'not made by these keys, or with another encryption context',
  );

/** The order of the pairs does not matter, every byte does. */
const authenticated = (context: EncryptionContext) =>
  JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)));

function newMaterial(spec: KeySpec): Buffer {
  return spec === 'SYMMETRIC_DEFAULT'
    ? randomBytes(32)
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' });
}

const privateKeyOf = (key: StoredKey): KeyObject =>
  createPrivateKey({ key: Buffer.from(key.material, 'base64'), format: 'der', type: 'pkcs8' });

function wrap(key: StoredKey, plaintext: Buffer, context: EncryptionContext): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key.material, 'base64'), nonce);
  cipher.setAAD(Buffer.from(authenticated(context)));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([
    Buffer.from(key.keyId.replaceAll('-', ''), 'hex'),
    nonce,
    cipher.getAuthTag(),
    ciphertext,
  ]);
}

function unwrap(key: StoredKey, wrapped: Buffer, context: EncryptionContext): Buffer {
  const nonce = wrapped.subarray(KEY_ID_BYTES, KEY_ID_BYTES + NONCE_BYTES);
  const tag = wrapped.subarray(KEY_ID_BYTES + NONCE_BYTES, KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key.material, 'base64'), nonce, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(authenticated(context))).setAuthTag(tag);
    const ciphertext = wrapped.subarray(KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    throw invalidCiphertext();
  }
}

/** Keys on disk, one file each. */
function keyStore(directory: string, { region, accountId, now }: ServiceContext) {
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
        createdAtSeconds: Math.floor(now().getTime() / 1000),
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
  const hex = wrapped.subarray(0, KEY_ID_BYTES).toString('hex');
  try {
    return keys.find(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
  } catch (error) {
    throw error instanceof ServiceError ? invalidCiphertext() : error;
  }
}

function decrypt(keys: KeyStore, wrapped: Buffer, context: EncryptionContext, keyId?: string) {
  const key = keyOfCiphertext(keys, wrapped);
  if (keyId !== undefined && keys.find(keyId) !== key) {
    throw new ServiceError(400, 'IncorrectKeyException', 'the ciphertext was made by another key');
  }
  keys.findUsable(key.keyId, 'SYMMETRIC_DEFAULT');
  return { plaintext: unwrap(key, wrapped, context), keyArn: keys.arnOf(key) };
}

function signMessage(key: StoredKey, message: Buffer, type: 'RAW' | 'DIGEST'): Buffer {
  if (type === 'DIGEST') {
    if (message.length !== DIGEST_BYTES) {
      throw invalid(`Digest is invalid length for algorithm ${SIGNING_ALGORITHM}.`);
    }
    return signDigest(message, privateKeyOf(key));
  }
  if (message.length < 1 || message.length > LONGEST_RAW_MESSAGE_BYTES) {
    throw invalid(`a RAW message has 1 to ${LONGEST_RAW_MESSAGE_BYTES} bytes: send a DIGEST instead`);
  }
  return sign('sha256', message, privateKeyOf(key));
}

const bytes = v.pipe(
  v.string(),
  v.transform((base64) => Buffer.from(base64, 'base64')),
);
const keyId = v.string();
const encryptionContext = v.optional(stringMap, {});

const operations = (keys: KeyStore) => ({
  Sign: jsonOperation(
    v.strictObject({
      KeyId: keyId,
      Message: bytes,
      MessageType: v.optional(v.picklist(['RAW', 'DIGEST']), 'RAW'),
      SigningAlgorithm: v.string(),
    }),
    ({ KeyId, Message, MessageType, SigningAlgorithm }) => {
      const key = keys.findUsable(KeyId, 'ECC_NIST_P256');
      if (SigningAlgorithm !== SIGNING_ALGORITHM) {
        throw new ServiceError(
          400,
          'InvalidKeyUsageException',
          `this key signs with ${SIGNING_ALGORITHM} only`,
        );
      }
      const signature = signMessage(key, Message, MessageType).toString('base64');
      return { KeyId: keys.arnOf(key), Signature: signature, SigningAlgorithm };
    },
  ),
  GetPublicKey: jsonOperation(v.strictObject({ KeyId: keyId }), ({ KeyId }) => {
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
      SigningAlgorithms: [SIGNING_ALGORITHM],
    };
  }),
  DescribeKey: jsonOperation(v.strictObject({ KeyId: keyId }), ({ KeyId }) => {
    const key = keys.find(KeyId);
    return {
      KeyMetadata: {
        KeyId: key.keyId,
        Arn: keys.arnOf(key),
        CreationDate: key.createdAtSeconds,
        Description: key.name,
        Enabled: key.enabled,
        KeyState: key.enabled ? 'Enabled' : 'Disabled',
        KeySpec: key.spec,
        KeyUsage: key.spec === 'ECC_NIST_P256' ? 'SIGN_VERIFY' : 'ENCRYPT_DECRYPT',
        KeyManager: 'CUSTOMER',
        Origin: 'AWS_KMS',
        MultiRegion: false,
      },
    };
  }),
  GenerateDataKey: jsonOperation(
    v.strictObject({ KeyId: keyId, KeySpec: v.literal('AES_256'), EncryptionContext: encryptionContext }),
    ({ KeyId, EncryptionContext }) => {
      const { plaintext, wrapped, keyArn } = generateDataKey(keys, KeyId, EncryptionContext);
      return {
        KeyId: keyArn,
        Plaintext: plaintext.toString('base64'),
        CiphertextBlob: wrapped.toString('base64'),
      };
    },
  ),
  Decrypt: jsonOperation(
    v.strictObject({ CiphertextBlob: bytes, EncryptionContext: encryptionContext, KeyId: v.optional(keyId) }),
    ({ CiphertextBlob, EncryptionContext, KeyId }) => {
      const { plaintext, keyArn } = decrypt(keys, CiphertextBlob, EncryptionContext, KeyId);
      return {
        KeyId: keyArn,
        Plaintext: plaintext.toString('base64'),
        EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      };
    },
  ),
});

/** Starts a KMS whose keys are kept below `dataDirectory`. */
/** Each operation has the action of its name on the key that it names. */
function accessesOf({ region, accountId }: ServiceContext) {
  return (operation: string, { KeyId, EncryptionContext }: JsonInput): readonly Access[] => {
    const id = String(KeyId ?? '');
    const encryptionContext = Object.entries((EncryptionContext ?? {}) as Readonly<Record<string, unknown>>);
    return [
      {
        action: `kms:${operation}`,
        resourceArn: id.startsWith('arn:') ? id : `arn:aws:kms:${region}:${accountId}:key/${id}`,
        context: {
          ...overTls,
          ...Object.fromEntries(
            encryptionContext.map(([name, value]) => [`kms:EncryptionContext:${name}`, String(value)]),
          ),
        },
      },
    ];
  };
}

export async function startLocalKms(
  dataDirectory: string,
  context: ServiceContext,
  port?: number,
): Promise<LocalKms> {
  const keys = keyStore(join(dataDirectory, 'kms'), context);
  const protocol = { service: 'kms', target: 'TrentService', version: '1.1' } as const;
  const service = await startJsonService(protocol, operations(keys), accessesOf(context), context, port);
  return {
    ...service,
    createKey: (name, spec) => keys.arnOf(keys.create(name, spec)),
    disable: keys.disable,
    generateDataKey: (id, encryption) => generateDataKey(keys, id, encryption),
    decrypt: (wrapped, encryption) => decrypt(keys, wrapped, encryption).plaintext,
  };
}
