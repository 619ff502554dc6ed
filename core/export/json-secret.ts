import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { callsWithin, describeCallFailure } from '../aws-calls.ts';
import { ControlPlaneError } from '../kong/errors.ts';

/** A secret does not hold what it should. The message quotes nothing of it. */
export class UnusableSecret extends Error {
  override readonly name = 'UnusableSecret';
}

/** A secret in Secrets Manager. */
export interface SecretSource {
  readonly secretsManager: Pick<SecretsManagerClient, 'send'>;
  readonly secretId: string;
  /** Ends the call. @default the client's own limits end it */
  readonly signal?: AbortSignal | undefined;
}

/** What a secret holds, and what is odd about the way it is stored; undefined where nothing is. */
export interface JsonSecret<Fields> {
  readonly fields: Fields;
  /** For the log. It tells nothing of the values. */
  readonly oddity: string | undefined;
}

/**
 * Reads a secret that is a JSON object. What tools do to such a text is mended: a byte order mark, raw line
 * breaks, bytes instead of a text.
 *
 * @throws UnusableSecret
 * @throws ControlPlaneError `no-secret` when Secrets Manager does not give it, `cancelled` when the signal
 * ends it
 */
export async function readJsonSecret<const Entries extends v.ObjectEntries>(
  source: SecretSource,
  fields: v.ObjectSchema<Entries, undefined>,
): Promise<JsonSecret<v.InferOutput<v.ObjectSchema<Entries, undefined>>>> {
  const { SecretString, SecretBinary } = await askFor(source);
  const text = SecretString ?? new TextDecoder().decode(SecretBinary);
  const isBinary = SecretString === undefined;
  const { value, oddity } = parseJson(text, isBinary);
  const secret = v.safeParse(fields, value);
  if (secret.success) {
    return { fields: secret.output, oddity: isBinary ? 'binary' : oddity };
  }
  // Their own messages would quote the value.
  const wrong = secret.issues.map((issue) => v.getDotPath(issue));
  throw new UnusableSecret(
    wrong.includes(null)
      ? 'the secret is JSON, and no object'
      : `the secret is JSON without a text for ${wrong.map((name) => `"${name}"`).join(' and ')}`,
  );
}

async function askFor({ secretsManager, secretId, signal }: SecretSource) {
  try {
    return await callsWithin(secretsManager, signal).send(new GetSecretValueCommand({ SecretId: secretId }));
  } catch (error) {
    // Without the cause: a broken answer's own error may quote the value.
    throw new ControlPlaneError(
      signal?.aborted === true ? 'cancelled' : 'no-secret',
      `Secrets Manager did not give secret ${secretId} (${describeCallFailure(error)}). Check that it exists and has a value, that the ` +
        'role may read it and decrypt with its key, and that the way to Secrets Manager is open',
    );
  }
}

interface ParsedJson {
  readonly value: unknown;
  readonly oddity: string | undefined;
}

function parseJson(text: string, isBinary: boolean): ParsedJson {
  const unmarked = text.replace(/^\uFEFF/, '');
  const plain = unmarked.trim();
  // A here-document leaves raw line breaks in the strings, which JSON does not allow. As blanks they change
  // nothing between its values, and what is PEM is read with blanks as well.
  const candidates = [
    { json: plain, oddity: unmarked === text ? undefined : 'JSON behind a byte order mark' },
    { json: plain.replace(/[\r\n\t]+/g, ' '), oddity: 'JSON with raw line breaks in its texts' },
  ];
  for (const { json, oddity } of candidates) {
    try {
      return { value: JSON.parse(json), oddity };
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
