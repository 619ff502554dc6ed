/** What the settings take for signing keys. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import * as v from 'valibot';
import { keyArnSchema, listSchema, textSchema } from './setting-values.ts';
import { isPendingLookup, isToken, unknownPem } from './unknown-values.ts';

/** Name of the signing key in a deployment that has never changed it. */
export const firstSigningKey = 'first';

export const signingKeysSchema = v.pipe(
  listSchema(
    textSchema(
      /^[a-z0-9]{1,20}$/,
      'the name of a signing key is expected: 1 to 20 characters out of a-z and 0-9, for example "second"',
    ),
    'names of signing keys',
  ),
  v.minLength(1, 'at least one signing key is needed: the first of them signs'),
  v.maxLength(3, 'at most 3 signing keys are allowed: take out those that no data plane trusts any more'),
  v.check((names) => new Set(names).size === names.length, 'a signing key is listed twice'),
);

/** By the name of the key: one that is there already, as a deployment that is gone left it. */
export const signingKeyArnsSchema = v.record(
  v.string(),
  keyArnSchema,
  'an object is expected, with the ARN of a KMS key by the name of its signing key, for example {"first": "arn:aws:kms:…"}',
);

const onePem = /^\s*-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\s*$/;

/** The public key in a PEM text; undefined where there is none, or more. */
function parsePublicKey(pem: string): KeyObject | undefined {
  try {
    return onePem.test(pem) ? createPublicKey(pem) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @throws RangeError for a text that the settings have not checked
 */
export function readPublicKey(pem: string): KeyObject {
  const key = parsePublicKey(pem);
  if (key === undefined) {
    throw new RangeError('this is no PEM public key');
  }
  return key;
}

const expected =
  'one public key in PEM form is expected, beginning with -----BEGIN PUBLIC KEY-----, as `lifeboat public-key` prints it, each in an entry of its own';

const publicKeySchema = v.pipe(
  v.string(expected),
  v.check((pem) => !isToken(pem) || isPendingLookup(pem), unknownPem),
  // The template would contain it, for everybody to read.
  v.check(
    (pem) => !pem.includes('PRIVATE KEY'),
    'it contains a private key, which must not be here: print the public one with `lifeboat public-key`',
  ),
  v.check(
    (pem) => pem.includes('PRIVATE KEY') || isToken(pem) || parsePublicKey(pem) !== undefined,
    expected,
  ),
  v.check((pem) => {
    const key = parsePublicKey(pem);
    return key === undefined || key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  }, 'the key is not on the curve P-256: Lifeboat signs with ES256 only, so this key never signed for it'),
);

/** The same key in another text (line ends, blanks) is the same key. */
function identify(pem: string): string {
  return parsePublicKey(pem)?.export({ format: 'der', type: 'spki' }).toString('hex') ?? pem;
}

export const retiredSigningKeysSchema = v.pipe(
  v.array(publicKeySchema, 'a list of public keys is expected, in brackets'),
  // The export's environment has room for so many beside everything else.
  v.maxLength(
    5,
    'at most 5 retired keys are allowed: take out those that no kept revision is signed with any more',
  ),
  v.check((keys) => new Set(keys.map(identify)).size === keys.length, 'a key is listed twice'),
);
