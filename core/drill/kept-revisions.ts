import type { Clock } from '../clock.ts';
import { readErrorCode } from '../error-code.ts';
import type { KeptRevisions } from '../inspect/drill-record.ts';
import { listRevisions } from '../inspect/revisions.ts';
import { verifyRevision } from '../inspect/verification.ts';
import { findOwnKeys, type VaultReading } from '../vault/own-keys.ts';
import { checkRevision } from '../vault/standing.ts';

export interface KeptParts extends VaultReading {
  /** Of the control plane. */
  readonly name: string;
  readonly dataPlaneVersions: readonly string[];
  readonly clock: Clock;
}

/** A larger file has no room in the function beside what is made of it. */
const mostFileBytes = 64 * 2 ** 20;
const page = 100;

/**
 * Verifies each revision that is kept, of each version, the newest first, for as long as there is time. What
 * is not ours is no revision: `lifeboat verify --all` tells of it.
 *
 * @throws VaultError when the history itself cannot be read, or not in that time
 */
export async function verifyKept(parts: KeptParts, timeMs: number): Promise<KeptRevisions> {
  const { clock } = parts;
  const at = clock.now();
  const deadline = clock.deadline(timeMs);
  const bounded = { ...parts, vault: parts.vault.within(deadline) };
  // Before what takes the time: a list that breaks off with it would take along what was found by then.
  const kept: { readonly kongVersion: string; readonly versionId: string }[] = [];
  for (const kongVersion of parts.dataPlaneVersions) {
    for await (const versionId of listOwn(bounded, kongVersion)) {
      kept.push({ kongVersion, versionId });
    }
  }
  const found = { passed: 0, unverified: 0, broken: [] as KeptRevisions['broken'] };
  for (const { kongVersion, versionId } of kept) {
    const outcome = await verifyOne(bounded, kongVersion, versionId, deadline);
    if (typeof outcome === 'string') {
      found[outcome] += 1;
    } else {
      found.broken.push({ kongVersion, ...outcome });
    }
  }
  return { at, ...found };
}

async function* listOwn(parts: KeptParts, kongVersion: string): AsyncGenerator<string> {
  const name = { controlPlane: parts.name, kongVersion };
  for (let after: string | undefined; ; ) {
    const listed = await listRevisions(parts, name, { after, limit: page });
    yield* (listed?.versions ?? []).flatMap((each) => (each.isOwn ? [each.versionId] : []));
    after = listed?.next;
    if (after === undefined) {
      return;
    }
  }
}

async function verifyOne(
  parts: KeptParts,
  kongVersion: string,
  versionId: string,
  deadline: AbortSignal,
): Promise<'passed' | 'unverified' | { readonly revision: number; readonly detail: string }> {
  const name = { controlPlane: parts.name, kongVersion };
  if (deadline.aborted) {
    return 'unverified';
  }
  try {
    const version = await parts.vault.version(name, versionId);
    const keys = await findOwnKeys(parts.signer, parts);
    const checked = version && (await checkRevision(parts, name, keys, version));
    if (checked === undefined || !('own' in checked) || checked.own.manifest.size > mostFileBytes) {
      return 'unverified';
    }
    const { own } = checked;
    const report = await verifyRevision(parts, name, own, parts.clock.now(), deadline);
    const failed = report.checks.find(({ outcome }) => outcome === 'failed');
    return failed === undefined ? 'passed' : { revision: report.revision, detail: failed.detail };
  } catch (error) {
    // One that cannot be read now is not broken, and keeps the others from nothing.
    if (deadline.aborted || readErrorCode(error) !== undefined) {
      return 'unverified';
    }
    throw error;
  }
}
