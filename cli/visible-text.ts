/**
 * What is wrong with a value that has visible ASCII characters alone, such as a key or a region: files and
 * `echo` end in a line break. Nothing of the value is in the words.
 *
 * @returns the end of a sentence that begins with the value's name; undefined where nothing is wrong
 */
export function describeInvisible(value: string): string | undefined {
  if (/^[\x21-\x7e]+$/.test(value)) {
    return undefined;
  }
  if (/[\r\n]$/.test(value)) {
    return 'ends in a line break, which belongs to no such value: take it away (`printf %s` writes none)';
  }
  return /^\s|\s$/.test(value)
    ? 'begins or ends with white space: take it away'
    : 'has white space in it, or a character that no such value has';
}
