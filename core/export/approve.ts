import type { ControlPlaneStatus, HeldStatus, LastCommand } from '../vault/config-vault.ts';
import { VaultError } from '../vault/errors.ts';
import type { VaultWriting } from '../vault/own-keys.ts';
import { type Approval, nameHeld } from '../vault/plausibility.ts';
import { readStatus, recordStatus } from '../vault/status.ts';

/** Long enough for a check, and for a second try. */
const approvalMs = 30 * 60 * 1000;

/** What became of an approval. */
export type ApprovalOutcome =
  | { readonly outcome: 'approved'; readonly until: Date }
  /** Nothing is held, and nothing was approved. */
  | { readonly outcome: 'nothing held' }
  /** Something else is held than the sender saw, or the sender does not say what he saw. */
  | { readonly outcome: 'other held'; readonly held: HeldStatus; readonly sees: string };

/**
 * Approves what is held, for the whole control plane: until the approval ends, what comes from the same
 * database, has lost no more of any type and has no less left is published (core/vault/plausibility.ts).
 *
 * @param sees names what the sender saw (`nameHeld`)
 * @throws VaultError
 */
export async function approveHeld(
  parts: VaultWriting & { readonly name: string },
  sees: string | undefined,
  command: LastCommand,
): Promise<ApprovalOutcome> {
  const known = await readStatus(parts, parts.name);
  const { status } = known;
  if (status === undefined) {
    throw new VaultError(
      'status',
      'there is no status of ours, which would say what is held: the next check writes one',
    );
  }
  const standing = findStanding(status, command.at);
  if (standing !== undefined && nameHeld(standing) === sees) {
    // It was approved before: a repetition does not prolong it.
    return { outcome: 'approved', until: standing.until };
  }
  const { held } = status;
  if (held === undefined) {
    return { outcome: 'nothing held' };
  }
  if (nameHeld(held) !== sees) {
    return { outcome: 'other held', held, sees: nameHeld(held) };
  }
  const until = new Date(command.at.getTime() + approvalMs);
  const { identity, losses, left } = held;
  const approval = { until, identity, losses, left };
  await recordStatus(parts, { ...status, approval, lastCommand: command }, known);
  return { outcome: 'approved', until };
}

function findStanding({ approval }: ControlPlaneStatus, now: Date): Approval | undefined {
  return approval !== undefined && approval.until > now ? approval : undefined;
}
