import { CodedError } from '../core/coded-error.ts';

/**
 * - `unplayable`: what it needs is not here, and the message says what: no Python, no network, no emulator.
 * - `refused`: the person said no, or what was asked for would harm what is there.
 * - `failed`: a step did not end as it must.
 */
export class LifeError extends CodedError<'unplayable' | 'refused' | 'failed'> {}

/** By code; 2 is for wrong options, as everywhere. */
export const exitCodes = { failed: 1, unplayable: 3, refused: 4 } as const;
