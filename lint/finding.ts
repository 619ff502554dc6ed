/** What a rule of this folder found. */
export interface Finding {
  /** The rule's name. */
  readonly rule: string;
  /** Path from the root of the repository. */
  readonly file: string;
  readonly line?: number;
  /** What is wrong, and what to do. */
  readonly message: string;
}
