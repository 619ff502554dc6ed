import { closestMatch } from 'leven';

/**
 * Finds the name that somebody may have meant: no known one differs in fewer letters, at most three, and
 * fewer than half of them. Upper case is no difference.
 *
 * @returns undefined where no name is like it
 */
export function findClosest(given: string, known: Iterable<string>): string | undefined {
  const byLetters = new Map([...known].map((name) => [name.toLowerCase(), name]));
  const maxDistance = Math.min(3, Math.max(1, Math.floor(given.length * 0.4)));
  const closest = closestMatch(given.toLowerCase(), [...byLetters.keys()], { maxDistance });
  return closest === undefined ? undefined : byLetters.get(closest);
}
