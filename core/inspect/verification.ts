import { countFileEntities } from '../kong/file-check.ts';
import type { ConfigFileName } from '../vault/config-file-name.ts';
import { findOwnKeys, type VaultReading } from '../vault/own-keys.ts';
import { inflateFile, isFileOfManifest, untilAborted } from '../vault/published-content.ts';
import {
  checkRevision,
  findRevision,
  hashStored,
  type OwnRevision,
  readIfAllowed,
} from '../vault/standing.ts';
import type { FileOpener } from './entity-pairs.ts';
import { type CheckedReferences, checkReferences } from './file-references.ts';
import { describeRevision } from './revisions.ts';

/** One thing that was looked at. */
export interface Check {
  readonly check: 'signature' | 'owner' | 'storedBytes' | 'content' | 'chain' | 'json' | 'references';
  readonly outcome: 'passed' | 'failed' | 'unknown';
  /** What was found, in a sentence. */
  readonly detail: string;
}

/** What was found of a revision. It holds nothing of the content but names and ids. */
export interface VerificationReport {
  readonly revision: number;
  readonly versionId: string;
  readonly sha256: string;
  readonly verifiedAt: Date;
  readonly outcome: 'passed' | 'failed';
  readonly checks: readonly Check[];
  readonly broken: CheckedReferences['broken'];
}

/**
 * Verifies a revision of ours wholly: what is stored, what it inflates to, what came before it, and what its
 * entities refer to. That it is signed by us, for this file, is known already.
 *
 * @param signal ends it, with an error that nobody is to be told of
 * @throws VaultError when it cannot be read
 */
export async function verifyRevision(
  parts: VaultReading,
  name: ConfigFileName,
  own: OwnRevision,
  verifiedAt: Date,
  signal?: AbortSignal,
): Promise<VerificationReport> {
  const gzip = await parts.vault.content(name, own.versionId);
  const content = await checkContent(gzip, own, signal);
  const references =
    content.outcome === 'passed'
      ? await checkTable(() => untilAborted(inflateFile(gzip), signal), own.manifest.entities['total'])
      : undefined;
  const checks: Check[] = [
    { check: 'signature', outcome: 'passed', detail: 'It is signed with a key of this deployment.' },
    checkStoredBytes(gzip, own),
    content,
    await checkChain(parts, name, own),
    ...(references?.checks ?? []),
  ];
  const { revision, versionId, sha256 } = describeRevision(own);
  return {
    ...{ revision, versionId, sha256, verifiedAt },
    outcome: checks.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'passed',
    checks,
    broken: references?.broken ?? [],
  };
}

function checkStoredBytes(gzip: Uint8Array, { manifest: { storedSha256 } }: OwnRevision): Check {
  const check = 'storedBytes';
  if (storedSha256 === undefined) {
    return {
      check,
      outcome: 'unknown',
      detail: 'Its manifest is of a release that did not note their hash.',
    };
  }
  return hashStored(gzip) === storedSha256
    ? { check, outcome: 'passed', detail: `${gzip.length} bytes, as its manifest says.` }
    : { check, outcome: 'failed', detail: 'The stored bytes are not those that its manifest names.' };
}

async function checkContent(
  gzip: Uint8Array,
  { manifest }: OwnRevision,
  signal: AbortSignal | undefined,
): Promise<Check> {
  return (await isFileOfManifest(gzip, manifest, signal))
    ? { check: 'content', outcome: 'passed', detail: `SHA-256 ${manifest.sha256}, ${manifest.size} bytes.` }
    : { check: 'content', outcome: 'failed', detail: 'It does not inflate to the file that was signed.' };
}

/** Whether the revision before, if it is still kept, is the one that this one names. */
async function checkChain(
  parts: VaultReading,
  name: ConfigFileName,
  { manifest }: OwnRevision,
): Promise<Check> {
  const check = 'chain';
  const { revision, previousSha256 } = manifest;
  if (previousSha256 === null) {
    return { check, outcome: 'passed', detail: 'It is the first one.' };
  }
  const before =
    (await openNamed(parts, name, manifest)) ?? (await findRevision(parts, name, revision - 1, revision));
  if (before === undefined) {
    const detail = `Revision ${revision - 1} is not kept any more, or may not be read.`;
    return { check, outcome: 'unknown', detail };
  }
  if ('what' in before) {
    return { check, outcome: 'failed', detail: `What is called revision ${revision - 1} is ${before.what}.` };
  }
  return before.own.manifest.sha256 === previousSha256
    ? { check, outcome: 'passed', detail: `It follows revision ${revision - 1}, which it names by its hash.` }
    : { check, outcome: 'failed', detail: `It names another file than revision ${revision - 1} before it.` };
}

/**
 * The revision before, where the manifest names the version that it is stored as: one request instead of a
 * search.
 *
 * @returns undefined where that one is gone, or is not it
 */
async function openNamed(
  parts: VaultReading,
  name: ConfigFileName,
  { revision, previousVersionId, previousSha256 }: OwnRevision['manifest'],
): Promise<{ readonly own: OwnRevision } | undefined> {
  const version =
    previousVersionId === undefined ? undefined : await readIfAllowed(parts.vault, name, previousVersionId);
  const checked =
    version && (await checkRevision(parts, name, await findOwnKeys(parts.signer, parts), version));
  return checked !== undefined &&
    'own' in checked &&
    checked.own.manifest.revision === revision - 1 &&
    checked.own.manifest.sha256 === previousSha256
    ? checked
    : undefined;
}

/**
 * Parses a file wholly, and follows each of its references.
 *
 * @param total how many entities it should have; undefined where nobody says
 */
export async function checkTable(
  open: FileOpener,
  total: number | undefined,
): Promise<{ readonly checks: readonly Check[]; readonly broken: CheckedReferences['broken'] }> {
  if ((await countFileEntities(open())) === undefined) {
    const detail = 'It is no complete configuration in valid JSON.';
    return { checks: [{ check: 'json', outcome: 'failed', detail }] as const, broken: [] };
  }
  return checkEntities(open, total);
}

/**
 * Checks what a file holds that is valid JSON.
 *
 * @param total how many entities it should have; undefined where nobody says
 */
export async function checkEntities(
  open: FileOpener,
  total: number | undefined,
): Promise<{ readonly checks: readonly Check[]; readonly broken: CheckedReferences['broken'] }> {
  const found = await checkReferences(open());
  const counted: Check =
    total === undefined || total === found.entities
      ? { check: 'json', outcome: 'passed', detail: `Valid JSON with ${found.entities} entities.` }
      : {
          check: 'json',
          outcome: 'failed',
          detail: `It has ${found.entities} entities, and its manifest says ${total}.`,
        };
  const followed: Check =
    found.brokenCount === 0
      ? { check: 'references', outcome: 'passed', detail: `All ${found.references} lead to an entity.` }
      : {
          check: 'references',
          outcome: 'failed',
          detail: `${found.brokenCount} of ${found.references} lead to no entity: Kong refuses the file.`,
        };
  return { checks: [counted, followed], broken: found.broken };
}
