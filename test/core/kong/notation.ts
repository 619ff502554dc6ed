import fc from 'fast-check';

/** Any JSON but −0, which `JSON.stringify` writes as 0. */
export function anyJson(constraints: fc.JsonSharedConstraints): fc.Arbitrary<unknown> {
  return fc.jsonValue(constraints).map((value) => JSON.parse(JSON.stringify(value)));
}

/** Chance from a seed, so that a failing example can be tried again (mulberry32). */
export function seededChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<Item>(items: readonly Item[], chance: () => number): Item[] {
  return items
    .map((item) => ({ item, place: chance() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** Writes the same JSON otherwise: keys in another order, spaces, escapes that need not be. */
export function rewriteJson(value: unknown, chance: () => number): string {
  const space = () => ['', '', '', ' ', '\n\t', '\r '][Math.floor(chance() * 6)] ?? '';
  const spaced = (text: string) => `${space()}${text}${space()}`;
  if (Array.isArray(value)) {
    return spaced(`[${value.map((each) => rewriteJson(each, chance)).join(',') || space()}]`);
  }
  if (typeof value === 'object' && value !== null) {
    const members = shuffled(Object.entries(value), chance).map(
      ([key, inner]) => `${spaced(rewriteString(key, chance))}:${rewriteJson(inner, chance)}`,
    );
    return spaced(`{${members.join(',') || space()}}`);
  }
  return spaced(typeof value === 'string' ? rewriteString(value, chance) : JSON.stringify(value));
}

function rewriteString(text: string, chance: () => number): string {
  // By code points; half of a pair of surrogates has no bytes of its own, and must be escaped.
  const written = [...text].map((point) => {
    if (chance() < 0.2 || /^[\ud800-\udfff]$/.test(point)) {
      return point
        .split('')
        .map((unit) => escapeUnit(unit, chance))
        .join('');
    }
    return point === '/' && chance() < 0.5 ? '\\/' : JSON.stringify(point).slice(1, -1);
  });
  return `"${written.join('')}"`;
}

function escapeUnit(unit: string, chance: () => number): string {
  const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
  return `\\u${chance() < 0.5 ? hex : hex.toUpperCase()}`;
}
