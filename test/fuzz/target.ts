import fc from 'fast-check';

/**
 * - `refused`: in the words of the code.
 * - `good`: taken, and an oracle of its own takes it, too.
 * - `accepted`: taken, although the oracle says that it must not be.
 */
export type Outcome = 'refused' | 'good' | 'accepted';

/** What somebody may send, and what says whether it may be taken. */
export interface Target {
  readonly name: string;
  /** How often its turn comes: some cases take long. */
  readonly share: number;
  /** A case, by its seed. */
  make(seed: number): Case;
}

export interface Case {
  /** For a person who looks for the fault. */
  readonly description: string;
  /** @throws what is no word of the code's: it crashed */
  run(): Promise<Outcome>;
}

/** @param run throws what the code throws besides its own refusals */
export function target<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  run: (input: Input) => Outcome | Promise<Outcome>,
  share = 1,
): Target {
  const unbiased = fc.noBias(inputs);
  return {
    name,
    share,
    make(seed) {
      // The first sample of a seed is a small one, mostly. Some are; of the others any is as likely.
      const [input] = fc.sample(seed % 4 === 0 ? inputs : unbiased, { numRuns: 1, seed });
      return {
        description: fc.stringify(input).slice(0, 2_000),
        run: async () => run(input as Input),
      };
    },
  };
}

/** One change of bytes or characters at a place from 0 to 1. */
interface Change {
  readonly kind: 'flip' | 'set' | 'insert' | 'delete' | 'double' | 'cut' | 'swap';
  readonly at: number;
  readonly length: number;
  readonly value: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'insert', 'delete', 'double', 'cut', 'swap'),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  value: fc.integer({ min: 0, max: 255 }),
});

/** Changes of some bytes: none, or up to four of them. */
export function changed(bytes: Uint8Array): fc.Arbitrary<Buffer> {
  return fc.array(change, { maxLength: 4 }).map((changes) => changes.reduce(applyChange, Buffer.from(bytes)));
}

export function changedText(text: string): fc.Arbitrary<string> {
  return changed(Buffer.from(text, 'latin1')).map((bytes) => bytes.toString('latin1'));
}

function applyChange(bytes: Buffer, { kind, at, length, value }: Change): Buffer {
  const from = Math.floor(at * bytes.length);
  const [before, piece, behind] = [
    bytes.subarray(0, from),
    bytes.subarray(from, from + length),
    bytes.subarray(from + length),
  ];
  switch (kind) {
    case 'flip':
    case 'set': {
      const copy = Buffer.from(bytes);
      if (from < copy.length) {
        copy[from] = kind === 'set' ? value : (copy[from] as number) ^ (1 << (value % 8));
      }
      return copy;
    }
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(length % 5, value), bytes.subarray(from)]);
    case 'delete':
      return Buffer.concat([before, behind]);
    case 'double':
      return Buffer.concat([before, piece, piece, behind]);
    case 'cut':
      return Buffer.from(before);
    case 'swap':
      return Buffer.concat([behind, piece, before]);
  }
}

/** Texts as somebody writes them who wants to break something. */
export const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    ...['', ' ', '\0', '\n', '..', '../../etc/passwd', '%00', '__proto__', 'constructor', '3.9.1\n', '٣.٩.١'],
    ...[
      '\u0024{jndi:ldap://a}',
      '{{7*7}}',
      "' OR 1=1",
      '<script>',
      'NaN',
      '1e999',
      '-0',
      '0x10',
      'x'.repeat(5_000),
    ],
  ),
);

/** Any JSON, some of it deep. */
export const hostileJson = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.integer({ min: 1, max: 200 }).map((depth) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)),
);
