// Hooks of Node's module loader, in a thread of theirs (nodejs.org/docs/latest-v20.x/api/module.html).
let edit;

export function initialize(data) {
  edit = data;
}

/** Replaces the mutant's line in its file. */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!url.split('?')[0].endsWith(`/${edit.file}`)) {
    return loaded;
  }
  const source = String(loaded.source);
  const pieces = source.split(edit.find);
  if (pieces.length !== 2) {
    throw new Error(
      `the mutant's text stands ${pieces.length - 1} times in ${edit.file}, once is expected: ${edit.find}`,
    );
  }
  return { ...loaded, source: pieces.join(edit.replace) };
}
