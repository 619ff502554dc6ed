import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';

/** A secret does not hold what it should. The message quotes nothing of it. */
export class UnusableSecret extends Error {
  override readonly name = 'UnusableSecret';
}

/**
 * Reads a secret that is a JSON object. What tools do to such a text is mended: a byte order mark, raw line
 * breaks, bytes instead of a text.
 *
 * @throws UnusableSecret
 */
export async function readJsonSecret<const Entries extends v.ObjectEntries>(
  secretsManager: SecretsManagerClient,
  secretId: string,
  fields: v.ObjectSchema<Entries, undefined>,
): Promise<v.InferOutput<v.ObjectSchema<Entries, undefined>>> {
  const { SecretString, SecretBinary } = await secretsManager.send(
    new GetSecretValueCommand({ SecretId: secretId }),
  );
  const text = SecretString ?? new TextDecoder().decode(SecretBinary);
  const secret = v.safeParse(fields, parseJson(text, SecretString === undefined));
  if (secret.success) {
    return secret.output;
  }
  // Their own messages would quote the value.
  const wrong = secret.issues.map((issue) => v.getDotPath(issue));
  throw new UnusableSecret(
    wrong.includes(null)
      ? 'the secret is JSON, and no object'
      : `the secret is JSON without a text for ${wrong.map((name) => `"${name}"`).join(' and ')}`,
  );
}

function parseJson(text: string, isBinary: boolean): unknown {
  const plain = text.replace(/^\uFEFF/, '').trim();
  // A here-document leaves raw line breaks in the strings, which JSON does not allow. As blanks they change
  // nothing between its values, and what is PEM is read with blanks as well.
  for (const candidate of [plain, plain.replace(/[\r\n\t]+/g, ' ')]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The next candidate, or the sentence below.
    }
  }
  throw new UnusableSecret(describeNoJson(plain, isBinary));
}

function describeNoJson(text: string, isBinary: boolean): string {
  if (text === '') {
    return 'the secret is empty';
  }
  if (text.startsWith('-----BEGIN ')) {
    return 'the secret is PEM, where JSON with PEM in it is expected';
  }
  return isBinary
    ? 'the secret is stored as binary, and the bytes are no JSON'
    : 'the secret is no JSON (a quotation mark or a brace is missing, or a backslash too many)';
}
