import { EntitySplitter, type ListedEntity } from './entity-reader.ts';

/**
 * Names the database of a control plane. Kong makes both ids when it sets a database up, and never changes
 * them: with others it is another database, however alike its content.
 */
export interface DatabaseIdentity {
  /** The parameter `cluster_id`; undefined where there is none. */
  readonly clusterId?: string | undefined;
  /** The id of the workspace `default`; undefined where there is none. */
  readonly defaultWorkspaceId?: string | undefined;
}

// Kong's are UUIDs. What stands there may be anything, and goes into the status.
const longestId = 100;
// Far more than such a row takes.
const longestRowBytes = 64 * 1024;

const identityLists = new Set(['parameters', 'workspaces']);

/** Finds the identity among entities, of whatever types. */
export class IdentityFinder {
  #clusterId: string | undefined;
  #defaultWorkspaceId: string | undefined;

  identity(): DatabaseIdentity {
    return { clusterId: this.#clusterId, defaultWorkspaceId: this.#defaultWorkspaceId };
  }

  look({ type, json }: ListedEntity): void {
    if (!identityLists.has(type) || json.length > longestRowBytes) {
      return;
    }
    const row = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'));
    if (type === 'parameters' && row.key === 'cluster_id') {
      this.#clusterId = takeId(row.value);
    } else if (type === 'workspaces' && row.name === 'default') {
      this.#defaultWorkspaceId = takeId(row.id);
    }
  }
}

function takeId(id: unknown): string | undefined {
  return typeof id === 'string' && id !== '' ? id.slice(0, longestId) : undefined;
}

/**
 * Finds the identity in a frame while the frame is scanned: only the two lists that have it are read, and of
 * them a row at a time is kept.
 */
export class FrameIdentity {
  readonly #finder = new IdentityFinder();
  #splitter: EntitySplitter | undefined;
  /** Where the list that is being read begins; offsets count bytes of the inflated frame. */
  #from = 0;
  #ended: { readonly splitter: EntitySplitter; readonly from: number; readonly to: number }[] = [];

  identity(): DatabaseIdentity {
    return this.#finder.identity();
  }

  /** @param offset of the first byte of a list in the config table */
  beginList(type: string, offset: number): void {
    if (identityLists.has(type)) {
      this.#splitter = new EntitySplitter();
      this.#splitter.split(Buffer.from(`{"${type}":`));
      this.#from = offset;
    }
  }

  /** @param offset just behind the last byte of a list */
  endList(offset: number): void {
    if (this.#splitter !== undefined) {
      this.#ended.push({ splitter: this.#splitter, from: this.#from, to: offset });
      this.#splitter = undefined;
    }
  }

  /** To be called with each chunk once it was scanned. */
  read(chunk: Uint8Array, chunkOffset: number): void {
    for (const { splitter, from, to } of this.#ended) {
      this.#look(splitter, chunk.subarray(Math.max(0, from - chunkOffset), to - chunkOffset));
    }
    this.#ended = [];
    if (this.#splitter !== undefined) {
      this.#look(this.#splitter, chunk.subarray(Math.max(0, this.#from - chunkOffset)));
    }
  }

  #look(splitter: EntitySplitter, piece: Uint8Array): void {
    for (const row of splitter.split(piece)) {
      this.#finder.look(row);
    }
  }
}
