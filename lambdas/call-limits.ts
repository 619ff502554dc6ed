import { limitCalls } from '../core/aws-calls.ts';

// A call that is not answered must leave time for what comes after it: another try, another call, the line in
// the log. The functions' own time is 10 s for webhooks and 120 s for an export.

/** For calls of a few kilobytes. */
export const shortCalls = limitCalls({ connectMs: 2_000, tryMs: 4_000, silenceMs: 4_000, tries: 2 });

/** For those of the webhook: two of them, one after the other, within its 10 s. */
export const webhookCalls = limitCalls({ connectMs: 1_500, tryMs: 2_000, silenceMs: 2_000, tries: 2 });

/** For files, which take their time and come on. */
export const fileCalls = limitCalls({ connectMs: 2_000, tryMs: 40_000, silenceMs: 8_000, tries: 3 });
