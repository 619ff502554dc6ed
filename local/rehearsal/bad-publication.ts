import type { LocalSystem } from '../local-system.ts';
import { sendAsOperator } from './operator.ts';
import type { VaultView } from './vault-view.ts';

export interface RollbackResult {
  /** The revision that the rollback published. */
  readonly revision: number;
  /** Whether an export published nothing over it. */
  readonly pinned: boolean;
  /** Whether an export after the unpinning published what the control plane serves. */
  readonly unpinned: boolean;
}

export interface BadPublication {
  readonly system: LocalSystem;
  readonly vault: VaultView;
  readonly controlPlane: string;
  readonly dataPlaneVersion: string;
  /** How many checks have found the file pinned. */
  readonly countPinned: () => number;
}

/** Takes the newest publication back as an operator does, and lets it be published again. */
export async function takeBack(bad: BadPublication): Promise<RollbackResult> {
  const { system, vault, controlPlane, dataPlaneVersion: version, countPinned } = bad;
  const before = await vault.until('reading the vault', () => true);
  const rollback = { version, revision: 1, sees: before.revision };
  const revision = await sendAsOperator(system, controlPlane, 'rollback', rollback);
  const first = countPinned();
  await system.ringSchedule();
  const pinned = await vault.until('a check of a pinned file', () => countPinned() > first);
  const unpinnedRevision = await sendAsOperator(system, controlPlane, 'unpin', { version, sees: revision });
  await sendAsOperator(system, controlPlane, 'export', {});
  const after = await vault.until(
    'the publication after the unpinning',
    (manifest) => manifest.revision > unpinnedRevision,
  );
  return {
    revision,
    pinned: pinned.revision === revision && pinned.rollbackOf === 1 && pinned.pinned === true,
    unpinned: after.configHash === before.configHash && after.pinned !== true,
  };
}
