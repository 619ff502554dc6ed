import { type Attempt, attempt } from '../attempt.ts';
import type { Clock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import { type FileOpener, TooDifferent } from '../inspect/entity-pairs.ts';
import type { ConfigFileName } from '../vault/config-file-name.ts';
import type { ConfigVault } from '../vault/config-vault.ts';
import type { Manifest } from '../vault/manifest.ts';
import { inflateFile } from '../vault/published-content.ts';
import { type Changes, changesBetween } from './changes.ts';
import type { VersionReport } from './version-report.ts';

/** What a revision that was published changed against the one that it replaced, or one that is held would. */
export interface RevisionChanges {
  /** Of the one that was published. */
  readonly manifest: Manifest;
  /** Whether it is still published, and what would change it is held. */
  readonly isHeld: boolean;
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
 * Compares the revisions of an export that were published with those that they replaced, and what is held
 * with what is published, one after another: together they would take the memory of all of them. It never
 * fails.
 */
export async function* compareRevisions(
  { name: controlPlane, vault, clock }: ComparisonParts,
  versions: readonly VersionReport[],
  signal: AbortSignal,
): AsyncGenerator<RevisionChanges> {
  const limit = clock.deadline(comparingMs, signal);
  const bounded = vault.within(limit);
  for (const version of versions) {
    if (version.outcome === 'published' && version.replacedVersionId !== undefined) {
      const { manifest, gzip, replacedVersionId } = version;
      const name = { controlPlane, kongVersion: manifest.kongVersion };
      const after = { sizeBytes: manifest.size, open: () => inflateFile(gzip) };
      const compared = compare(bounded, { name, versionId: replacedVersionId }, after, limit);
      yield { manifest, isHeld: false, changes: await attempt(compared) };
    } else if (version.outcome === 'held' && version.held.foundWith === version.kongVersion) {
      // One version shows what is held; the others were held with it.
      const { kept, table, tableBytes, kongVersion } = version;
      if (kept !== undefined) {
        const name = { controlPlane, kongVersion };
        const after = { sizeBytes: Math.max(tableBytes, kept.manifest.size), open: table };
        const compared = compare(bounded, { name, versionId: kept.versionId }, after, limit);
        yield { manifest: kept.manifest, isHeld: true, changes: await attempt(compared) };
      }
    }
  }
}

async function compare(
  vault: ConfigVault,
  before: { readonly name: ConfigFileName; readonly versionId: string },
  after: { readonly sizeBytes: number; readonly open: FileOpener },
  limit: AbortSignal,
): Promise<Changes> {
  if (after.sizeBytes > largestComparedBytes) {
    throw new NotCompared(
      'too-large',
      `files of more than ${largestComparedBytes / 2 ** 20} MiB are not compared`,
    );
  }
  try {
    requireTime(limit);
    const published = await vault.content(before.name, before.versionId);
    return await changesBetween(
      () => whileTimeIs(limit, inflateFile(published)),
      () => whileTimeIs(limit, after.open()),
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
      'the time for comparing revisions was up; what became of them is told in the lines before',
    );
  }
}
