/**
 * The part of AWS KMS that Lifeboat uses; S3's SSE-KMS calls it in process. Behaviour: AWS KMS API Reference.
 */
import {
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
import { seal, unseal } from './sealing.ts';
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
  /** ARNs of all keys. */
  keyArns(): readonly string[];
  /** From now on every use of the key fails with `DisabledException`; lasts over restarts. */
  disable(keyArn: string): void;
  /** Ends that. */
  enable(keyArn: string): void;
  /** For SSE-KMS: S3 calls KMS behind its own door. Throws {@link ServiceError} as the API does. */
  generateDataKey(keyId: string, context: EncryptionContext): DataKey;
  decrypt(key: Pick<DataKey, 'wrapped' | 'keyArn'>, context: EncryptionContext): Buffer;
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

/** What AWS puts into the policy of a new key: the account's IAM policies decide. */
export const newKeyStatement = (accountId: string) => ({
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${accountId}:root` },
  Action: 'kms:*',
  Resource: '*',
});

const signingAlgorithm = 'ECDSA_SHA_256';
const digestBytes = 32;

function newMaterial(spec: KeySpec): Buffer {
  return spec === 'SYMMETRIC_DEFAULT'
    ? randomBytes(32)
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' });
}

const materialOf = (key: StoredKey): Buffer => Buffer.from(key.material, 'base64');
const privateKeyOf = (key: StoredKey): KeyObject =>
  createPrivateKey({ key: materialOf(key), format: 'der', type: 'pkcs8' });

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

  return {
    arnOf,
    arns: () => keys.map(arnOf),
    findUsable(keyId: string, spec: KeySpec): StoredKey {
      const key = find(keyId);
      if (!key.enabled) {
        throw new ServiceError(400, 'DisabledException', `${arnOf(key)} is disabled.`);
      }
      if (key.spec !== spec) {
        throw new ServiceError(400, 'InvalidKeyUsageException', `${arnOf(key)} is a ${key.spec} key`);
      }
      return key;
    },
    create(name: string, spec: KeySpec): StoredKey {
      const existing = keys.find((key) => key.name === name);
      if (existing !== undefined) {
        return existing;
      }
      const material = newMaterial(spec).toString('base64');
      const key = { name, keyId: randomUUID(), spec, material, enabled: true };
      save(key);
      keys.push(key);
      return key;
    },
    disable(keyId: string): void {
      const key = find(keyId);
      key.enabled = false;
      save(key);
    },
    enable(keyId: string): void {
      const key = find(keyId);
      key.enabled = true;
      save(key);
    },
  };
}

type KeyStore = ReturnType<typeof keyStore>;

function generateDataKey(keys: KeyStore, keyId: string, context: EncryptionContext): DataKey {
  const key = keys.findUsable(keyId, 'SYMMETRIC_DEFAULT');
  const plaintext = randomBytes(32);
  const wrapped = seal(materialOf(key), plaintext, JSON.stringify(context));
  return { plaintext, wrapped, keyArn: keys.arnOf(key) };
}

function unwrapDataKey(
  keys: KeyStore,
  { wrapped, keyArn }: Pick<DataKey, 'wrapped' | 'keyArn'>,
  context: EncryptionContext,
): Buffer {
  const key = keys.findUsable(keyArn, 'SYMMETRIC_DEFAULT');
  try {
    return unseal(materialOf(key), wrapped, JSON.stringify(context));
  } catch {
    throw new ServiceError(
      400,
      'InvalidCiphertextException',
      'not made by this key, or with another encryption context',
    );
  }
}

const operations = (keys: KeyStore) => ({
  Sign: jsonOperation(
    v.strictObject({
      KeyId: v.string(),
      Message: v.pipe(
        v.string(),
        v.transform((base64) => Buffer.from(base64, 'base64')),
        v.length(digestBytes),
      ),
      // Lifeboat hashes its messages itself and never sends RAW ones.
      MessageType: v.literal('DIGEST'),
      SigningAlgorithm: v.literal(signingAlgorithm),
    }),
    ({ KeyId, Message, SigningAlgorithm }) => {
      const key = keys.findUsable(KeyId, 'ECC_NIST_P256');
      const signature = signDigest(Message, privateKeyOf(key)).toString('base64');
      return { KeyId: keys.arnOf(key), Signature: signature, SigningAlgorithm };
    },
  ),
  GetPublicKey: jsonOperation(v.strictObject({ KeyId: v.string() }), ({ KeyId }) => {
    const key = keys.findUsable(KeyId, 'ECC_NIST_P256');
    const publicKey = createPublicKey(privateKeyOf(key)).export({ format: 'der', type: 'spki' });
    return { KeyId: keys.arnOf(key), PublicKey: publicKey.toString('base64'), KeySpec: key.spec };
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
    keyArns: keys.arns,
    disable: keys.disable,
    enable: keys.enable,
    generateDataKey: (id, encryption) => generateDataKey(keys, id, encryption),
    decrypt: (key, encryption) => unwrapDataKey(keys, key, encryption),
  };
}
