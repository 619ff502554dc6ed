/** What Lifeboat promises, whatever happens around it. */
export const invariantNames = [
  'a data plane loads only what its control plane served for its version',
  'a data plane loads only what we have signed and stored',
  'a data plane loads the newest revision',
  'a data plane without its control plane boots from the vault',
  'each node of a fleet has its file soon',
  'a fleet does not ask all at once',
  'a data plane waits for as long as it is asked to',
  'a data plane downloads one file at a time',
  'Kong gets an older revision only when it has refused the newer one',
  'what a live control plane has sent is not replaced',
  'revisions rise, and each names the one before it',
  'nothing older is published over something newer',
  'an empty configuration never replaces a filled one',
  'a mass deletion waits for a person',
  'another database waits for a person',
  'nothing is published while a revision is pinned',
  'what was published stays in the history',
  'what a stranger has written is noticed',
  'what a stranger has written is replaced by the next check',
  'what is stored is reported',
  'a check that fails is told as failed',
  'the status says what the check has found',
  'what is held raises an alarm',
  'a bucket that keeps no versions raises an alarm',
  'a function ends before its timeout',
  'a change whose hook arrives is published at once',
  'the last state is published when faults end',
  'what stays unpublished raises an alarm',
  'no secret is shown',
] as const;

export type InvariantName = (typeof invariantNames)[number];

/** What a data plane is promised, whatever the export makes of the vault. */
export const promisesToDataPlanes: readonly InvariantName[] = [
  'a data plane loads only what its control plane served for its version',
  'a data plane loads only what we have signed and stored',
  'a data plane without its control plane boots from the vault',
];

/** What many data planes that boot at once are promised. */
export const promisesToFleets: readonly InvariantName[] = [
  'each node of a fleet has its file soon',
  'a fleet does not ask all at once',
  'a data plane waits for as long as it is asked to',
  'a data plane downloads one file at a time',
];

/** What standby does to a Kong that is well, whatever it sees of it. */
export const promisesOfStandby: readonly InvariantName[] = [
  'Kong gets an older revision only when it has refused the newer one',
  'what a live control plane has sent is not replaced',
];

/** A promise that was broken. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly detail: string;
  /** True time, epoch. */
  readonly atMs: number;
}

/**
 * The first violation that counts.
 *
 * @param counted what counts; everything where it is left out
 */
export function findViolation(
  { violations }: { readonly violations: readonly Violation[] },
  { counted }: { readonly counted?: readonly InvariantName[] | undefined },
): Violation | undefined {
  return violations.find(({ invariant }) => counted?.includes(invariant) ?? true);
}
