import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { sendCommand } from '../../core/fetch/command-request.ts';
import type { LocalSystem } from '../local-system.ts';
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
  const { system, vault, countPinned } = bad;
  const before = await vault.until('reading the vault', () => true);
  const rollback = { revision: 1, sees: before.revision, reason: 'rehearsal' };
  const revision = await send(bad, 'rollback', rollback);
  const first = countPinned();
  await system.ringSchedule();
  const pinned = await vault.until('a check of a pinned file', () => countPinned() > first);
  const unpinnedRevision = await send(bad, 'unpin', { sees: revision, reason: 'rehearsal' });
  await send(bad, 'export', { reason: 'rehearsal' });
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

const published = v.object({ revision: v.optional(v.number(), 0) });

/** @returns the revision that the command has published; 0 where it publishes none itself */
async function send(
  { system, controlPlane, dataPlaneVersion }: BadPublication,
  command: string,
  fields: object,
): Promise<number> {
  const answer = await sendCommand({
    endpoint: new URL(system.apiUrl),
    controlPlane,
    command,
    body: { ...fields, version: command === 'export' ? undefined : dataPlaneVersion },
    authentication: { by: 'iam', region: system.region, credentials: system.operator },
    timeoutMs: 30_000,
    clock: systemClock,
  });
  return v.parse(published, JSON.parse(answer)).revision;
}
