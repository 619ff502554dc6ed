import { base64url } from 'jose';
import * as v from 'valibot';
import { instant } from '../instant.ts';
import { controlPlaneName, kongVersion, objectVersionId } from '../names.ts';
import { VaultError } from './errors.ts';
import {
  type DocumentKind,
  formatPayload,
  measureDocument,
  readKeyId,
  signDocument,
  verifyDocument,
} from './signed-document.ts';
import type { Signer, VerificationKey } from './signer.ts';

/** `typ` of a manifest's JWS. Anything else signed with the same key must have another one. */
export const manifestType = 'lifeboat-manifest+jwt';

const manifestKind: DocumentKind = { type: manifestType, noun: 'manifest', code: 'manifest' };

/**
 * S3 allows 2,048 bytes of user metadata, keys and values together
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html); the rest is left for metadata that
 * operators add.
 */
export const maxMetadataBytes = 1_900;
const metadataKeyBytes = 'manifest'.length;
/** S3's ids have 32 characters, and may have 1,024: one that long would leave no room for the rest. */
export const maxPreviousVersionId = 200;

/**
 * A larger number was signed by somebody who has a key of ours, a retired one perhaps, and not by an export.
 * Exports take it for foreign: after the largest number that there is they could sign nothing any more.
 */
export const lastReachableRevision = 1e12;

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const md5 = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const revision = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const manifestSchema = v.object({
  controlPlane: controlPlaneName,
  /** Full version of the data planes that the file was made for. */
  kongVersion,
  /** 1, 2, 3, ... for each control plane and data-plane version. */
  revision,
  /** Of the revision before; null for the first. */
  previousSha256: v.nullable(sha256),
  /**
   * S3's id of that revision, by which a data plane can still get it; absent for the first, and where it
   * would not fit.
   */
  previousVersionId: v.optional(v.pipe(objectVersionId, v.maxLength(maxPreviousVersionId))),
  /** Of the uncompressed file, as its size and md5. */
  sha256,
  /** Bytes. */
  size: count,
  /**
   * SHA-256 of the compressed file, as it is stored: what S3 says of the object must be this. Absent in what
   * releases before published that did not know it.
   */
  storedSha256: v.optional(sha256),
  /** What a node's status shows as `configuration_hash` once it has loaded the file. */
  md5,
  /** The control plane's own hash, of the configuration before it is down-converted. */
  configHash: md5,
  /** When the control plane built it. */
  builtAt: instant,
  /** When it was published. */
  exportedAt: instant,
  /** Count by type, and `total`; `total` alone where the metadata would grow too large. */
  entities: v.record(v.string(), count),
  /** The revision whose content this one brings back. */
  rollbackOf: v.optional(revision),
  /** Whether an operator holds the file at this revision: exports publish nothing until it is unpinned. */
  pinned: v.optional(v.boolean()),
});

/** What the signature of a published file says. */
export type Manifest = v.InferOutput<typeof manifestSchema>;

/** The entities of a configuration with their total. */
export function countEntities(byType: Readonly<Record<string, number>>): Manifest['entities'] {
  // If a custom plugin has a type named "total", the sum replaces its count.
  return { ...byType, total: Object.values(byType).reduce((sum, each) => sum + each, 0) };
}

/**
 * Signs a manifest as a compact JWS (RFC 7515) with ES256.
 *
 * @returns the JWS; its `entities` are reduced to the total where it would not fit into an object's metadata
 * @throws VaultError `manifest` where no reader would take it: then nothing is signed
 */
export async function signManifest(
  manifest: Manifest,
  signer: Pick<Signer, 'verificationKey' | 'sign'>,
): Promise<string> {
  const whole = formatPayload(manifestKind, manifestSchema, manifest);
  const { keyId } = await signer.verificationKey();
  const fits = metadataKeyBytes + measureDocument(manifestKind, whole, keyId) <= maxMetadataBytes;
  const total = manifest.entities['total'] ?? 0;
  const payload = fits ? whole : JSON.stringify({ ...manifest, entities: { total } });
  return signDocument(manifestKind, payload, signer);
}

/**
 * Checks a manifest's signature and form.
 *
 * @param trusted the keys of which one must have signed it
 * @throws VaultError `manifest`
 */
export async function verifyManifest(jws: string, trusted: readonly VerificationKey[]): Promise<Manifest> {
  return readPayload(await verifyDocument(manifestKind, jws, trusted));
}

/**
 * The key id that a manifest names, unchecked.
 *
 * @throws VaultError `manifest` when it is no JWS
 */
export function signingKeyId(jws: string): string {
  return readKeyId(manifestKind, jws);
}

/**
 * Reads a manifest without checking its signature: good for a revision number, never for trust.
 *
 * @throws VaultError `manifest`
 */
export function readUnverifiedManifest(jws: string): Manifest {
  try {
    return readPayload(base64url.decode(jws.split('.')[1] ?? ''));
  } catch (error) {
    throw new VaultError('manifest', 'the manifest cannot be read', { cause: error });
  }
}

function readPayload(payloadBytes: Uint8Array): Manifest {
  try {
    return v.parse(manifestSchema, JSON.parse(new TextDecoder().decode(payloadBytes)));
  } catch (error) {
    throw new VaultError('manifest', 'the manifest is signed, but its content is not valid', {
      cause: error,
    });
  }
}
