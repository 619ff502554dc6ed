/**
 * A secret stands in each value of a configuration in turn: whatever people ask of it, it is in no answer, no
 * output of a command and no line of the function's log, unless it stands where names, hosts, paths, methods,
 * tags and the like stand. What is there is shown by decision (docs/design.md#http-api).
 */
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type * as v from 'valibot';
import {
  diffAnswer,
  readAnswer,
  revisionAnswer,
  revisionsAnswer,
  statusAnswer,
  verificationAnswer,
} from '../../cli/inspection/answers.ts';
import { findConcerns } from '../../cli/inspection/status-report.ts';
import { statusText } from '../../cli/inspection/status-text.ts';
import {
  differenceText,
  diffHeading,
  entityText,
  historyText,
  revisionText,
  verificationText,
} from '../../cli/inspection/text.ts';
import { plain } from '../../cli/terminal.ts';
import { inspections } from '../../core/inspect/inspection.ts';
import kongFields from '../../core/inspect/kong-fields.json' with { type: 'json' };
import { showEntity } from '../../core/inspect/shown-entity.ts';
import { readUnverifiedManifest, signManifest } from '../../core/vault/manifest.ts';
import { publish } from '../../core/vault/publish.ts';
import { hashStored } from '../../core/vault/standing.ts';
import { jsonAnswer, problemAnswer } from '../../lambdas/http-answer.ts';
import { logInspection } from '../../lambdas/inspect-log.ts';
import { logger } from '../../lambdas/telemetry.ts';
import { countingRandom } from '../core/counting-random.ts';
import { builtAt, served } from '../core/kong/served.ts';
import { skippingClock } from '../core/manual-clock.ts';
import { guardOf } from '../core/vault/guarding.ts';
import { type LocalSigner, localSigner } from '../core/vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../core/vault/memory-vault.ts';

type Row = Readonly<Record<string, unknown>>;

const marker = 'S3CR3T-marked';
/** As secrets stand in a configuration. */
const forms = [
  marker,
  `{vault://env/${marker}}`,
  `https://somebody:${marker}@backend.example.com/`,
  `x-api-key: ${marker}`,
  `return kong.request.get_header("${marker}")`,
  `-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----\n`,
  JSON.stringify({ password: marker }),
];

/** What people may read, by decision: texts, and lists of texts. Written down here apart from the code. */
const shownTexts = [
  ...['services.name', 'services.host', 'services.path'],
  ...['routes.name', 'routes.hosts[]', 'routes.paths[]', 'routes.methods[]', 'routes.snis[]'],
  ...['routes.sources[].ip', 'routes.destinations[].ip'],
  ...['consumers.username', 'consumer_groups.name', 'acls.group', 'workspaces.name', 'partials.name'],
  ...['plugins.name', 'plugins.instance_name', 'filter_chains.name', 'filter_chains.filters[].name'],
  ...['upstreams.name', 'upstreams.host_header', 'targets.target', 'snis.name'],
  ...['upstreams.healthchecks.active.http_path', 'upstreams.healthchecks.active.https_sni'],
  ...['key_sets.name', 'keys.name', 'vaults.name', 'vaults.prefix'],
];
const types = [...Object.keys(kongFields.entities), 'consumer_groups', 'partials'];
const allowed = new Set([...shownTexts, ...types.map((type) => `${type}.tags[]`)]);

/** A value at its place: `routes.sources[].ip`. */
interface Marked {
  readonly row: Row;
  readonly path: string;
  readonly isText: boolean;
}

/** One after another, so that all of them stand in all kinds of places. */
function* inTurn<Value>(values: readonly Value[]): Generator<Value, never> {
  for (;;) {
    yield* values;
  }
}
const texts = inTurn(forms);
const nextText = () => texts.next().value;
const composites = inTurn<() => unknown>([
  () => ({ [marker]: nextText(), key: nextText() }),
  () => [{ [marker]: [nextText()] }],
  () => [[nextText()]],
]);

/** Puts a secret into each place of a row in turn, at every depth: as text, in lists and maps, as a key. */
function* markEach(
  value: unknown,
  path: string,
): Generator<{ value: unknown; path: string; isText: boolean }> {
  yield { value: nextText(), path, isText: true };
  yield { value: composites.next().value(), path, isText: false };
  if (Array.isArray(value)) {
    yield { value: [nextText()], path: `${path}[]`, isText: true };
    for (const { value: inner, ...place } of markEach(value[0], `${path}[]`)) {
      yield { value: [inner, ...value.slice(1)], ...place };
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [field, each] of Object.entries(value)) {
      for (const { value: inner, ...place } of markEach(each, `${path}.${field}`)) {
        yield { value: { ...value, [field]: inner }, ...place };
      }
    }
    const added = { [marker]: true, of_a_later_kong: { [marker]: nextText() } };
    yield { value: { ...value, ...added }, path, isText: false };
  }
}

function markRow(type: string, row: Row): readonly Marked[] {
  return [...markEach(row, type)].flatMap(({ value, ...place }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && place.path !== type
      ? [{ row: value as Row, ...place }]
      : [],
  );
}

/** A value for a field of Kong's schemas, with everything in it that there may be. */
function fill(kind: unknown): unknown {
  if (kind === 'boolean' || kind === 'number') {
    return kind === 'boolean' ? true : 1;
  }
  if (typeof kind === 'string') {
    return 'text';
  }
  if (Array.isArray(kind)) {
    return kind[0];
  }
  const { list, record } = kind as { readonly list?: unknown; readonly record?: Row };
  return list !== undefined ? [fill(list)] : record !== undefined ? fillRecord(record) : id(1);
}
const fillRecord = (fields: Row) =>
  Object.fromEntries(Object.entries(fields).map(([field, kind]) => [field, fill(kind)]));
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Rows of each type and each plugin that Kong has, as recorded and as its schemas allow, and others. */
function* rowsByType(): Generator<readonly [type: string, row: Row]> {
  const recording = new URL('../fixtures/kong-3.9.1/cluster/reconfigure-3.9.1.json', import.meta.url);
  for (const [type, rows] of Object.entries(JSON.parse(readFileSync(recording, 'utf8')).config_table)) {
    for (const row of Array.isArray(rows) ? rows : []) {
      yield [type, row];
    }
  }
  for (const [type, fields] of Object.entries(kongFields.entities)) {
    yield [type, { ...fillRecord(fields), tags: ['a'] }];
  }
  for (const [name, config] of Object.entries(kongFields.plugins)) {
    yield ['plugins', { name, config: fillRecord(config) }];
  }
  yield ['plugins', { name: 'ours', config: { limit: 1, map: { a: 'b' }, list: [{ a: true }] } }];
  yield ['consumer_groups', { name: 'gold', tags: ['a'], secret: 'x' }];
  yield ['partials', { name: 'redis', config: { password: 'x', port: 1 }, tags: ['a'] }];
  yield ['our_entities', { name: 'x', key: 'y', flag: true, count: 7, tags: ['a'], more: { deep: ['z'] } }];
}

function findMarked(): readonly (Marked & { readonly type: string })[] {
  return [...rowsByType()].flatMap(([type, row]) =>
    markRow(type, row).map((marked) => ({ type, ...marked })),
  );
}
const isAllowed = ({ path, isText }: Marked) => isText && allowed.has(path);

describe('what stands where names, hosts, paths, methods and tags stand', () => {
  it.each([...allowed])('is shown: %s', (path) => {
    const [type = '', ...fields] = path.split('.');
    const row = fields.reduceRight<unknown>((inner, field) => {
      const name = field.replace('[]', '');
      return { [name]: field === name ? inner : [inner] };
    }, marker);

    expect(JSON.stringify(showEntity(type, row as Row))).toContain(marker);
  });
});

describe('a secret anywhere else', () => {
  const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
  const clock = skippingClock(new Date(builtAt.getTime() + 600_000));
  const lines: unknown[] = [];
  let vault: MemoryVault;
  let signer: LocalSigner;
  let places = 0;

  const listOf = (table: Map<string, Row[]>, type: string): Row[] => {
    const list = table.get(type) ?? [];
    table.set(type, list);
    return list;
  };

  beforeAll(async () => {
    for (const level of ['info', 'warn', 'error'] as const) {
      jest.spyOn(logger, level).mockImplementation((...line) => void lines.push(line));
    }
    [vault, signer] = [memoryVault(), await localSigner()];
    const before = new Map<string, Row[]>();
    const after = new Map<string, Row[]>();
    for (const marked of findMarked().filter((each) => !isAllowed(each))) {
      places += 1;
      // Its id is marked in turn, too.
      const { type, row } = marked;
      const ownId = marked.path === `${type}.id` ? {} : { id: id(places) };
      listOf(after, type).push({ ...row, ...ownId });
      listOf(before, type).push({ id: id(places) });
    }
    await publishTable(Object.fromEntries(before));
    await publishTable(Object.fromEntries(after));
    await publishTable({ services: [{ id: id(1), name: 'left' }] });
  }, 120_000);
  afterAll(() => {
    jest.restoreAllMocks();
  });

  async function publishTable(table: object): Promise<void> {
    await publish(
      { vault, signer, clock, random: countingRandom() },
      {
        name,
        configuration: await served(table, new Date(builtAt.getTime() + 1000 * vault.versions(name).length)),
        lastStatus: undefined,
        guard: guardOf(undefined, 'off'),
      },
    );
  }

  /** Everything that anybody is told who asks so: the answer as it is sent, and as a command prints it. */
  async function tell<Schema extends v.GenericSchema>(
    parameters: Record<string, string>,
    schema: Schema,
    print: (read: v.InferOutput<Schema>) => string,
    goesOn: 'page' | 'after' = 'page',
  ): Promise<string> {
    const told: string[] = [];
    let next: string | undefined;
    do {
      const query = next === undefined ? parameters : { ...parameters, [goesOn]: next };
      const parts = { name: 'prod', dataPlaneVersions: ['3.9.1'], vault, signer, clock };
      const answered = await inspections(parts)(query);
      logInspection(
        'prod',
        { route: 'inspect', caller: 'arn:aws:iam::1:role/person', parameters: query },
        answered,
      );
      const { answer } = answered;
      const { body = '' } = 'content' in answer ? jsonAnswer(200, answer.content) : problemAnswer(answer);
      const read = 'content' in answer ? readAnswer(schema, body).read : undefined;
      told.push(body, read === undefined ? '' : print(read));
      next = (read as { readonly next?: string } | undefined)?.next;
    } while (next !== undefined);
    return told.join('\n');
  }

  /** What stands before the first secrets in what was told. */
  const leaks = (told: string) =>
    told
      .split(marker, 4)
      .slice(0, -1)
      .map((before) => before.slice(-200));
  const now = new Date(builtAt);
  const printDiff = (read: v.InferOutput<typeof diffAnswer>) =>
    diffHeading(read, now) + read.differences.map(differenceText).join('');

  it('stands in thousands of places', () => {
    expect(places).toBeGreaterThan(4_000);
  });

  it.each([
    ['from nothing to secrets', '1', '2'],
    ['from secrets to nothing', '2', '1'],
    ['to what has none of these entities', '2', '3'],
  ])('is not in a diff %s', async (_, from, to) => {
    const told = await tell({ view: 'diff', from, to }, diffAnswer, printDiff);

    expect(leaks(told)).toEqual([]);
    expect(told).toContain('(set)');
  });

  it('is not in a revision with its entities', async () => {
    const told = await tell({ view: 'revision', revision: '2' }, revisionAnswer, (read) =>
      [revisionText(read, now), ...(read.rows ?? []).map(entityText)].join(''),
    );

    expect(leaks(told)).toEqual([]);
    expect(told).toContain('(set)');
  });

  it('is not in a verification, which names what is broken', async () => {
    const told = await tell({ view: 'verification', revision: '2' }, verificationAnswer, verificationText);

    expect(leaks(told)).toEqual([]);
    expect(told).toContain('broken');
  });

  it('is not in a list of revisions, nor in the status', async () => {
    const listed = await tell(
      { view: 'revisions', limit: '1' },
      revisionsAnswer,
      ({ versions }) => historyText(versions, now, true),
      'after',
    );
    const status = await tell({ view: 'status' }, statusAnswer, (read) =>
      statusText(read, findConcerns(read, 0), { paint: plain, columns: 80 }),
    );

    expect(leaks(listed + status)).toEqual([]);
  });

  it.each([
    ['is no JSON', `{"services":[{"id":"${id(1)}","name":${marker}}]}`],
    ['is cut', `{"consumers":[{"id":"${id(1)}","password":"${marker}`],
    ['has no entities', `["${marker}"]`],
    ['names what is there twice', `{"a":[{"id":"${marker}","id":"${marker}"}],"a":["${marker}"]}`],
  ])('is not in what is said of a file that %s', async (_, content) => {
    const gzip = gzipSync(content);
    const last = readUnverifiedManifest(vault.versions(name)[2]?.manifest ?? '');
    const file = {
      size: content.length,
      sha256: hashStored(Buffer.from(content)),
      storedSha256: hashStored(gzip),
    };
    const manifest = await signManifest(
      { ...last, revision: vault.versions(name).length + 1, ...file },
      signer,
    );
    vault.overwrite(name, { gzip, manifest });
    const revision = String(vault.versions(name).length);

    const told = [
      await tell({ view: 'verification', revision }, verificationAnswer, verificationText),
      await tell({ view: 'revision', revision }, revisionAnswer, (read) => JSON.stringify(read)),
      await tell({ view: 'diff', from: '1', to: revision }, diffAnswer, printDiff),
    ].join('');

    expect(leaks(told)).toEqual([]);
  });

  it('is not in what is said of a stranger’s file, nor in a refusal', async () => {
    vault.overwrite(name, { gzip: gzipSync(`{"services":["${marker}"]}`), manifest: `x.${marker}.y` });
    const silent = (read: unknown) => JSON.stringify(read);

    const told = [
      await tell({ view: 'status' }, statusAnswer, silent),
      await tell({ view: 'revisions' }, revisionsAnswer, silent),
      await tell({ view: 'revision', revision: '99' }, revisionAnswer, silent),
    ].join('');

    expect(leaks(told)).toEqual([]);
  });

  it('is not in the log of the function', () => {
    expect(lines.length).toBeGreaterThan(10);
    expect(leaks(inspect(lines, { depth: 9, maxArrayLength: null, maxStringLength: null }))).toEqual([]);
  });
});
