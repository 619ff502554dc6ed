/**
 * Versioned objects on disk, each encrypted with a data key of its own that KMS wraps (envelope encryption).
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { LocalKms } from './kms.ts';
import { writePrivateFile } from './private-files.ts';
import { seal, unseal } from './sealing.ts';

const objectProperties = v.strictObject({
  contentType: v.string(),
  contentEncoding: v.optional(v.string()),
  /** Without the prefix `x-amz-meta-`. */
  metadata: v.record(v.string(), v.string()),
  /** base64, where the writer gave it. */
  checksumSha256: v.optional(v.string()),
  /** Until then nobody deletes the version (ISO 8601; S3 User Guide, "Locking objects with Object Lock"). */
  lockedUntil: v.optional(v.string()),
});

const storedVersion = v.strictObject({
  ...objectProperties.entries,
  key: v.string(),
  versionId: v.string(),
  /** Order of the writes of a bucket. */
  sequence: v.number(),
  /** ISO 8601. */
  lastModified: v.string(),
  etag: v.string(),
  sizeBytes: v.number(),
  keyArn: v.string(),
  wrappedKey: v.string(),
});

export type ObjectProperties = v.InferOutput<typeof objectProperties>;
export type ObjectVersion = v.InferOutput<typeof storedVersion>;

/** What a bucket needs of KMS. */
export type DataKeys = Pick<LocalKms, 'generateDataKey' | 'decrypt'>;

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
  const description: unknown = JSON.parse(content.subarray(0, content.indexOf(newline)).toString());
  const read = v.safeParse(storedVersion, description);
  if (!read.success) {
    throw new Error(`${path} is not as this version of Lifeboat writes it: use another data directory`);
  }
  return read.output;
}

function readAll(directory: string): ObjectVersion[] {
  const files = existsSync(directory) ? readdirSync(directory, { recursive: true, withFileTypes: true }) : [];
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.version'))
    .map((file) => readVersion(join(file.parentPath, file.name)))
    .sort(bySequence);
}

/** One versioned bucket. All methods are synchronous: what they check still holds when they write. */
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

  /** Newest first. */
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
    const version: ObjectVersion = {
      key,
      versionId: newVersionId(),
      sequence: (this.#all.at(-1)?.sequence ?? 0) + 1,
      lastModified: this.#now().toISOString(),
      ...properties,
      etag: etagOf(body),
      sizeBytes: body.length,
      keyArn,
      wrappedKey: wrapped.toString('base64'),
    };
    // Metadata and content cannot be exchanged one without the other.
    const description = Buffer.from(JSON.stringify(version));
    const sealed = seal(plaintext, body, description);
    writePrivateFile(this.#pathOf(version), Buffer.concat([description, Buffer.of(newline), sealed]));
    this.#all = [...this.#all, version];
    return version;
  }

  /** The content, decrypted; throws what KMS throws, and where the file was changed behind our back. */
  read(version: ObjectVersion): Buffer {
    const content = readFileSync(this.#pathOf(version));
    const descriptionEnd = content.indexOf(newline);
    return unseal(
      this.unwrapKey(version),
      content.subarray(descriptionEnd + 1),
      content.subarray(0, descriptionEnd),
    );
  }

  /** The data key of a version; throws what KMS throws. */
  unwrapKey({ wrappedKey, keyArn }: ObjectVersion): Buffer {
    const wrapped = Buffer.from(wrappedKey, 'base64');
    return this.#dataKeys.decrypt({ wrapped, keyArn }, this.#encryptionContext);
  }

  deleteVersion(version: ObjectVersion): void {
    rmSync(this.#pathOf(version));
    this.#all = this.#all.filter((other) => other !== version);
  }

  /** The key's hash, as a key may hold anything, `..` too. */
  #pathOf({ key, sequence }: ObjectVersion): string {
    return join(this.#directory, createHash('sha256').update(key).digest('hex'), `${sequence}.version`);
  }
}
