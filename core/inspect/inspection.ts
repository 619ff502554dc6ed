import { type ListedEntity, readEntities } from '../kong/entity-reader.ts';
import { compareVersions } from '../kong/version-choice.ts';
import { type Problem, unknownVersion } from '../problem.ts';
import { type ConfigFileName, configFileKey } from '../vault/config-file-name.ts';
import { VaultError } from '../vault/errors.ts';
import { findOwnKeys } from '../vault/own-keys.ts';
import { inflateFile, isFileOfManifest, untilAborted } from '../vault/published-content.ts';
import { checkRevision, type OwnRevision } from '../vault/standing.ts';
import { answerInTime, type BoundedParts, gone, type InspectionParts, seekRevision } from './answering.ts';
import { type EntityLabel, isTooLarge, labelEntity, labelRow, parseRow } from './entity-name.ts';
import type { FileOpener } from './entity-pairs.ts';
import { listDifferences } from './file-differences.ts';
import { type InspectionQuery, parseQuery } from './inspection-query.ts';
import { Pager } from './pager.ts';
import { describeRevision, listRevisions } from './revisions.ts';
import { type ShownValue, showEntity } from './shown-entity.ts';
import { viewStatus } from './status-view.ts';
import { verifyRevision } from './verification.ts';

export type InspectionAnswer = { readonly status: 200; readonly content: object } | Problem;

/** What was answered, and what is to be told of it. */
export interface AnsweredInspection {
  readonly answer: InspectionAnswer;
  /** Undefined where the query was not understood. */
  readonly query: InspectionQuery | undefined;
  readonly error?: unknown;
}

/** Opening larger files takes too long for an answer. */
const mostFileBytes = 64 * 2 ** 20;
const mostWaitingBytes = 128 * 2 ** 20;

/**
 * Answers what people ask about a control plane's files. It reads the files, and shows of their content what
 * is allowed (core/inspect/shown-entity.ts); it writes nothing and signs nothing.
 */
export function inspections(
  parts: InspectionParts,
): (parameters: Readonly<Record<string, string | undefined>>) => Promise<AnsweredInspection> {
  return async (parameters) => {
    const query = parseQuery(parameters);
    if ('status' in query) {
      return { query: undefined, answer: query };
    }
    return { query, ...(await answerInTime(parts, (bounded) => inspect(bounded, query))) };
  };
}

async function inspect(parts: BoundedParts, query: InspectionQuery): Promise<InspectionAnswer> {
  const now = parts.clock.now();
  if (query.view === 'status') {
    return found(await viewStatus(parts, now));
  }
  const kongVersion = query.version ?? newestOf(parts.dataPlaneVersions);
  if (!parts.dataPlaneVersions.includes(kongVersion)) {
    return unknownVersion(kongVersion, parts.dataPlaneVersions);
  }
  const name = { controlPlane: parts.name, kongVersion };
  switch (query.view) {
    case 'revisions': {
      const page = await listRevisions(parts, name, { after: query.after, limit: query.limit });
      return page === undefined
        ? gone('The version that "after" names is not kept any more: begin with the first page.')
        : found({ ...name, ...page });
    }
    case 'revision':
      return viewRevision(parts, name, query);
    case 'verification': {
      const own = await openRevision(parts, name, query.revision);
      return 'status' in own
        ? own
        : found({ ...name, ...(await verifyRevision(parts, name, own, now, parts.deadline)) });
    }
    case 'diff':
      return viewDiff(parts, name, query);
  }
}

type Query<View extends InspectionQuery['view']> = Extract<InspectionQuery, { readonly view: View }>;

/** An entity as it may be shown. */
interface ShownRow extends EntityLabel {
  readonly fields: Readonly<Record<string, ShownValue>>;
  /** Whether it is too large for its fields to be told. */
  readonly isCut?: true;
}

async function viewRevision(
  parts: BoundedParts,
  name: ConfigFileName,
  { revision, entities, page }: Query<'revision'>,
): Promise<InspectionAnswer> {
  if (entities === 'none') {
    // What its signature says is enough: nothing is opened.
    const described = await seekRevision(parts, name, revision);
    return 'status' in described ? described : found({ ...name, ...describeRevision(described) });
  }
  const own = await findPaged(parts, name, revision, page?.ids[0]);
  if ('status' in own) {
    return own;
  }
  const open = await openFile(parts, name, own);
  const rows: ShownRow[] = [];
  const pager = new Pager(page?.at ?? 0);
  for await (const piece of readEntities(open())) {
    for (const row of piece) {
      if (pager.isWanted()) {
        rows.push(...pager.take(showRow(row), { fields: {} }));
      }
    }
  }
  const next = pager.next([own.versionId]);
  return found({ ...name, ...describeRevision(own), rows, ...(next === undefined ? {} : { next }) });
}

function showRow(row: ListedEntity): ShownRow {
  if (isTooLarge(row)) {
    return { ...labelRow(row), fields: {}, isCut: true };
  }
  const entity = parseRow(row);
  return { ...labelEntity(row.type, entity), fields: showEntity(row.type, entity) };
}

async function viewDiff(
  parts: BoundedParts,
  name: ConfigFileName,
  { from, to, page }: Query<'diff'>,
): Promise<InspectionAnswer> {
  const before = await findPaged(parts, name, from, page?.ids[0]);
  if ('status' in before) {
    return before;
  }
  const after = await findPaged(parts, name, to, page?.ids[1]);
  if ('status' in after) {
    return after;
  }
  const [old, current] = await Promise.all([openFile(parts, name, before), openFile(parts, name, after)]);
  const differences = await listDifferences(old, current, mostWaitingBytes);
  const pager = new Pager(page?.at ?? 0);
  const shown = differences.flatMap((each) => (pager.isWanted() ? pager.take(each, { fields: [] }) : []));
  const next = pager.next([before.versionId, after.versionId]);
  return found({
    ...name,
    from: describeRevision(before),
    to: describeRevision(after),
    total: differences.length,
    differences: shown,
    ...(next === undefined ? {} : { next }),
  });
}

/** Reads the file of a revision, if it is still the one that was signed. */
async function openFile(
  { vault, deadline }: BoundedParts,
  name: ConfigFileName,
  { versionId, manifest }: OwnRevision,
): Promise<FileOpener> {
  const gzip = await vault.content(name, versionId);
  if (!(await isFileOfManifest(gzip, manifest, deadline))) {
    throw new VaultError(
      'manifest',
      `revision ${manifest.revision} of ${configFileKey(name)} does not inflate to the file that was signed`,
    );
  }
  return () => untilAborted(inflateFile(gzip), deadline);
}

/** @param versionId the version that the first page was of */
async function findPaged(
  parts: InspectionParts,
  name: ConfigFileName,
  revision: number,
  versionId: string | undefined,
): Promise<OwnRevision | Problem> {
  if (versionId === undefined) {
    return openRevision(parts, name, revision);
  }
  const [version, keys] = await Promise.all([
    parts.vault.version(name, versionId),
    findOwnKeys(parts.signer, parts),
  ]);
  const checked = version && (await checkRevision(parts, name, keys, version));
  if (checked === undefined || !('own' in checked) || checked.own.manifest.revision !== revision) {
    return gone('The version that this page is of is not kept any more: begin with the first page.');
  }
  return requireOpenable(checked.own);
}

async function openRevision(
  parts: InspectionParts,
  name: ConfigFileName,
  revision: number,
): Promise<OwnRevision | Problem> {
  const own = await seekRevision(parts, name, revision);
  return 'status' in own ? own : requireOpenable(own);
}

function requireOpenable(own: OwnRevision): OwnRevision | Problem {
  return own.manifest.size <= mostFileBytes
    ? own
    : {
        status: 413,
        title: 'Too large',
        detail: `Files of more than ${mostFileBytes / 2 ** 20} MiB are not opened here: get it ("lifeboat fetch --revision ${own.manifest.revision}") and look at it there ("lifeboat verify <file>", "lifeboat diff <file> <file>").`,
      };
}

function newestOf(versions: readonly string[]): string {
  return [...versions].sort(compareVersions).at(-1) ?? '';
}

const found = (content: object) => ({ status: 200, content }) as const;
