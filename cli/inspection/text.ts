/** What the commands that look at revisions print for people. */
import type { DiffAnswer, Difference, Entity, ListedVersion, Revision, Verification } from './answers.ts';
import { ago, alignColumns, countOf, formatSize, formatValue, forTerminal, nameOf } from './words.ts';

/** Narrower than most terminals: a longer line is broken where its meaning allows. */
const columns = 60;

export function revisionFacts(
  revision: Revision,
  now: Date,
  label = 'revision',
): readonly (readonly string[])[] {
  const { pinned, rollbackOf, builtAt, sizeBytes } = revision;
  return [
    [label, `${revision.revision}`],
    ['built', ago(builtAt, now)],
    ['entities', `${totalOf(revision)}`],
    ['size', formatSize(sizeBytes)],
    ['pinned', pinned ? 'yes, until it is unpinned' : 'no'],
    ...(rollbackOf === undefined ? [] : [['content of', `revision ${rollbackOf}`]]),
  ];
}

const totalOf = ({ entities }: Revision) => entities['total'] ?? 0;

/** The newest first; the first one is what stands in the file's place. */
export function historyText(versions: readonly ListedVersion[], now: Date, isFirstPage: boolean): string {
  return alignColumns(
    versions.map((version, index) => {
      const isCurrent = isFirstPage && index === 0;
      if (!version.isOwn) {
        return [`- not ours${isCurrent ? ', current' : ''}: it is ${forTerminal(version.what)}`];
      }
      const { revision, exportedAt, sizeBytes, pinned, rollbackOf } = version;
      const notes = [
        ...(isCurrent ? ['current'] : []),
        ...(pinned ? ['pinned'] : []),
        ...(rollbackOf === undefined ? [] : [`content of ${rollbackOf}`]),
      ];
      const entities = countOf(totalOf(version), 'entity', 'entities');
      return [`${revision}`, ago(exportedAt, now), entities, formatSize(sizeBytes), notes.join(', ')];
    }),
  );
}

export function revisionText(
  revision: Revision & { readonly controlPlane: string; readonly kongVersion: string },
  now: Date,
): string {
  const { controlPlane, kongVersion, entities, sha256 } = revision;
  const counts = Object.entries(entities)
    .filter(([type]) => type !== 'total')
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([type, count]) => [forTerminal(type), `${count}`]);
  return (
    `Revision ${revision.revision} of ${controlPlane}, Kong ${kongVersion}\n` +
    `${alignColumns(revisionFacts(revision, now))}  sha256 ${sha256}\n` +
    (counts.length === 0 ? '' : `Entities by type\n${alignColumns(counts)}`)
  );
}

const tooLarge = '    too large to be listed\n';

export function entityText(entity: Entity): string {
  const fields = Object.entries(entity.fields).filter(([, value]) => value !== null);
  const lines = fields.map(([field, value]) => `    ${forTerminal(field)}: ${formatValue(value)}\n`);
  return `${nameOf(entity)}\n${lines.join('')}${entity.isCut === true ? tooLarge : ''}`;
}

export function diffHeading({ controlPlane, kongVersion, from, to }: DiffAnswer, now: Date): string {
  return (
    `${controlPlane}, Kong ${kongVersion}\n` +
    `  from revision ${from.revision}, ${ago(from.builtAt, now)}\n  to revision ${to.revision}, ${ago(to.builtAt, now)}\n`
  );
}

const signs = { added: '+', updated: '~', removed: '-' } as const;

export function differenceText(
  difference: Omit<Difference, 'fields'> & { readonly fields: readonly Difference['fields'][number][] },
): string {
  const { kind, fields } = difference;
  const lines = fields.map(({ field, before, after }) => {
    const name = forTerminal(field);
    if (kind !== 'updated') {
      return `    ${name}: ${formatValue(kind === 'added' ? after : before)}\n`;
    }
    const [old, current] = [formatValue(before), formatValue(after)];
    const line = `    ${name}: ${old} → ${current}\n`;
    return line.length <= columns ? line : `    ${name}\n      - ${old}\n      + ${current}\n`;
  });
  const dates = kind === 'updated' && fields.length === 0 ? '    only its dates, or what has no name\n' : '';
  const rest = difference.isCut === true ? tooLarge : dates;
  return `${signs[kind]} ${nameOf(difference)}\n${lines.join('')}${rest}`;
}

export function diffSummary(counts: Readonly<Record<Difference['kind'], number>>): string {
  const { added, updated, removed } = counts;
  const total = added + updated + removed;
  return total === 0
    ? 'No differences.\n'
    : `${countOf(total, 'difference', 'differences')}: ${added} added, ${updated} changed, ${removed} removed.\n`;
}

/** What is printed of any verification. */
interface Verified {
  readonly outcome: string;
  readonly checks: readonly Verification['checks'][number][];
  readonly broken: readonly unknown[];
}

export function verificationText({ revision, ...verified }: Verification): string {
  return verifiedText(`Revision ${revision}`, verified);
}

/** @param what was verified */
export function verifiedText(what: string, { outcome, checks, broken }: Verified): string {
  const lines = checks.map(
    ({ check, outcome: each, detail }) =>
      `  ${each.padEnd(7)}  ${check}\n           ${forTerminal(detail)}\n`,
  );
  const references = broken.map((each) => `    broken: ${formatValue(each)}\n`);
  return `${forTerminal(what)}: ${outcome}\n${lines.join('')}${references.join('')}`;
}
