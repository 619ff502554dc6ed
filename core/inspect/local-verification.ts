import { canLoad } from '../kong/version-choice.ts';
import { VaultError } from '../vault/errors.ts';
import { type Manifest, signingKeyId, verifyManifest } from '../vault/manifest.ts';
import type { VerificationKey } from '../vault/signer.ts';
import { hashStored } from '../vault/standing.ts';
import { type LocalFile, nameOtherForm, openContent } from './local-file.ts';
import { type Check, checkEntities, type VerificationReport } from './verification.ts';

/** What a file on this machine is verified with. */
export interface LocalEvidence {
  /** As it was signed. Undefined where there is none; then `missing` says why, as a sentence. */
  readonly signedManifest: string | undefined;
  readonly missing: string;
  /** The pinned keys; undefined where none is given. */
  readonly trusted: readonly VerificationKey[] | undefined;
  /** Whose file it should be. @default anybody's */
  readonly controlPlane?: string | undefined;
  /** Which data plane should be able to load it. @default any */
  readonly kongVersion?: string | undefined;
}

/** What was found of a file, for people who keep it. It holds nothing of the content but names and ids. */
export interface LocalReport extends Pick<VerificationReport, 'verifiedAt' | 'checks' | 'broken'> {
  readonly file: string;
  readonly sizeBytes: number | undefined;
  readonly sha256: string | undefined;
  /** The key that has signed the manifest, where that was verified. */
  readonly keyId: string | undefined;
  /** What the signature says of it, where that was verified. */
  readonly manifest: Manifest | undefined;
  /** `unverified` where nothing is wrong, and something could not be checked that has to be. */
  readonly outcome: 'passed' | 'failed' | 'unverified';
}

/** Verifies a file on this machine, as far as that can be told of the file and its manifest alone. */
export async function verifyLocalFile(
  file: LocalFile,
  evidence: LocalEvidence,
  verifiedAt: Date,
): Promise<LocalReport> {
  const { signature, manifest } = await checkSignature(evidence);
  const form = nameOtherForm(file);
  const table =
    form === undefined && file.content !== undefined
      ? await checkEntities(openContent(file.content), manifest?.entities['total'])
      : { checks: [{ check: 'json', outcome: 'failed', detail: `It is ${form}.` }] as const, broken: [] };
  const checks: readonly Check[] = [
    signature,
    ...(manifest === undefined ? [] : checkOwner(manifest, evidence)),
    ...checkStoredBytes(file, manifest),
    checkContent(file, manifest),
    ...table.checks,
  ];
  const has = (outcome: Check['outcome']) => checks.some((check) => check.outcome === outcome);
  return {
    file: file.path,
    sizeBytes: file.content?.length,
    sha256: file.sha256,
    keyId:
      manifest === undefined || evidence.signedManifest === undefined
        ? undefined
        : signingKeyId(evidence.signedManifest),
    manifest,
    verifiedAt,
    outcome: has('failed') ? 'failed' : manifest === undefined ? 'unverified' : 'passed',
    checks,
    broken: table.broken,
  };
}

async function checkSignature({
  signedManifest,
  missing,
  trusted,
}: LocalEvidence): Promise<{ readonly signature: Check; readonly manifest?: Manifest }> {
  const check = 'signature';
  if (signedManifest === undefined) {
    return { signature: { check, outcome: 'unknown', detail: missing } };
  }
  if (trusted === undefined) {
    const detail = 'No key was given to check it with: give the pinned one (--public-key).';
    return { signature: { check, outcome: 'unknown', detail } };
  }
  try {
    const manifest = await verifyManifest(signedManifest, trusted);
    const { revision, controlPlane, kongVersion, exportedAt } = manifest;
    const detail = `It is signed with a pinned key, as revision ${revision} of ${controlPlane} for Kong ${kongVersion}, published at ${exportedAt.toISOString()}.`;
    return { signature: { check, outcome: 'passed', detail }, manifest };
  } catch (error) {
    if (error instanceof VaultError) {
      return { signature: { check, outcome: 'failed', detail: `${capitalize(error.message)}.` } };
    }
    throw error;
  }
}

/** A good file of another control plane is none to boot with. */
function checkOwner(
  manifest: Manifest,
  { controlPlane = manifest.controlPlane, kongVersion }: LocalEvidence,
): readonly Check[] {
  const check = 'owner';
  const isOfAnother = manifest.controlPlane !== controlPlane;
  if (isOfAnother || (kongVersion !== undefined && !canLoad(kongVersion, manifest.kongVersion))) {
    const detail = isOfAnother
      ? `It belongs to control plane "${manifest.controlPlane}", not to "${controlPlane}".`
      : `It was made for Kong ${manifest.kongVersion}, and Kong ${kongVersion} cannot load it.`;
    return [{ check, outcome: 'failed', detail }];
  }
  return [];
}

/** Of a file that is compressed as the vault has it. Who has compressed it anew has changed nothing else. */
function checkStoredBytes({ isGzip, stored }: LocalFile, manifest: Manifest | undefined): readonly Check[] {
  if (!isGzip || manifest?.storedSha256 === undefined) {
    return [];
  }
  return [
    hashStored(stored) === manifest.storedSha256
      ? { check: 'storedBytes', outcome: 'passed', detail: `${stored.length} bytes, as in the vault.` }
      : { check: 'storedBytes', outcome: 'unknown', detail: 'It is not compressed as it is in the vault.' },
  ];
}

function checkContent({ content, sha256, damage }: LocalFile, manifest: Manifest | undefined): Check {
  const check = 'content';
  if (content === undefined) {
    return { check, outcome: 'failed', detail: `It is ${damage}.` };
  }
  const found = `SHA-256 ${sha256}, ${content.length} bytes`;
  if (manifest === undefined) {
    return {
      check,
      outcome: 'unknown',
      detail: `${found}: no signature that was verified says what it should be.`,
    };
  }
  return manifest.sha256 === sha256 && manifest.size === content.length
    ? { check, outcome: 'passed', detail: `${found}.` }
    : {
        check,
        outcome: 'failed',
        detail: `${found}, and its manifest says ${manifest.sha256}, ${manifest.size} bytes: it is another file, or was changed.`,
      };
}

const capitalize = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
