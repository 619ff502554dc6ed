import type { CommanderError } from 'commander';
import { CodedError } from '../core/coded-error.ts';

/**
 * - `usage`: an option names what cannot be used.
 * - `unplayable`: what it needs is not here, and the message says what: no Python, no network, no emulator.
 * - `refused`: the person said no, or what was asked for would harm what is there.
 * - `failed`: a step did not end as it must.
 */
export class LifeError extends CodedError<'usage' | 'unplayable' | 'refused' | 'failed'> {}

/** By code. */
export const exitCodes = { failed: 1, usage: 2, unplayable: 3, refused: 4 } as const;

/** Ends with 2 where options are wrong: Commander’s own 1 is for a step that failed. */
export function endWithUsage({ exitCode }: CommanderError): never {
  process.exit(exitCode === 0 ? 0 : exitCodes.usage);
}
