/** Asks for an export, because a configuration has come. */
export interface Ring {
  /** When it came. */
  readonly at: Date;
  /** What the control plane calls it; undefined where the frame does not say. */
  readonly configHash: string | undefined;
}

/** Where one rings. */
export interface Bell {
  /** Resolves when the ring is sure to be heard. */
  ring(ring: Ring, signal: AbortSignal): Promise<void>;
}
