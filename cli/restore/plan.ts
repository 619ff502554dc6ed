/** What fills a new database with a file, and what no file brings back. */
import { InvalidArgumentError } from 'commander';
import * as v from 'valibot';

/** One of Kong's own commands. */
export interface Step {
  readonly name: 'version' | 'look' | 'bootstrap' | 'import';
  /** What follows `kong`. */
  readonly parameters: readonly string[];
  readonly why: string;
}

export interface RestorePlan {
  readonly entities: Readonly<Record<string, number>>;
  /** Names of the plugins that are configured: an import with one that is not enabled is refused. */
  readonly plugins: readonly string[];
  readonly steps: readonly Step[];
  /** Chains of wasm filters, with which no import succeeds (docs/kong.md, "The cluster endpoint"). */
  readonly filterChains: number;
  /** What is to be done when the import is done, one sentence each. */
  readonly afterwards: readonly string[];
}

const rows = v.array(v.looseObject({}));
const importFile = v.objectWithRest({ _format_version: v.string() }, v.unknown());

/**
 * @param text of the file
 * @throws InvalidArgumentError when it is none that can be imported; its message quotes nothing of it
 */
export function planRestore(path: string, text: string, kongConf: string | undefined): RestorePlan {
  const content = readImportFile(text);
  const lists = Object.entries(content).flatMap(([type, list]) => {
    const found = v.safeParse(rows, list);
    return found.success && found.output.length > 0 ? [[type, found.output] as const] : [];
  });
  const ofType = (type: string) => lists.find(([name]) => name === type)?.[1] ?? [];
  const conf = kongConf === undefined ? [] : ['--conf', kongConf];
  const plugins = [
    ...new Set(ofType('plugins').flatMap(({ name }) => (typeof name === 'string' ? [name] : []))),
  ];
  const expiring = lists.flatMap(([, list]) => list.filter(({ ttl }) => typeof ttl === 'number')).length;
  const filterChains = ofType('filter_chains').length;
  return {
    entities: Object.fromEntries(lists.map(([type, list]) => [type, list.length])),
    plugins: plugins.sort(),
    filterChains,
    steps: [
      { name: 'version', parameters: ['version'], why: 'Kong is there, and of which version' },
      {
        name: 'look',
        parameters: ['migrations', 'list', ...conf],
        why: 'the database is a new one (exit code 3)',
      },
      { name: 'bootstrap', parameters: ['migrations', 'bootstrap', ...conf], why: 'make its tables' },
      {
        name: 'import',
        parameters: ['config', 'db_import', path, ...conf],
        why: 'write the entities, row by row; one that broke off is done again',
      },
    ],
    afterwards: [
      'Start Kong with the cluster port (8005) closed, and compare: the Admin API has what is counted above.',
      ...(expiring === 0
        ? []
        : [
            `${expiring} entities have a ttl, which the import drops: they would be valid for ever. Set it again, see the runbook.`,
          ]),
      ...(filterChains === 0
        ? []
        : [
            `${filterChains} filter chains are in the file: Kong 3.9 imports nothing while wasm is on. Take them out first, import the rest with wasm off, and set them by the Admin API, see the runbook.`,
          ]),
      'Make anew what no data plane ever gets: disabled entities, RBAC, admins, event hooks, licences.',
      'Open 8005. What the new database has is held: lifeboat approve lets it through.',
    ],
  };
}

function readImportFile(text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(
      'the file is not JSON: give what `lifeboat fetch --for-import` has written',
    );
  }
  const content = v.safeParse(importFile, json);
  if (!content.success) {
    throw new InvalidArgumentError(
      'the file is no declarative configuration (it has no "_format_version"): give what `lifeboat fetch --for-import` has written',
    );
  }
  if ('workspaces' in content.output || 'parameters' in content.output) {
    throw new InvalidArgumentError(
      'the file is for a data plane: its workspaces and parameters would clash with those of the new database. Fetch it with `lifeboat fetch --for-import`',
    );
  }
  return content.output;
}
