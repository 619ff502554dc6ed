/** As much of ELF (elf(5)) as it takes to know on which systems a program runs. */

export interface ElfProgram {
  /** `e_machine`: 62 is x86-64, 183 is AArch64. */
  readonly machine: number;
  /** What loads it, which tells the C library: `/lib64/ld-linux-x86-64.so.2`; undefined for nothing. */
  readonly interpreter: string | undefined;
  /** Shared libraries that it does not start without. */
  readonly libraries: readonly string[];
  /** Versions of their interfaces that it needs, such as `GLIBC_2.28`. */
  readonly versions: readonly string[];
}

const loaded = 1;
const dynamic = 2;
const interpreter = 3;
const tags = { needed: 1n, strings: 5n, versionNeeds: 0x6ffffffen };

/**
 * Reads a 64-bit little-endian program.
 *
 * @returns undefined for what is none
 * @throws RangeError for one that is cut off or damaged
 */
export function readElf(bytes: Buffer): ElfProgram | undefined {
  // 64 bits (2), least significant byte first (1).
  if (!bytes.subarray(0, 6).equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]))) {
    return undefined;
  }
  const segments = readSegments(bytes);
  const ofType = (type: number) => segments.find((segment) => segment.type === type);
  const named = ofType(interpreter);
  const entries = readDynamicEntries(bytes, ofType(dynamic));
  const offsetOf = (tag: bigint) => {
    const address = entries.find((entry) => entry.tag === tag)?.value;
    return address === undefined ? undefined : fileOffset(Number(address), segments);
  };
  const strings = offsetOf(tags.strings);
  const textAt = (offset: number) => readText(bytes, (strings ?? bytes.length) + offset);
  return {
    machine: bytes.readUInt16LE(18),
    interpreter: named && readText(bytes, named.offset),
    libraries: entries.filter(({ tag }) => tag === tags.needed).map(({ value }) => textAt(Number(value))),
    versions: readVersionNeeds(bytes, offsetOf(tags.versionNeeds)).map(textAt),
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function readSegments(bytes: Buffer): readonly Segment[] {
  const start = Number(bytes.readBigUInt64LE(32));
  const [size, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    const numberAt = (offset: number) => Number(bytes.readBigUInt64LE(at + offset));
    return { type: bytes.readUInt32LE(at), offset: numberAt(8), address: numberAt(16), size: numberAt(32) };
  });
}

function fileOffset(address: number, segments: readonly Segment[]): number {
  const segment = segments.find(
    ({ type, address: start, size }) => type === loaded && address >= start && address < start + size,
  );
  if (segment === undefined) {
    throw new RangeError('an address that no segment holds');
  }
  return segment.offset + address - segment.address;
}

function readDynamicEntries(bytes: Buffer, segment: Segment | undefined) {
  const count = segment === undefined ? 0 : Math.floor(segment.size / 16);
  return Array.from({ length: count }, (_, index) => {
    const at = (segment?.offset ?? 0) + index * 16;
    return { tag: bytes.readBigInt64LE(at), value: bytes.readBigUInt64LE(at + 8) };
  });
}

/** Offsets of names: of each library a chain of versions, one chain after the other. */
function readVersionNeeds(bytes: Buffer, start: number | undefined): readonly number[] {
  const names: number[] = [];
  for (
    let library = start;
    library !== undefined;
    library = next(library, bytes.readUInt32LE(library + 12))
  ) {
    for (
      let version: number | undefined = library + bytes.readUInt32LE(library + 8);
      version !== undefined;
      version = next(version, bytes.readUInt32LE(version + 12))
    ) {
      names.push(bytes.readUInt32LE(version + 8));
    }
  }
  return names;
}

/** A distance of 0 ends a chain. Others lead forwards, so that every chain ends. */
function next(at: number, distance: number): number | undefined {
  return distance === 0 ? undefined : at + distance;
}

function readText(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  if (start >= bytes.length || end === -1) {
    throw new RangeError('a text without an end');
  }
  return bytes.toString('latin1', start, end);
}
