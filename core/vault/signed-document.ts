import { base64url, compactVerify, decodeProtectedHeader } from 'jose';
import * as v from 'valibot';
import { VaultError, type VaultErrorCode } from './errors.ts';
import type { Signer, VerificationKey } from './signer.ts';

/** A kind of document that the signing key signs. */
export interface DocumentKind {
  /** `typ` of its JWS: a document of another kind is never taken for it. */
  readonly type: string;
  /** What a person calls it. */
  readonly noun: 'manifest' | 'status';
  readonly code: Extract<VaultErrorCode, 'manifest' | 'status'>;
}

/**
 * The payload of a document. What readers would refuse must not be signed: it would lock them out, under a
 * good signature.
 *
 * @param schema that readers check it with
 * @throws VaultError with the kind's code when they would refuse it
 */
export function formatPayload<Document extends object>(
  { noun, code }: DocumentKind,
  schema: v.GenericSchema<unknown, Document>,
  document: Document,
): string {
  const payload = JSON.stringify(document);
  const checked = v.safeParse(schema, JSON.parse(payload));
  if (!checked.success) {
    const fields = checked.issues.map((issue) => v.getDotPath(issue) ?? '(all of it)').join(', ');
    throw new VaultError(
      code,
      `the ${noun} to be signed is not one that readers take (${fields}): nothing was written. This is a fault of Lifeboat; report it`,
    );
  }
  return payload;
}

/**
 * Signs a document as a compact JWS (RFC 7515) with ES256.
 *
 * @param payload JSON
 */
export async function signDocument(
  { type }: DocumentKind,
  payload: string,
  signer: Pick<Signer, 'verificationKey' | 'sign'>,
): Promise<string> {
  const { keyId } = await signer.verificationKey();
  const message = `${encodeHeader(type, keyId)}.${base64url.encode(payload)}`;
  return `${message}.${base64url.encode(await signer.sign(Buffer.from(message)))}`;
}

function encodeHeader(type: string, keyId: string): string {
  return base64url.encode(JSON.stringify({ alg: 'ES256', typ: type, kid: keyId }));
}

/** How long the JWS of a payload would be, in characters. */
export function measureDocument({ type }: DocumentKind, payload: string, keyId: string): number {
  // The signature is 64 bytes, 86 characters.
  return encodeHeader(type, keyId).length + 1 + base64url.encode(payload).length + 1 + 86;
}

/**
 * Checks a document's signature and kind.
 *
 * @param trusted the keys of which one must have signed it
 * @returns its payload
 * @throws VaultError with the kind's code
 */
export async function verifyDocument(
  kind: DocumentKind,
  jws: string,
  trusted: readonly VerificationKey[],
): Promise<Uint8Array> {
  const { noun, code, type } = kind;
  const keyId = readKeyId(kind, jws);
  const key = trusted.find((each) => each.keyId === keyId);
  if (key === undefined) {
    throw new VaultError(
      code,
      `the ${noun} is signed with key ${nameKey(keyId)}, which is not trusted here (trusted: ${trusted.map((each) => each.keyId).join(', ')}). ` +
        'After a change of the signing key give the new public key (`lifeboat public-key`) to the data planes',
    );
  }
  let verified: Awaited<ReturnType<typeof compactVerify>>;
  try {
    // The algorithm is fixed: the header must not choose how the signature is checked.
    verified = await compactVerify(jws, key.key, { algorithms: ['ES256'] });
  } catch (error) {
    throw new VaultError(code, `the ${noun}’s signature is wrong: the ${noun} was tampered with`, {
      cause: error,
    });
  }
  // Something else that the key has signed must not be accepted.
  if (verified.protectedHeader.typ !== type) {
    throw new VaultError(code, `the signed document is not a ${noun} (its typ is not ${type})`);
  }
  return verified.payload;
}

/**
 * The key id that a document names, unchecked.
 *
 * @throws VaultError with the kind's code when it is no JWS
 */
export function readKeyId({ noun, code }: DocumentKind, jws: string): string {
  try {
    const { kid } = decodeProtectedHeader(jws);
    return kid ?? '(none)';
  } catch (error) {
    throw new VaultError(code, `the ${noun} is not a compact JWS`, { cause: error });
  }
}

/** What is no thumbprint is a stranger's text, and may be anything. */
function nameKey(keyId: string): string {
  return /^[\w-]{43}$/.test(keyId) || keyId === '(none)' ? keyId : '(no thumbprint of a key)';
}
