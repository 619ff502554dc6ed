/** Verifies and compares files on this machine. Nothing is asked of anybody. */
import { InvalidArgumentError } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { nameForeignError, readErrorCode } from '../../core/error-code.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { TooDifferent } from '../../core/inspect/entity-pairs.ts';
import { listDifferences } from '../../core/inspect/file-differences.ts';
import {
  type LocalFile,
  largestLocalFileBytes,
  nameOtherForm,
  openContent,
  readLocalFile,
} from '../../core/inspect/local-file.ts';
import { type LocalEvidence, verifyLocalFile } from '../../core/inspect/local-verification.ts';
import { readSmallFile } from '../../core/read-small-file.ts';
import {
  largestSavedManifestBytes,
  readSavedManifest,
  savedManifestPath,
} from '../../core/vault/saved-manifest.ts';
import { readTrustedKeys } from '../given-pem.ts';
import { print } from '../print.ts';
import { differenceText, diffSummary, verifiedText } from './text.ts';
import { tint } from './tint.ts';
import { formatSize, forTerminal } from './words.ts';

export interface VerifyFileOptions {
  readonly publicKey?: string;
  /** A file. @default that beside the verified one */
  readonly manifest?: string;
  readonly controlPlane?: string | undefined;
  readonly kongVersion?: string;
  readonly json?: true;
}

/**
 * Verifies a file with its saved manifest and the pinned key.
 *
 * @returns whether it passed
 * @throws InvalidArgumentError when the file, or a manifest that was named, cannot be read
 */
export async function verifyFile(path: string, options: VerifyFileOptions): Promise<boolean> {
  const { publicKey, controlPlane, kongVersion } = options;
  const trusted = publicKey === undefined ? undefined : await readTrustedKeys(publicKey);
  const file = await readFileOrRefuse(path);
  const evidence = { ...(await readManifest(path, options.manifest)), trusted, controlPlane, kongVersion };
  const report = await verifyLocalFile(file, evidence, systemClock.now());
  await print(options.json === true ? `${JSON.stringify(report)}\n` : tint(verifiedText(path, report)));
  return report.outcome === 'passed';
}

async function readManifest(
  path: string,
  named: string | undefined,
): Promise<Pick<LocalEvidence, 'signedManifest' | 'missing'>> {
  const place = named ?? savedManifestPath(path);
  try {
    const signedManifest = readSavedManifest(await readSmallFile(place, largestSavedManifestBytes));
    return { signedManifest, missing: `${place} is no manifest that lifeboat fetch has saved.` };
  } catch (error) {
    const code = nameForeignError(error);
    if (named !== undefined) {
      throw new InvalidArgumentError(`--manifest is no readable file (${code})`);
    }
    return {
      signedManifest: undefined,
      missing:
        code === 'ENOENT'
          ? `Its manifest is not there (${place}): lifeboat fetch saves it, unless it writes to standard output, for an import or with --no-manifest.`
          : `Its manifest ${place} cannot be read (${code}).`,
    };
  }
}

/** What two files may take that have little in common. */
const mostWaitingBytes = 2 ** 30;

/**
 * Lists what differs between two files, with the same values left out as for revisions.
 *
 * @returns whether something differs
 * @throws InvalidArgumentError when one cannot be read, ApiError `refused` when it is no published file
 */
export async function showFileDifferences(
  from: string,
  to: string,
  { json }: { readonly json?: true },
): Promise<boolean> {
  const [before, after] = [await readPublished(from), await readPublished(to)];
  const differences = await listDifferences(
    openContent(before.content),
    openContent(after.content),
    mostWaitingBytes,
  ).catch((error: unknown) => {
    if (error instanceof TooDifferent) {
      throw new ApiError('refused', `the files have too little in common to be compared: ${error.message}`);
    }
    throw error;
  });
  const counts = { added: 0, updated: 0, removed: 0 };
  for (const { kind } of differences) {
    counts[kind] += 1;
  }
  const total = differences.length;
  const described = { from: describeFile(before), to: describeFile(after) };
  if (json === true) {
    await print(`${JSON.stringify({ ...described, total, differences })}\n`);
  } else {
    const heading = Object.entries(described).map(
      ([end, { file, sizeBytes }]) => `  ${end} ${forTerminal(file)}, ${formatSize(sizeBytes)}\n`,
    );
    await print(
      `Files on this machine, not verified\n${heading.join('')}${tint(differences.map(differenceText).join(''))}${diffSummary(counts)}`,
    );
  }
  return total > 0;
}

type PublishedFile = LocalFile & { readonly content: Uint8Array };

async function readPublished(path: string): Promise<PublishedFile> {
  const file = await readFileOrRefuse(path);
  const other = nameOtherForm(file);
  const { content } = file;
  if (other !== undefined || content === undefined) {
    throw new ApiError(
      'refused',
      `${forTerminal(path)} is ${other}. Give files that lifeboat fetch has written`,
    );
  }
  return { ...file, content };
}

const describeFile = ({ path, content, sha256 }: PublishedFile) => ({
  file: path,
  sizeBytes: content.length,
  sha256,
});

async function readFileOrRefuse(path: string): Promise<LocalFile> {
  try {
    return await readLocalFile(path);
  } catch (error) {
    const code = readErrorCode(error);
    const name = forTerminal(path);
    const what =
      code === 'EISDIR'
        ? `${name} is a directory: name a file in it`
        : code === 'EFBIG'
          ? `${name} has more than ${largestLocalFileBytes} bytes, which is more than can be read here`
          : `${name} is neither the number of a revision nor a readable file (${nameForeignError(error)})`;
    throw new InvalidArgumentError(what);
  }
}
