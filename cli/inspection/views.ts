/** Asks about revisions, page by page, and prints what is answered. */
import { ApiError } from '../../core/fetch/api-request.ts';
import { print } from '../print.ts';
import { diffAnswer, revisionAnswer, revisionsAnswer, verificationAnswer } from './answers.ts';
import { type Ask, asker, type InspectOptions, pages, showProgress, versionOf } from './asking.ts';
import {
  differenceText,
  diffHeading,
  diffSummary,
  entityText,
  historyText,
  revisionText,
  verificationText,
} from './text.ts';
import { tint } from './tint.ts';
import { forTerminal } from './words.ts';

/** The pages as one answer: the first, with the entries of all. */
class JoinedPages {
  readonly #list: string;
  readonly #entries: unknown[] = [];
  #first: Readonly<Record<string, unknown>> | undefined;

  constructor(list: string) {
    this.#list = list;
  }

  add(page: Readonly<Record<string, unknown>>): void {
    const { next: _, ...content } = page;
    this.#first ??= content;
    for (const entry of page[this.#list] as readonly unknown[]) {
      this.#entries.push(entry);
    }
  }

  print(): Promise<void> {
    return printJson({ ...this.#first, [this.#list]: this.#entries });
  }
}

const printJson = (answer: object) => print(`${JSON.stringify(answer)}\n`);

export async function showHistory(options: InspectOptions): Promise<void> {
  const ask = await asker(options);
  const joined = new JoinedPages('versions');
  let isFirst = true;
  for await (const { json, read } of pages(ask, revisionsAnswer, 'revisions', versionOf(options), {
    goesOn: 'after',
  })) {
    if (options.json === true) {
      joined.add(json);
      continue;
    }
    if (isFirst) {
      await print(`${read.controlPlane}, Kong ${read.kongVersion}\n`);
    }
    await print(
      isFirst && read.versions.length === 0
        ? '  nothing was published yet\n'
        : historyText(read.versions, new Date(), isFirst),
    );
    isFirst = false;
  }
  if (options.json === true) {
    await joined.print();
  }
}

export async function showRevision(
  revision: number,
  options: InspectOptions & { readonly entities?: true },
): Promise<void> {
  const ask = await asker(options);
  const query = { ...versionOf(options), revision: String(revision) };
  if (options.entities !== true) {
    const { json, read } = await describeRevision(ask, query);
    const { rows: _rows, next: _next, ...described } = json;
    await (options.json === true ? printJson(described) : print(revisionText(read, new Date())));
    return;
  }
  const joined = new JoinedPages('rows');
  let isFirst = true;
  for await (const { json, read } of pages(ask, revisionAnswer, 'revision', query)) {
    if (options.json === true) {
      joined.add(json);
      continue;
    }
    const heading = isFirst ? revisionText(read, new Date()) : '';
    await print(heading + (read.rows ?? []).map(entityText).join(''));
    isFirst = false;
  }
  if (options.json === true) {
    await joined.print();
  }
}

/** Asks what a revision is, and for none of its entities. */
async function describeRevision(ask: Ask, query: Readonly<Record<string, string>>) {
  try {
    return await ask(revisionAnswer, 'revision', { ...query, entities: 'none' });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'refused') {
      throw error;
    }
    // A release that does not know the parameter refuses it, and answers with the first page of them. Another
    // refusal is told again.
    return ask(revisionAnswer, 'revision', query);
  }
}

/** @returns whether something differs */
export async function showDifferences(from: number, to: number, options: InspectOptions): Promise<boolean> {
  const ask = await asker(options);
  const query = { ...versionOf(options), from: String(from), to: String(to) };
  const joined = new JoinedPages('differences');
  const counts = { added: 0, updated: 0, removed: 0 };
  let total: number | undefined;
  for await (const { json, read } of pages(ask, diffAnswer, 'diff', query)) {
    for (const { kind } of read.differences) {
      counts[kind] += 1;
    }
    if (options.json === true) {
      joined.add(json);
    } else {
      const heading = total === undefined ? diffHeading(read, new Date()) : '';
      await print(heading + tint(read.differences.map(differenceText).join('')));
    }
    total = read.total;
  }
  await (options.json === true ? joined.print() : print(diffSummary(counts)));
  return total !== 0;
}

/**
 * @param revision by default the newest of ours
 * @returns whether it passed
 */
export async function verifyOne(revision: number | undefined, options: InspectOptions): Promise<boolean> {
  const ask = await asker(options);
  const chosen = revision ?? (await listOwn(ask, options)).revisions[0];
  if (chosen === undefined) {
    throw new ApiError('refused', 'nothing of ours is kept: there is nothing to verify');
  }
  const query = { ...versionOf(options), revision: String(chosen) };
  const { json, read } = await ask(verificationAnswer, 'verification', query);
  await (options.json === true ? printJson(json) : print(tint(verificationText(read))));
  return read.outcome === 'passed';
}

/** @returns whether each version that is kept is ours and passed */
export async function verifyAll(options: InspectOptions): Promise<boolean> {
  const ask = await asker(options);
  const { revisions, foreign } = await listOwn(ask, options);
  const reports: object[] = [];
  const counts = { passed: 0, failed: 0, unverified: 0 };
  for (const [index, revision] of revisions.entries()) {
    showProgress(`verifying revision ${revision} (${index + 1} of ${revisions.length})`);
    const query = { ...versionOf(options), revision: String(revision) };
    try {
      const { json, read } = await ask(verificationAnswer, 'verification', query);
      counts[read.outcome] += 1;
      reports.push(json);
      await printReport(options, verificationText(read));
    } catch (error) {
      // It is too large, or was pruned meanwhile: that says nothing of the others.
      if (!(error instanceof ApiError) || error.code !== 'refused') {
        showProgress('');
        throw error;
      }
      counts.unverified += 1;
      reports.push({ revision, outcome: 'unverified', detail: error.message });
      await printReport(options, `Revision ${revision}: not verified\n  ${forTerminal(error.message)}\n`);
    }
  }
  showProgress('');
  const isGood = counts.passed === revisions.length && revisions.length > 0 && foreign.length === 0;
  const strangers = foreign.map(({ versionId, what }) => ({ versionId, what }));
  if (options.json === true) {
    await printJson({ outcome: isGood ? 'passed' : 'failed', ...counts, reports, foreign: strangers });
  } else {
    const lines = strangers.map(({ versionId, what }) =>
      forTerminal(`Version ${versionId}: not ours, it is ${what}`),
    );
    const { passed, failed, unverified } = counts;
    lines.push(
      `${passed} passed, ${failed} failed, ${unverified} not verified, ${foreign.length} not ours: ${isGood ? 'passed' : 'FAILED'}.`,
    );
    await print(tint(`${lines.join('\n')}\n`));
  }
  return isGood;
}

async function printReport({ json }: InspectOptions, text: string): Promise<void> {
  if (json !== true) {
    showProgress('');
    await print(tint(text));
  }
}

/** Lists what is kept: the numbers of our revisions, each once, the newest first. */
async function listOwn(ask: Ask, options: InspectOptions) {
  const revisions = new Set<number>();
  const foreign: { readonly versionId: string; readonly what: string }[] = [];
  for await (const { read } of pages(ask, revisionsAnswer, 'revisions', versionOf(options), {
    goesOn: 'after',
  })) {
    for (const version of read.versions) {
      if (version.isOwn) {
        revisions.add(version.revision);
      } else {
        foreign.push(version);
      }
    }
  }
  return { revisions: [...revisions], foreign };
}
