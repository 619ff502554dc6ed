import type { Clock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import type { ConfigVault } from '../vault/config-vault.ts';
import type { Manifest } from '../vault/manifest.ts';
import type { NewPublication } from '../vault/publish.ts';
import { inflateFile } from '../vault/published-content.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type Changes, changesBetween, TooDifferent } from './changes.ts';
import type { VersionReport } from './version-report.ts';

/** What a revision that was published changed against the one that it replaced. */
export interface RevisionChanges {
  readonly manifest: Manifest;
  /** The error is a `NotCompared`, or that of the vault. */
  readonly changes: Attempt<Changes>;
}

/** A comparison was left out. It is for people alone: nothing depends on it. */
export class NotCompared extends CodedError<'no-time' | 'too-large' | 'too-different'> {
  override readonly name = 'NotCompared';
}

export interface ComparisonParts {
  /** Of the control plane. */
  readonly name: string;
  readonly vault: ConfigVault;
  readonly clock: Clock;
}

/** Comparing takes about as long as exporting. Above this size that is too long for a line in a log. */
const largestComparedBytes = 64 * 2 ** 20;

/** For all revisions of an export together: the next one waits meanwhile. */
const comparingMs = 20_000;

/**
 * Compares the revisions of an export that were published with those that they replaced, one after another:
 * together they would take the memory of all of them. It never fails.
 */
export async function* compareRevisions(
  { name, vault, clock }: ComparisonParts,
  versions: readonly VersionReport[],
  signal: AbortSignal,
): AsyncGenerator<RevisionChanges> {
  const limit = clock.deadline(comparingMs, signal);
  const bounded = { name, vault: vault.within(limit) };
  for (const version of versions) {
    if (version.outcome === 'published' && version.replacedVersionId !== undefined) {
      const { manifest, gzip, replacedVersionId } = version;
      const compared = compare(bounded, { manifest, gzip, replacedVersionId }, limit);
      yield { manifest, changes: await attempt(compared) };
    }
  }
}

async function compare(
  { name, vault }: Pick<ComparisonParts, 'name' | 'vault'>,
  {
    manifest,
    gzip,
    replacedVersionId,
  }: Pick<NewPublication, 'manifest' | 'gzip'> & {
    readonly replacedVersionId: string;
  },
  limit: AbortSignal,
): Promise<Changes> {
  if (manifest.size > largestComparedBytes) {
    throw new NotCompared(
      'too-large',
      `files of more than ${largestComparedBytes / 2 ** 20} MiB are not compared`,
    );
  }
  try {
    requireTime(limit);
    const replaced = await vault.content(
      { controlPlane: name, kongVersion: manifest.kongVersion },
      replacedVersionId,
    );
    return await changesBetween(
      () => whileTimeIs(limit, inflateFile(replaced)),
      () => whileTimeIs(limit, inflateFile(gzip)),
    );
  } catch (error) {
    // What the vault shows for a call that our limit ended says less.
    requireTime(limit);
    if (error instanceof TooDifferent) {
      throw new NotCompared('too-different', error.message);
    }
    throw error;
  }
}

async function* whileTimeIs(
  limit: AbortSignal,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    requireTime(limit);
    yield piece;
  }
}

function requireTime(limit: AbortSignal): void {
  if (limit.aborted) {
    throw new NotCompared(
      'no-time',
      'the time for comparing revisions was up; the revision itself is published',
    );
  }
}
