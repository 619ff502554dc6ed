/**
 * What commander says of wrong options, without the values: one that was refused may hold a password, and one
 * that was given to the wrong option a key.
 *
 * @param text commander's, with its line break
 */
export function withoutValues(text: string): string {
  const [, refused, variable, why] =
    /^(error: option '[^']*') (?:argument|value) '[\s\S]*'(?: from env '(\w+)')? is invalid\.([\s\S]*)$/.exec(
      text,
    ) ?? [];
  if (refused !== undefined) {
    return `${refused} is invalid${variable === undefined ? '' : ` (${variable})`}.${why}`;
  }
  return text.replace(/^(error: unknown (?:option|command) ')([\w-]{0,40})([\s\S]*)('[^']*)$/, '$1$2$4');
}
