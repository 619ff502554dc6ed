import type { ControlPlaneStatus } from '../../../core/vault/config-vault.ts';
import { defaultGuard, type GuardSetting } from '../../../core/vault/plausibility.ts';
import { PublicationGuard } from '../../../core/vault/publication-guard.ts';
import type { HeldConfiguration, Publication } from '../../../core/vault/publish.ts';

/** The guard of one check. */
export function guardOf(last?: ControlPlaneStatus, setting: GuardSetting = defaultGuard): PublicationGuard {
  return new PublicationGuard({ setting, last });
}

/** For tests in which nothing is to be held. */
export function notHeld(outcome: Publication | HeldConfiguration): Publication {
  if (outcome.outcome === 'held') {
    throw new Error(`it was held: ${outcome.held.what}`);
  }
  return outcome;
}
