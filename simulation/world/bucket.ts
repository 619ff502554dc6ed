import { createHash } from 'node:crypto';

/** A version of an object. */
export interface StoredVersion {
  readonly versionId: string;
  readonly etag: string;
  readonly body: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentEncoding: string | undefined;
  /** The key that the writer named; undefined where he named none. */
  readonly keyArn: string | undefined;
  readonly isDeleteMarker: boolean;
  readonly storedMs: number;
}

export type PutAnswer =
  | { readonly status: 200; readonly versionId: string; readonly etag: string }
  | { readonly status: 404 | 409 | 412 };

export interface PutRequest {
  readonly body: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  /** @default none is said */
  readonly contentEncoding?: string | undefined;
  /** The key that encrypts it. @default none is named */
  readonly keyArn?: string | undefined;
  /** The etag that must be current; `none` where there must be no object. @default no condition */
  readonly ifMatch?: string | undefined;
}

/** A versioned bucket, with the rules that S3 documents for versions, delete markers and conditions. */
export class Bucket {
  isVersioned = true;
  /** Told each version that is stored. */
  onStored: (key: string, version: StoredVersion) => void = () => undefined;
  /** Told the key of each object that was deleted with all its versions. */
  onDeleted: (key: string) => void = () => undefined;
  readonly #objects = new Map<string, StoredVersion[]>();
  readonly #nowMs: () => number;
  #written = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()];
  }

  /** All versions, oldest first. */
  versions(key: string): readonly StoredVersion[] {
    return this.#objects.get(key) ?? [];
  }

  /** What a GET or HEAD of the key finds; undefined for a 404, also behind a delete marker. */
  current(key: string): StoredVersion | undefined {
    const newest = this.versions(key).at(-1);
    return newest?.isDeleteMarker === true ? undefined : newest;
  }

  version(key: string, versionId: string): StoredVersion | undefined {
    const found = this.versions(key).find((version) => version.versionId === versionId);
    return found?.isDeleteMarker === true ? undefined : found;
  }

  put(key: string, { ifMatch, ...object }: PutRequest): PutAnswer {
    const current = this.current(key);
    if (ifMatch === 'none' && current !== undefined) {
      return { status: 412 };
    }
    if (ifMatch !== undefined && ifMatch !== 'none' && current?.etag !== ifMatch) {
      return { status: current === undefined ? 404 : 412 };
    }
    return { status: 200, ...this.#store(key, object, false) };
  }

  addDeleteMarker(key: string): void {
    this.#store(key, { body: new Uint8Array(), metadata: {} }, true);
  }

  /** Deletes an object for good. */
  deleteVersions(key: string): void {
    this.#objects.delete(key);
    this.onDeleted(key);
  }

  #store(
    key: string,
    { body, metadata, contentEncoding, keyArn }: Omit<PutRequest, 'ifMatch'>,
    isDeleteMarker: boolean,
  ): { readonly versionId: string; readonly etag: string } {
    this.#written += 1;
    // Where versioning is suspended a write replaces the version "null" (S3 User Guide, "Adding objects to
    // versioning-suspended buckets").
    const versionId = this.isVersioned ? `v${this.#written}` : 'null';
    // KMS-encrypted objects have an etag that is no MD5, and the same for no two uploads.
    const etag = `"${createHash('md5').update(`${this.#written}`).update(body).digest('hex')}"`;
    const kept = this.versions(key).filter((version) => this.isVersioned || version.versionId !== 'null');
    const object = { body, metadata, contentEncoding, keyArn };
    const version = { ...object, versionId, etag, isDeleteMarker, storedMs: this.#nowMs() };
    this.#objects.set(key, [...kept, version]);
    this.onStored(key, version);
    return { versionId, etag };
  }
}
