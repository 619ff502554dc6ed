import { type DatabaseIdentity, FrameIdentity } from './database-identity.ts';
import { badFrame, type ControlPlaneError } from './errors.ts';
import { closeBracket, openBrace, openBracket } from './json-grammar.ts';

/**
 * Where the declarative config stands in a frame, and what the frame says of itself. Offsets count bytes of
 * the inflated frame.
 */
export interface FrameEnvelope {
  /** Offset of the config table's opening brace. */
  readonly tableStart: number;
  /** Offset just behind the config table's closing brace. */
  readonly tableEnd: number;
  /** The control plane's md5 over the configuration before it is down-converted, where the frame has it. */
  readonly configHash: string | undefined;
  /** When the control plane built it, where the frame says so. */
  readonly builtAt: Date | undefined;
  /** What a person should know of it although it is good. */
  readonly warnings: readonly string[];
  /** Number of entities by type, in the order of the table. */
  readonly entities: Readonly<Record<string, number>>;
  /** Names the database that it was read from. */
  readonly identity: DatabaseIdentity;
  /** What stands in the table beside the lists, by name. */
  readonly scalars: ReadonlyMap<string, unknown>;
  /** Offsets of the braces of lists that were written as `{}`, in their order. */
  readonly emptyListBraces: readonly number[];
}

/**
 * Makes `[]` of the `{}` that Lua writes for an empty list. Data planes take both from a control plane; in a
 * file the one is sure.
 *
 * @param piece of the frame, which is changed
 * @param offset of its first byte
 * @param braces offsets, in their order
 */
export function mendEmptyLists(piece: Uint8Array, offset: number, braces: readonly number[]): void {
  for (const brace of braces) {
    const at = brace - offset;
    if (at >= 0 && at < piece.length) {
      piece[at] = piece[at] === openBrace ? openBracket : closeBracket;
    }
  }
}

/**
 * So many names may stand at the root of a frame, and of its table. Kong has some 50 types of entities; each
 * name is kept, so that no other number would bound the memory.
 */
const mostNames = 1_000;

/** Rows are kept whole where they are compared. Kong's largest, certificates with chains, have kilobytes. */
const largestEntityBytes = 32 * 2 ** 20;

/**
 * What a frame's envelope and config table hold, collected while the frame is read. Depth 1 is the envelope,
 * depth 2 the config table, depth 3 a list of entities.
 */
export class FrameContent {
  #envelopeKey = '';
  #isInTable = false;
  #tableKey = '';
  readonly #envelopeKeys = new Set<string>();
  readonly #tableKeys = new Set<string>();
  readonly #envelope = new Map<string, unknown>();
  readonly #table = new Map<string, unknown>();
  readonly #entities = new Map<string, number>();
  readonly #identity = new FrameIdentity();
  #tableStart = -1;
  #tableEnd = -1;
  readonly #emptyListBraces: number[] = [];
  #isInBraces = false;
  #entityStart = 0;
  readonly #allowedNames: ReadonlySet<string>;

  /** @param allowedNames at the root of the table, beside those that a control plane may send */
  constructor(allowedNames: readonly string[] = []) {
    this.#allowedNames = new Set(['_format_version', '_transform', ...allowedNames]);
  }

  /** Offsets of the braces that have come so far of lists that are written as `{}`. */
  get emptyListBraces(): readonly number[] {
    return this.#emptyListBraces;
  }

  /**
   * Whether names and scalars at this depth are to be added.
   *
   * @throws ControlPlaneError `bad-frame` for a name in what should be a list
   */
  isWanted(depth: number): boolean {
    if (depth === 3 && this.#isInBraces) {
      throw this.#notAList();
    }
    return depth === 1 || (depth === 2 && this.#isInTable);
  }

  /**
   * @throws ControlPlaneError `bad-frame` for a name that stands twice at its place, and for one that data
   * planes would refuse
   */
  addName(depth: number, name: string): void {
    const names = depth === 1 ? this.#envelopeKeys : this.#tableKeys;
    if (names.has(name)) {
      throw badFrame(`${quoteName(name)} stands in it twice`);
    }
    if (names.size === mostNames) {
      throw badFrame(`it has more than ${mostNames} names at one place`);
    }
    names.add(name);
    if (depth === 1) {
      this.#envelopeKey = name;
      this.#isInTable = name === 'config_table';
      return;
    }
    this.#tableKey = name;
    // Data planes refuse any other underscored field at the root (kong/db/declarative), and _comment is ours.
    if (name.startsWith('_') && !this.#allowedNames.has(name)) {
      throw badFrame(
        `the config_table has ${quoteName(name)}, which data planes would refuse or which is ours to add`,
      );
    }
  }

  addScalar(depth: number, scalar: unknown): void {
    if (depth === 1) {
      this.#envelope.set(this.#envelopeKey, scalar);
    } else {
      this.#table.set(this.#tableKey, scalar);
    }
  }

  /**
   * @param depth of what the value stands in
   * @param byte the value's first one
   * @param offset of that byte
   * @throws ControlPlaneError `bad-frame` when a value of another kind is needed at this place
   */
  beginValue(depth: number, byte: number, offset: number): void {
    if (depth === 0 || depth > 3 || !this.#isInTable) {
      return;
    }
    if (depth === 1) {
      if (byte !== openBrace) {
        throw badFrame('its config_table is not an object');
      }
      this.#tableStart = offset;
    } else if (!this.#tableKey.startsWith('_')) {
      this.#beginInList(depth, byte, offset);
    }
  }

  #beginInList(depth: number, byte: number, offset: number): void {
    if (depth === 2) {
      if (byte !== openBracket && byte !== openBrace) {
        throw this.#notAList();
      }
      this.#entities.set(this.#tableKey, 0);
      this.#identity.beginList(this.#tableKey, offset);
      if (byte === openBrace) {
        // Lua writes an empty list so. Anything in it ends the frame.
        this.#isInBraces = true;
        this.#emptyListBraces.push(offset);
      }
      return;
    }
    if (byte !== openBrace) {
      throw badFrame(
        `${quoteName(this.#tableKey)} in the config_table holds something that is not an entity`,
      );
    }
    this.#entities.set(this.#tableKey, (this.#entities.get(this.#tableKey) ?? 0) + 1);
    this.#entityStart = offset;
  }

  /**
   * @param offset up to which the entity that began last has come without its end
   * @throws ControlPlaneError `bad-frame` for one that would not be kept
   */
  requireShortEntity(offset: number): void {
    if (this.#isInTable && offset - this.#entityStart > largestEntityBytes) {
      throw badFrame(
        `${quoteName(this.#tableKey)} in the config_table has an entity of more than ${largestEntityBytes / 2 ** 20} MiB`,
      );
    }
  }

  #notAList(): ControlPlaneError {
    return badFrame(`${quoteName(this.#tableKey)} in the config_table is not a list of entities`);
  }

  /** @param offset of the last byte of a list or an object in the table */
  endValueOfTable(offset: number): void {
    this.#identity.endList(offset + 1);
    if (this.#isInBraces) {
      this.#isInBraces = false;
      this.#emptyListBraces.push(offset);
    }
  }

  /** @param offset just behind the last byte of a value in the envelope */
  endValueOfEnvelope(offset: number): void {
    if (this.#isInTable) {
      this.#tableEnd = offset;
    }
  }

  /** To be called with each chunk once it was scanned. */
  readIdentity(chunk: Uint8Array, chunkOffset: number): void {
    this.#identity.read(chunk, chunkOffset);
  }

  /** The part of a chunk that belongs to the config table, its closing brace left out. */
  cutTable(chunk: Uint8Array, chunkOffset: number): Uint8Array {
    return this.#tableStart < 0
      ? chunk.subarray(0, 0)
      : chunk.subarray(
          Math.max(0, this.#tableStart - chunkOffset),
          this.#tableEnd < 0 ? chunk.length : Math.max(0, this.#tableEnd - 1 - chunkOffset),
        );
  }

  /**
   * @throws ControlPlaneError `bad-frame` when the frame is not a full configuration in a format that we know
   */
  readEnvelope(): FrameEnvelope {
    const type = this.#envelope.get('type');
    if (type !== 'reconfigure') {
      throw badFrame(`its type is ${describeScalar(type, isFrameType)} where "reconfigure" is expected`);
    }
    if (this.#tableStart < 0) {
      throw badFrame('it has no config_table');
    }
    if (this.#table.get('_transform') !== false) {
      throw badFrame(
        "the config_table's _transform is not false: data planes would hash passwords that are hashed already",
      );
    }
    const configHash = this.#envelope.get('config_hash');
    if (this.#envelopeKeys.has('config_hash') && !isMd5(configHash)) {
      throw badFrame('its config_hash is not an md5 in hexadecimal digits');
    }
    const hasTimestamp = this.#envelopeKeys.has('timestamp');
    return {
      tableStart: this.#tableStart,
      tableEnd: this.#tableEnd,
      configHash: isMd5(configHash) ? configHash : undefined,
      builtAt: hasTimestamp ? readTimestamp(this.#envelope.get('timestamp')) : undefined,
      warnings: checkFormatVersion(this.#table.get('_format_version')),
      entities: Object.fromEntries(this.#entities),
      identity: this.#identity.identity(),
      scalars: this.#table,
      emptyListBraces: this.#emptyListBraces,
    };
  }
}

function isMd5(hash: unknown): hash is string {
  return typeof hash === 'string' && /^[0-9a-f]{32}$/.test(hash);
}

/** The formats that Kong has had: kong/db/declarative. */
const knownFormats = new Set(['1.1', '2.1', '3.0']);

/**
 * @returns a warning about a later format
 * @throws ControlPlaneError `bad-frame` for what is no format
 */
function checkFormatVersion(formatVersion: unknown): readonly string[] {
  if (typeof formatVersion === 'string') {
    if (knownFormats.has(formatVersion)) {
      return [];
    }
    const [, major, minor] = /^(\d{1,3})\.(\d{1,3})$/.exec(formatVersion) ?? [];
    if (Number(major) > 3 || (Number(major) === 3 && Number(minor) > 0)) {
      return [
        `the config_table has _format_version "${formatVersion}", which is later than "3.0": make sure that data planes load the file`,
      ];
    }
  }
  throw badFrame(
    `the config_table's _format_version is ${describeScalar(formatVersion, isFormat)} where "3.0" is expected`,
  );
}

function readTimestamp(timestamp: unknown): Date {
  const builtAt = new Date(typeof timestamp === 'number' ? Math.floor(timestamp * 1000) : Number.NaN);
  // Before the first hybrid mode there was no frame; beyond the year 9999 ISO 8601 needs more digits.
  if (!(builtAt.getTime() > Date.UTC(2019) && builtAt.getTime() < Date.UTC(10_000))) {
    throw badFrame('its timestamp is not a time in epoch seconds');
  }
  return builtAt;
}

/** Names of Kong's own: what stands in a broken frame in place of one may be content, and is not told. */
const knownNames = new Set(
  `type timestamp config_table config_hash hashes _format_version _transform _comment _info _ignore _workspace
  services routes consumers consumer_groups consumer_group_consumers consumer_group_plugins plugins certificates snis
  ca_certificates upstreams targets vaults key_sets keys filter_chains workspaces parameters partials licenses tags acls
  basicauth_credentials hmacauth_credentials jwt_secrets keyauth_credentials oauth2_credentials oauth2_tokens
  mtls_auth_credentials acme_storage degraphql_routes`.split(/\s+/),
);

function quoteName(name: string): string {
  return knownNames.has(name) ? `"${name}"` : 'a name that is none of Kong’s own';
}

/** What a control plane sends besides: the conversation of its incremental sync among it. */
const isFrameType = (type: string) => /^(basic_info|reconfigure|sync\.v2\.[a-z_]{1,40})$/.test(type);
const isFormat = (version: string) => /^\d{1,3}\.\d{1,3}$/.test(version);

function describeScalar(scalar: unknown, mayBeTold: (text: string) => boolean): string {
  if (typeof scalar === 'string') {
    return mayBeTold(scalar) ? `"${scalar}"` : 'another text';
  }
  return scalar === undefined ? 'missing' : 'no text';
}
