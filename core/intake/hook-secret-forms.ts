/** What signs a hook: a text, or bytes that are none. */
export type HookKey = string | Uint8Array;

/** The keys that a stored secret may stand for, and what is odd about the way it is stored. */
export interface HookSecretForms {
  /** The secret as it is stored, and the one value that it may be meant to be. Never an empty one. */
  readonly keys: readonly HookKey[];
  /** For the log; undefined where it is stored as it is meant. It tells nothing of the value. */
  readonly oddity: string | undefined;
}

/**
 * Finds what signs the hooks in a secret that a team has stored in its own way. There are at most three keys,
 * each as hard to guess as the secret itself: a signature is checked as strictly as with one.
 */
export function hookSecretForms(stored: HookKey): HookSecretForms {
  const text = typeof stored === 'string' ? stored : decodeText(stored);
  if (text === undefined) {
    return { keys: withoutEmpty([stored]), oddity: 'binary' };
  }
  const bare = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  const values = readValues(bare);
  const [value] = values ?? [];
  const meant = values?.length === 1 && typeof value === 'string' && value !== '' ? [value] : [];
  return {
    keys: withoutEmpty([...new Set([text, bare, ...meant])]),
    oddity: describeOddity({ text, bare, values, isMeant: meant.length > 0, stored }),
  };
}

interface SeenForms {
  readonly stored: HookKey;
  readonly text: string;
  readonly bare: string;
  readonly values: readonly unknown[] | undefined;
  readonly isMeant: boolean;
}

function describeOddity({ stored, text, bare, values, isMeant }: SeenForms): string | undefined {
  if (bare === '') {
    return 'nothing: no hook can be signed with it';
  }
  if (isMeant) {
    return 'a JSON object with one value, which is taken, too';
  }
  if (values !== undefined) {
    return 'a JSON object without a single text in it: only the whole object is taken';
  }
  if (bare !== bare.trim()) {
    return 'a text with white space at its beginning or end';
  }
  if (bare !== text) {
    return 'a text with a line break at its end or a byte order mark, which is taken without it, too';
  }
  return typeof stored === 'string' ? undefined : 'binary';
}

/** The values of a JSON object, as the console's key/value form makes one; undefined for any other text. */
function readValues(text: string): readonly unknown[] | undefined {
  if (!text.trimStart().startsWith('{')) {
    return undefined;
  }
  try {
    return Object.values(JSON.parse(text) as object);
  } catch {
    // A secret that only begins with a brace.
    return undefined;
  }
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** An empty key, or one that anybody would guess, would make a stranger's signature good. */
function withoutEmpty(keys: readonly HookKey[]): readonly HookKey[] {
  return keys.filter((key) => (typeof key === 'string' ? key.trim() : key).length > 0);
}
