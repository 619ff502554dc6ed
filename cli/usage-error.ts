import type { Command } from 'commander';
import { describeMissing } from './missing-options.ts';

/** What commander says of wrong options: everything that is missing at once, and no values. */
export function describeUsage(text: string, command: Command): string {
  const missing = text.startsWith("error: required option '") ? describeMissing(command) : undefined;
  return missing === undefined ? withoutValues(text) : `error: ${missing}\n`;
}

/**
 * What commander says of wrong options, without the values: one that was refused may hold a password, and one
 * that was given to the wrong option a key.
 *
 * @param text commander's, with its line break
 */
function withoutValues(text: string): string {
  const [, refused, variable, why] =
    /^(error: option '[^']*') (?:argument|value) '[\s\S]*'(?: from env '(\w+)')? is invalid\.([\s\S]*)$/.exec(
      text,
    ) ?? [];
  if (refused !== undefined) {
    return `${refused} is invalid${variable === undefined ? '' : ` (${variable})`}.${why}`;
  }
  return text.replace(/^(error: unknown (?:option|command) ')([\w-]{0,40})([\s\S]*)('[^']*)$/, '$1$2$4');
}
