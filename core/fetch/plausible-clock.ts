import { StandbyError } from './errors.ts';

/** No such client is older. A machine without a clock of its own starts in 1970, or with its image's date. */
const earliest = new Date('2020-01-01T00:00:00Z');

/**
 * Tells before anything is sent that this machine's clock is not set: every certificate would be refused as
 * one of the future, and every signature, which looks like the network's fault.
 *
 * @throws StandbyError `denied`
 */
export function requirePlausibleClock(now: Date): void {
  if (now < earliest) {
    throw new StandbyError(
      'denied',
      `this machine’s clock says ${now.toISOString()}: set it. Until then every signature and every certificate is invalid`,
    );
  }
}
