/** Asks for what a page of a history shows. */
import { ApiError } from '../../core/fetch/api-request.ts';
import {
  type Difference,
  diffAnswer,
  type ListedVersion,
  revisionsAnswer,
  type StatusAnswer,
  statusAnswer,
} from '../inspection/answers.ts';
import { type Ask, pages } from '../inspection/asking.ts';

/** The history of one file: of a control plane and a data-plane version. */
export interface History {
  readonly controlPlane: string;
  readonly kongVersion: string;
  /** Of the whole control plane. */
  readonly status: StatusAnswer;
  /** As they are stored, the newest first. */
  readonly versions: readonly ListedVersion[];
  /** By the later revision; the newest ones alone. */
  readonly comparisons: ReadonlyMap<number, Comparison>;
}

export type DifferenceCounts = Readonly<Record<Difference['kind'], number>>;

/** What a revision changed. */
export type Comparison =
  | {
      /** The revision before. */
      readonly from: number;
      readonly counts: DifferenceCounts;
      /** The first ones, in the order of types and names; `counts` counts all. */
      readonly listed: readonly Difference[];
    }
  /** Why nothing could be compared. */
  | { readonly from: number; readonly refused: string };

/** A page with more would be slow to open, and is read by nobody. Of a comparison, and of all together. */
export const mostListed = 500;
export const mostListedBytes = 16 * 2 ** 20;

export interface HistoryQuery {
  /** Undefined for the newest one of the settings. */
  readonly kongVersion: string | undefined;
  /** How many revisions are compared with the one before them, the newest first. */
  readonly diffs: number;
  readonly onProgress: (text: string) => void;
}

/** @throws ApiError, also when the history is not all told */
export async function gatherHistory(ask: Ask, query: HistoryQuery): Promise<History> {
  const { kongVersion, diffs, onProgress } = query;
  const version: Readonly<Record<string, string>> = kongVersion === undefined ? {} : { version: kongVersion };
  onProgress('asking for the revisions');
  const { read: status } = await ask(statusAnswer, 'status', {});
  const versions: ListedVersion[] = [];
  let file: { readonly controlPlane: string; readonly kongVersion: string } | undefined;
  const listed = pages(ask, revisionsAnswer, 'revisions', version, {
    goesOn: 'after',
    isWanted: () => true,
  });
  for await (const { read } of listed) {
    file ??= read;
    versions.push(...read.versions);
  }
  if (file === undefined) {
    throw new ApiError('failed', 'no revisions were listed: ask again');
  }
  const comparisons = new Map<number, Comparison>();
  const room = { bytes: mostListedBytes };
  const pairs = findNeighbours(versions).slice(0, diffs);
  for (const [index, [from, to]] of pairs.entries()) {
    onProgress(`comparing revisions ${from} and ${to} (${index + 1} of ${pairs.length})`);
    comparisons.set(to, await compare(ask, { ...version, from: String(from), to: String(to) }, from, room));
  }
  return {
    controlPlane: file.controlPlane,
    kongVersion: file.kongVersion,
    status,
    versions,
    comparisons,
  };
}

/** The numbers of revisions that follow one another, the newest first; each one once, wherever it stands. */
export function findNeighbours(
  versions: readonly ListedVersion[],
): readonly (readonly [from: number, to: number])[] {
  const own = versions.flatMap((version) => (version.isOwn ? [version.revision] : []));
  const numbers = [...new Set(own)].sort((one, other) => other - one);
  return numbers.flatMap((to, index) => {
    const from = numbers[index + 1];
    return from === undefined ? [] : [[from, to] as const];
  });
}

async function compare(
  ask: Ask,
  query: Readonly<Record<string, string>>,
  from: number,
  room: { bytes: number },
): Promise<Comparison> {
  const counts = { added: 0, updated: 0, removed: 0 };
  const listed: Difference[] = [];
  try {
    for await (const { read } of pages(ask, diffAnswer, 'diff', query, { isWanted: () => true })) {
      for (const difference of read.differences) {
        counts[difference.kind] += 1;
        if (listed.length < mostListed && room.bytes > 0) {
          room.bytes -= JSON.stringify(difference).length;
          listed.push(difference);
        }
      }
    }
  } catch (error) {
    // It is too large, or was pruned meanwhile: that says nothing of the others.
    if (error instanceof ApiError && error.code === 'refused') {
      return { from, refused: error.message };
    }
    throw error;
  }
  return { from, counts, listed };
}
