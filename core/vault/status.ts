import * as v from 'valibot';
import {
  type ControlPlaneStatus,
  controlPlaneStatus,
  type LastCommand,
  type VersionStatus,
} from './config-vault.ts';
import { RevisionConflict, VaultError } from './errors.ts';
import { lastReachableRevision } from './manifest.ts';
import { findOwnKeys, type VaultReading, type VaultWriting } from './own-keys.ts';
import type { Approval } from './plausibility.ts';
import { type DocumentKind, formatPayload, signDocument, verifyDocument } from './signed-document.ts';
import type { Signer, VerificationKey } from './signer.ts';

/** `typ` of a status' JWS. */
export const statusType = 'lifeboat-status+jwt';

/** One of ten versions has some 10 kB. Of what is longer nothing is read. */
export const largestStatusBytes = 2 ** 20;

const statusKind: DocumentKind = { type: statusType, noun: 'status', code: 'status' };

/** What the last check noted, as far as it can be believed. */
export interface KnownStatus {
  /** Undefined before the first check, and where what stands there is not ours. */
  readonly status: ControlPlaneStatus | undefined;
  /** Of what stands there; undefined where nothing does. */
  readonly etag: string | undefined;
  /**
   * Why what stands there is not believed; undefined where it is, and where nothing stands there. It never
   * keeps anything from being published.
   */
  readonly disbelieved: string | undefined;
  /** Why further signing keys could not be asked for; empty where all are known. */
  readonly missingKeys: readonly unknown[];
}

/**
 * Signs a status as a compact JWS with ES256.
 *
 * @throws VaultError `status` where no reader would take it: then nothing is signed
 */
export async function signStatus(
  status: ControlPlaneStatus,
  signer: Pick<Signer, 'verificationKey' | 'sign'>,
): Promise<string> {
  return signDocument(statusKind, formatPayload(statusKind, controlPlaneStatus, status), signer);
}

/**
 * Checks a status: its signature, its form, and whose it is.
 *
 * @param trusted the keys of which one must have signed it
 * @throws VaultError `status`
 */
export async function verifyStatus(
  jws: string,
  controlPlane: string,
  trusted: readonly VerificationKey[],
): Promise<ControlPlaneStatus> {
  const payload = await verifyDocument(statusKind, jws.trim(), trusted);
  const status = readPayload(payload);
  if (status.controlPlane !== controlPlane) {
    throw new VaultError(
      'status',
      `the status is that of control plane "${status.controlPlane}", not of "${controlPlane}"`,
    );
  }
  return status;
}

/**
 * Reads a status without checking its signature: never for trust.
 *
 * @throws VaultError `status`
 */
export function readUnverifiedStatus(jws: string): ControlPlaneStatus {
  return readPayload(Buffer.from(jws.split('.')[1] ?? '', 'base64url'));
}

function readPayload(payload: Uint8Array): ControlPlaneStatus {
  try {
    return v.parse(controlPlaneStatus, JSON.parse(new TextDecoder().decode(payload)));
  } catch (error) {
    throw new VaultError('status', 'the status is signed, but its content is not valid', { cause: error });
  }
}

/**
 * Reads what the last check noted.
 *
 * @throws VaultError when that cannot be told, the signing key included
 */
export async function readStatus(parts: VaultReading, controlPlane: string): Promise<KnownStatus> {
  const [stored, { keys, missing: missingKeys }] = await Promise.all([
    parts.vault.status(controlPlane),
    findOwnKeys(parts.signer, parts),
  ]);
  if (stored === undefined) {
    return { status: undefined, etag: undefined, disbelieved: undefined, missingKeys };
  }
  const { etag, text } = stored;
  if (text === undefined) {
    return { status: undefined, etag, disbelieved: undefined, missingKeys };
  }
  try {
    const status = await verifyStatus(text, controlPlane, keys);
    if (status.versions.some(({ revision }) => revision > lastReachableRevision)) {
      throw new VaultError('status', 'the status names a revision which no number of exports reaches');
    }
    return { status, etag, disbelieved: undefined, missingKeys };
  } catch (error) {
    if (error instanceof VaultError && error.code === 'status') {
      return { status: undefined, etag, disbelieved: error.message, missingKeys };
    }
    throw error;
  }
}

// Each conflict means that another exporter has noted its check meanwhile.
const maxAttempts = 3;

/**
 * Signs and notes the outcome of a check. Where another exporter has noted its own since the last status was
 * read, both are kept: the newer check, the later command, and for each version what has the higher revision,
 * or was noted by the newer check.
 *
 * @param known what was read before the check
 * @returns whether the vault keeps versions, as its answer says
 * @throws VaultError; the status then is what it was
 */
export async function recordStatus(
  parts: VaultWriting,
  status: ControlPlaneStatus,
  known: Pick<KnownStatus, 'etag'>,
): Promise<boolean> {
  const { vault, signer } = parts;
  let noted = status;
  let { etag } = known;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await vault.putStatus(status.controlPlane, await signStatus(noted, signer), etag);
    } catch (error) {
      if (!(error instanceof RevisionConflict) || attempt === maxAttempts) {
        throw error;
      }
      const other = await readStatus(parts, status.controlPlane);
      etag = other.etag;
      noted = mergeStatus(status, other.status);
    }
  }
}

/** @param other what another exporter noted of its own check */
function mergeStatus(own: ControlPlaneStatus, other: ControlPlaneStatus | undefined): ControlPlaneStatus {
  if (other === undefined) {
    return own;
  }
  const [newer, earlier] = other.checkedAt > own.checkedAt ? [other, own] : [own, other];
  const versions = new Map<string, VersionStatus>();
  for (const version of [...newer.versions, ...earlier.versions]) {
    const known = versions.get(version.kongVersion);
    if (known === undefined || version.revision > known.revision) {
      versions.set(version.kongVersion, version);
    }
  }
  // A person may have approved meanwhile what was held.
  const approval = laterApproval(own.approval, other.approval);
  const lastCommand = laterCommand(own.lastCommand, other.lastCommand);
  return {
    ...newer,
    versions: [...versions.values()],
    ...(approval === undefined ? {} : { approval }),
    ...(lastCommand === undefined ? {} : { lastCommand }),
  };
}

function laterApproval(own: Approval | undefined, other: Approval | undefined): Approval | undefined {
  return own === undefined || (other !== undefined && other.until > own.until) ? other : own;
}

function laterCommand(own: LastCommand | undefined, other: LastCommand | undefined): LastCommand | undefined {
  return own === undefined || (other !== undefined && other.at > own.at) ? other : own;
}
