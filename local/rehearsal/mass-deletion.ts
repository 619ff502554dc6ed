import { nameHeld } from '../../core/vault/plausibility.ts';
import type { LocalSystem } from '../local-system.ts';
import { sendAsOperator } from './operator.ts';
import type { SimulatedControlPlane } from './subject.ts';
import type { VaultView } from './vault-view.ts';

export interface GuardResult {
  /** Whether a mass deletion was held, and wrote nothing. */
  readonly held: boolean;
  /** Whether it was published after a person had approved it. */
  readonly approved: boolean;
}

export interface MassDeletion {
  readonly system: LocalSystem;
  readonly vault: VaultView;
  readonly controlPlane: string;
  readonly simulator: SimulatedControlPlane;
  /** How many checks have held something. */
  readonly countHeld: () => number;
}

/** Whether it writes nothing that most of the configuration is gone: the services that are called so. */
export async function holdMassDeletion(
  { system, vault, simulator, countHeld }: MassDeletion,
  nameStart: string,
): Promise<boolean> {
  const before = await vault.versionCount();
  await simulator.loseServices(nameStart);
  await system.ringSchedule();
  await vault.until('the report that a mass deletion is held', () => countHeld() > 0);
  return (await vault.versionCount()) === before;
}

/** Says that what is held was meant, as an operator does, and whether it is published then. */
export async function approveMassDeletion({
  system,
  vault,
  controlPlane,
  simulator,
}: MassDeletion): Promise<boolean> {
  const before = await vault.until('reading the vault', () => true);
  const held = (await vault.status())?.held;
  if (held === undefined) {
    return false;
  }
  await sendAsOperator(system, controlPlane, 'approve', { sees: nameHeld(held) });
  await sendAsOperator(system, controlPlane, 'export', {});
  const after = await vault.until(
    'the publication of what was approved',
    ({ revision }) => revision > before.revision,
  );
  return after.configHash === simulator.served().configHash;
}
