import { ServiceError } from './signed-server.ts';

/** A write that waits, to see what happens meanwhile. */
export interface HeldWrite {
  /** Resolves when the write waits. */
  readonly arrived: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

/** What a writer expects of the object. */
export interface WriteCondition {
  /** False where the writer expects nothing. */
  readonly given: boolean;
  /** Throws where the object is not in the expected state. */
  readonly check: () => void;
  /** The current version, to see whether it is still the same. */
  readonly version: () => string | undefined;
}

function latch() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * S3 User Guide, "Conditional writes": 409 where another operation gets in between the check and the write.
 */
const conflict = () =>
  new ServiceError(
    409,
    'ConditionalRequestConflict',
    'The conditional request cannot succeed due to a conflicting operation against this resource.',
  );

/** Lets one conditional write at a time through to a key; tests can hold it there. */
export function writeGate() {
  const underWay = new Set<string>();
  const held = new Map<string, { readonly arrive: () => void; readonly released: Promise<void> }>();
  const idOf = (bucket: string, key: string) => `${bucket}/${key}`;

  async function waitWhileHeld(id: string): Promise<void> {
    const gate = held.get(id);
    held.delete(id);
    gate?.arrive();
    await gate?.released;
  }

  return {
    /** Only the next write to the key waits; those after it overtake it. */
    holdNext(bucket: string, key: string): HeldWrite {
      const [arrival, departure] = [latch(), latch()];
      held.set(idOf(bucket, key), { arrive: arrival.open, released: departure.opened });
      return { arrived: arrival.opened, release: departure.open };
    },
    async pass<T>(bucket: string, key: string, condition: WriteCondition, write: () => T): Promise<T> {
      const id = idOf(bucket, key);
      condition.check();
      if (!condition.given) {
        await waitWhileHeld(id);
        return write();
      }
      if (underWay.has(id)) {
        throw conflict();
      }
      underWay.add(id);
      try {
        const before = condition.version();
        await waitWhileHeld(id);
        if (condition.version() !== before) {
          throw conflict();
        }
        return write();
      } finally {
        underWay.delete(id);
      }
    },
  };
}

export type WriteGate = ReturnType<typeof writeGate>;
