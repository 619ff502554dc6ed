import { readElf } from './elf.ts';

/** This Node cannot become the client's binary. The message says what to do. */
export class UnusableNode extends Error {
  override readonly name = 'UnusableNode';
}

export interface OfficialNode {
  readonly architecture: 'x64' | 'arm64';
  /** The oldest GNU C library that it runs on, such as `2.28`. */
  readonly glibc: string;
}

// Node puts an application where this is, and turns the 0 behind it into a 1 (Node's manual, "Single
// executable applications").
export const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const architectures: Readonly<Record<number, OfficialNode['architecture']>> = { 62: 'x64', 183: 'arm64' };

// What every system has that has the GNU C library and a C++ program, and no more.
const everywhere = /^(ld-linux[\w.-]*|lib(atomic|c|dl|gcc_s|m|pthread|rt|stdc\+\+)\.so)(\.\d+)?$/;

const otherKinds: readonly (readonly [beginning: string, kind: string])[] = [
  ['cffaedfe', 'a program of macOS'],
  ['cafebabe', 'a program of macOS'],
  ['4d5a', 'a program of Windows'],
  ['2321', 'a script, probably a version manager’s'],
];

const wanted = 'Take a Node for Linux from nodejs.org, or build in a container of node:24-slim';

/**
 * Checks that a program is a Node as nodejs.org builds it for Linux: one that holds all it needs but the C
 * and C++ libraries, and has a place for an application.
 *
 * @throws UnusableNode
 */
export function requireOfficialNode(bytes: Buffer): OfficialNode {
  const { machine, interpreter = '', libraries, versions } = readProgram(bytes);
  const architecture = architectures[machine];
  if (architecture === undefined) {
    throw new UnusableNode(
      `it is for another processor than x64 and arm64 (ELF machine ${machine}). ${wanted}`,
    );
  }
  if (interpreter.includes('musl')) {
    throw new UnusableNode(
      `it is for musl, as on Alpine, and would not start beside a stock Kong, which has the GNU C library. ${wanted}`,
    );
  }
  const foreign = libraries.filter((library) => !everywhere.test(library));
  if (foreign.length > 0) {
    throw new UnusableNode(
      `it is a distribution’s own: it needs ${foreign.join(', ')}, which nodes do not have. ${wanted}`,
    );
  }
  const glibc = newest(versions.flatMap((version) => /^GLIBC_(\d+\.\d+)/.exec(version)?.[1] ?? []));
  if (!interpreter.includes('ld-linux') || glibc === undefined) {
    throw new UnusableNode(`it is not linked with the GNU C library. ${wanted}`);
  }
  requireFuse(bytes);
  return { architecture, glibc };
}

function readProgram(bytes: Buffer): NonNullable<ReturnType<typeof readElf>> {
  try {
    const program = readElf(bytes);
    if (program !== undefined) {
      return program;
    }
  } catch (error) {
    throw new UnusableNode(`it is cut off or damaged. ${wanted}`, { cause: error });
  }
  const beginning = bytes.toString('hex', 0, 4);
  const [, kind = 'no program of Linux'] = otherKinds.find(([each]) => beginning.startsWith(each)) ?? [];
  throw new UnusableNode(`it is ${kind}. ${wanted}`);
}

function requireFuse(bytes: Buffer): void {
  const at = bytes.indexOf(fuse);
  if (at === -1) {
    throw new UnusableNode(
      `it is no Node, or was built without a place for an application (single executable applications). ${wanted}`,
    );
  }
  if (bytes.toString('latin1', at + fuse.length, at + fuse.length + 2) !== ':0') {
    throw new UnusableNode(`it holds an application already, perhaps this one. ${wanted}`);
  }
}

function newest(versions: readonly string[]): string | undefined {
  return [...versions].sort((one, other) => one.localeCompare(other, 'en', { numeric: true })).at(-1);
}
