import { createHmac, timingSafeEqual } from 'node:crypto';
import { closeBrace, openBrace } from './json-grammar.ts';

/** A delivery of a Kong event hook, or of anything that signs like one. */
export interface SignedDelivery {
  /** The header `x-kong-signature`: `<algorithm>=<hex of HMAC(secret, raw body)>`. */
  readonly signature: string | undefined;
  /** The body's raw bytes. */
  readonly body: Uint8Array;
}

/** The kind of a delivery. Nothing else of it is kept: its body may hold secrets. */
export type DeliveryKind = 'change' | 'ping' | 'malformed';

// Kong writes lower-case hex; .NET and others that sign like it write capitals. Whole bytes: Node leaves out
// a digit behind the last one.
const signatureForm = /^(sha1|sha256)=((?:[0-9a-fA-F]{2})+)$/;

/**
 * Whether a delivery is signed with one of the secrets. Kong signs with sha1 up to 3.13 and with HMAC-SHA256
 * from 3.14 on (docs/kong.md#event-hooks).
 *
 * @param secrets the current one and, while a rotation is under way, the previous one, in each form that it
 *   may be stored in
 * @param acceptSha1 false once every control plane signs with sha256
 */
export function isSignedByOneOf(
  { signature, body }: SignedDelivery,
  secrets: readonly (string | Uint8Array)[],
  acceptSha1: boolean,
): boolean {
  const [, algorithm, digest] = signatureForm.exec(signature ?? '') ?? [];
  if (algorithm === undefined || digest === undefined || (algorithm === 'sha1' && !acceptSha1)) {
    return false;
  }
  const given = Buffer.from(digest, 'hex');
  let matches = false;
  // All secrets are tried, even after a match, so that the time taken reveals nothing.
  for (const secret of secrets) {
    const expected = createHmac(algorithm, secret).update(body).digest();
    const equal = given.length === expected.length && timingSafeEqual(given, expected);
    // An empty secret would make every stranger's signature good.
    matches = (equal && secret.length > 0) || matches;
  }
  return matches;
}

/** A ping holds the hook's own settings. What is larger is a change, and is not parsed: it may be large. */
export const largestPingBytes = 64 * 1024;

/** Tells a ping (`{"source": "kong:event_hooks", "event": "ping"}`, sent for a new hook) from a change. */
export function deliveryKind(body: Uint8Array): DeliveryKind {
  if (body.length > largestPingBytes) {
    return looksLikeObject(body) ? 'change' : 'malformed';
  }
  let delivery: unknown;
  try {
    delivery = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return 'malformed';
  }
  if (typeof delivery !== 'object' || delivery === null || Array.isArray(delivery)) {
    return 'malformed';
  }
  const { source, event } = delivery as Readonly<Record<string, unknown>>;
  return source === 'kong:event_hooks' && event === 'ping' ? 'ping' : 'change';
}

/** Whether the first and the last byte that is no white space are braces. */
function looksLikeObject(body: Uint8Array): boolean {
  // Space, tab, line feed and carriage return are JSON's white space (RFC 8259, 2).
  const isText = (byte: number) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d;
  return body.find(isText) === openBrace && body.findLast(isText) === closeBrace;
}
