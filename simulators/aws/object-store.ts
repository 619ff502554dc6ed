/**
 * Versioned objects on disk, each encrypted with a data key of its own that KMS wraps (envelope encryption).
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { LocalKms } from './kms.ts';
import { writePrivateFile } from './private-files.ts';
import { stringMap } from './string-map.ts';

/** Until when a version cannot be deleted (S3 User Guide, "Locking objects with Object Lock"). */
const objectLock = v.strictObject({
  mode: v.picklist(['GOVERNANCE', 'COMPLIANCE']),
  /** ISO 8601. */
  retainUntil: v.string(),
});

const objectProperties = v.strictObject({
  contentType: v.string(),
  contentEncoding: v.optional(v.string()),
  /** Without the prefix `x-amz-meta-`. */
  metadata: stringMap,
  /** base64, where the writer gave it. */
  checksumSha256: v.optional(v.string()),
  lock: v.optional(objectLock),
});

const storedObject = v.strictObject({
  ...objectProperties.entries,
  etag: v.string(),
  sizeBytes: v.number(),
  keyArn: v.string(),
  wrappedKey: v.string(),
  nonce: v.string(),
});

const storedVersion = v.strictObject({
  key: v.string(),
  versionId: v.string(),
  /** Order of the writes of a bucket. */
  sequence: v.number(),
  /** ISO 8601. */
  lastModified: v.string(),
  /** Absent in a delete marker. */
  object: v.optional(storedObject),
});

export type ObjectLock = v.InferOutput<typeof objectLock>;
export type ObjectProperties = v.InferOutput<typeof objectProperties>;
export type StoredObject = v.InferOutput<typeof storedObject>;
export type ObjectVersion = v.InferOutput<typeof storedVersion>;

/** What a bucket needs of KMS. */
export type DataKeys = Pick<LocalKms, 'generateDataKey' | 'decrypt'>;

const tagBytes = 16;
const newline = 0x0a;

/**
 * Says nothing of the plaintext's MD5 (as AWS's etags with SSE-KMS do not), but comes back with the same
 * bytes: the harder case for a writer that relies on it.
 */
const etagOf = (body: Buffer) =>
  createHash('sha256').update('local etag').update(body).digest('hex').slice(0, 32);

/** Ids sort by nothing, as AWS's do. */
const newVersionId = () => randomBytes(24).toString('base64url');

const bySequence = (a: ObjectVersion, b: ObjectVersion) => a.sequence - b.sequence;

function readVersion(path: string): ObjectVersion {
  const content = readFileSync(path);
  return v.parse(storedVersion, JSON.parse(content.subarray(0, content.indexOf(newline)).toString()));
}

function readAll(directory: string): ObjectVersion[] {
  const files = existsSync(directory) ? readdirSync(directory, { recursive: true, withFileTypes: true }) : [];
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.version'))
    .map((file) => readVersion(join(file.parentPath, file.name)))
    .sort(bySequence);
}

/**
 * One bucket, with versioning on. All methods are synchronous, so what they check still holds when they
 * write.
 */
export class ObjectStore {
  readonly #directory: string;
  readonly #dataKeys: DataKeys;
  readonly #encryptionContext: Readonly<Record<string, string>>;
  readonly #now: () => Date;
  /** Oldest first. */
  #all: readonly ObjectVersion[];

  /** `bucketArn` is the encryption context of every data key, as with an S3 bucket key. */
  constructor(directory: string, bucketArn: string, dataKeys: DataKeys, now: () => Date) {
    this.#directory = directory;
    this.#dataKeys = dataKeys;
    this.#encryptionContext = { 'aws:s3:arn': bucketArn };
    this.#now = now;
    this.#all = readAll(directory);
  }

  /** Newest first; delete markers too. */
  versions(key: string): readonly ObjectVersion[] {
    return this.#all.filter((version) => version.key === key).reverse();
  }

  /** In the order of the keys' UTF-8 bytes, as S3 lists them. */
  keys(prefix: string): readonly string[] {
    const keys = this.#all.map(({ key }) => key).filter((key) => key.startsWith(prefix));
    return [...new Set(keys)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  current(key: string): ObjectVersion | undefined {
    return this.versions(key)[0];
  }

  /** Throws what KMS throws where `keyId` cannot be used. */
  put(key: string, body: Buffer, keyId: string, properties: ObjectProperties): ObjectVersion {
    const { plaintext, wrapped, keyArn } = this.#dataKeys.generateDataKey(keyId, this.#encryptionContext);
    const nonce = randomBytes(12);
    const version = this.#next(key, {
      ...properties,
      etag: etagOf(body),
      sizeBytes: body.length,
      keyArn,
      wrappedKey: wrapped.toString('base64'),
      nonce: nonce.toString('base64'),
    });
    const description = Buffer.from(JSON.stringify(version));
    const cipher = createCipheriv('aes-256-gcm', plaintext, nonce);
    // Metadata and content cannot be exchanged one without the other.
    cipher.setAAD(description);
    const ciphertext = Buffer.concat([cipher.update(body), cipher.final()]);
    this.#add(version, Buffer.concat([description, Buffer.of(newline), cipher.getAuthTag(), ciphertext]));
    return version;
  }

  /** The content, decrypted; throws what KMS throws, and where the file was changed behind our back. */
  read(version: ObjectVersion, { wrappedKey, nonce }: StoredObject): Buffer {
    const content = readFileSync(this.#pathOf(version));
    const [descriptionEnd, ciphertextStart] = [
      content.indexOf(newline),
      content.indexOf(newline) + 1 + tagBytes,
    ];
    const dataKey = this.#dataKeys.decrypt(Buffer.from(wrappedKey, 'base64'), this.#encryptionContext);
    const decipher = createDecipheriv('aes-256-gcm', dataKey, Buffer.from(nonce, 'base64'), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(content.subarray(0, descriptionEnd));
    decipher.setAuthTag(content.subarray(descriptionEnd + 1, ciphertextStart));
    return Buffer.concat([decipher.update(content.subarray(ciphertextStart)), decipher.final()]);
  }

  putDeleteMarker(key: string): ObjectVersion {
    const marker = this.#next(key, undefined);
    this.#add(marker, Buffer.from(`${JSON.stringify(marker)}\n`));
    return marker;
  }

  deleteVersion(version: ObjectVersion): void {
    rmSync(this.#pathOf(version));
    this.#all = this.#all.filter((other) => other !== version);
  }

  #next(key: string, object: StoredObject | undefined): ObjectVersion {
    return {
      key,
      versionId: newVersionId(),
      sequence: (this.#all.at(-1)?.sequence ?? 0) + 1,
      lastModified: this.#now().toISOString(),
      ...(object !== undefined && { object }),
    };
  }

  #add(version: ObjectVersion, content: Buffer): void {
    writePrivateFile(this.#pathOf(version), content);
    this.#all = [...this.#all, version];
  }

  /** The key's hash, as a key may hold anything, `..` too. */
  #pathOf({ key, sequence }: ObjectVersion): string {
    return join(this.#directory, createHash('sha256').update(key).digest('hex'), `${sequence}.version`);
  }
}
