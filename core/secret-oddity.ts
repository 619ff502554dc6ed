/** Takes what is odd about the way a secret is stored, and whose secret it is; undefined where nothing is. */
export type ReportOddity = (name: string, oddity: string | undefined) => void;

/**
 * Tells once what is odd about the way a secret is stored, and again only when it is odd in another way:
 * secrets are read again and again.
 *
 * @param tell gets a sentence's part that fits behind "stored as", with nothing of the secret in it
 */
export function tellOnce(tell: (name: string, oddity: string) => void): ReportOddity {
  const told = new Map<string, string>();
  return (name, oddity) => {
    if (oddity !== undefined && told.get(name) !== oddity) {
      told.set(name, oddity);
      tell(name, oddity);
    }
  };
}
