import { closestMatch } from 'leven';

/**
 * Finds the name that somebody may have meant.
 *
 * @returns "did you mean …? ", or nothing where no known name differs in three letters or fewer, and in less
 * than half of them; upper case is no difference
 */
export function askForClosest(given: string, known: Iterable<string>): string {
  const byLetters = new Map([...known].map((name) => [name.toLowerCase(), name]));
  const maxDistance = Math.min(3, Math.max(1, Math.floor(given.length * 0.4)));
  const closest = closestMatch(given.toLowerCase(), [...byLetters.keys()], { maxDistance });
  return closest === undefined ? '' : `did you mean ${byLetters.get(closest)}? `;
}
