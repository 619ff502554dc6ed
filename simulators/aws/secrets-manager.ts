/** GetSecretValue and PutSecretValue of AWS Secrets Manager, in memory. Behaviour: its API Reference. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { type JsonInput, jsonOperation, startJsonService } from './json-service.ts';
import { type RunningService, type ServiceContext, ServiceError } from './signed-server.ts';

export interface LocalSecretsManager extends RunningService {
  /** Makes a secret whose `AWSCURRENT` value is this, a text or bytes; returns its ARN. */
  createSecret(name: string, value: string | Uint8Array): string;
}

/** What CloudFormation's `GenerateSecretString` says, in part. */
export interface GeneratedSecret {
  readonly PasswordLength?: number | undefined;
  readonly ExcludePunctuation?: boolean | undefined;
  /** JSON, to which the password is added under `GenerateStringKey`. */
  readonly SecretStringTemplate?: string | undefined;
  readonly GenerateStringKey?: string | undefined;
}

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
// GetRandomPassword, parameter ExcludePunctuation.
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** A value as Secrets Manager generates it. */
export function generateSecret(generated: GeneratedSecret): string {
  const { PasswordLength = 32, ExcludePunctuation = false } = generated;
  const alphabet = ExcludePunctuation ? lettersAndDigits : `${lettersAndDigits}${punctuation}`;
  const password = Array.from({ length: PasswordLength }, () => alphabet[randomInt(alphabet.length)]).join(
    '',
  );
  const { SecretStringTemplate, GenerateStringKey } = generated;
  return SecretStringTemplate === undefined || GenerateStringKey === undefined
    ? password
    : JSON.stringify({ ...JSON.parse(SecretStringTemplate), [GenerateStringKey]: password });
}

/** One of the two, as they stand in answers; binary in base64. */
type SecretValue = { readonly SecretString: string } | { readonly SecretBinary: string };

interface Secret {
  readonly name: string;
  readonly arn: string;
  /** Newest last: the last is `AWSCURRENT`, the one before it `AWSPREVIOUS`. */
  readonly versions: { readonly token: string; readonly value: SecretValue }[];
}

const notFound = () =>
  new ServiceError(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.");

const operations = (find: (id: string) => Secret) => ({
  GetSecretValue: jsonOperation(
    v.strictObject({
      SecretId: v.string(),
      VersionStage: v.optional(v.picklist(['AWSCURRENT', 'AWSPREVIOUS']), 'AWSCURRENT'),
    }),
    ({ SecretId, VersionStage }) => {
      const { arn, name, versions } = find(SecretId);
      const version = versions.at(VersionStage === 'AWSCURRENT' ? -1 : -2);
      if (version === undefined) {
        throw notFound();
      }
      return { ARN: arn, Name: name, VersionId: version.token, ...version.value };
    },
  ),
  PutSecretValue: jsonOperation(
    v.strictObject({ SecretId: v.string(), ClientRequestToken: v.string(), SecretString: v.string() }),
    ({ SecretId, ClientRequestToken: token, SecretString }) => {
      const { arn, name, versions } = find(SecretId);
      // An SDK repeats a request with its token; that makes no new version.
      if (versions.at(-1)?.token !== token) {
        versions.push({ token, value: { SecretString } });
      }
      return { ARN: arn, Name: name, VersionId: token };
    },
  ),
});

/** Starts a Secrets Manager that forgets everything when it stops. */
export async function startLocalSecretsManager(context: ServiceContext): Promise<LocalSecretsManager> {
  const { region, accountId } = context;
  const secrets: Secret[] = [];
  const lookUp = (id: unknown) => secrets.find(({ name, arn }) => name === id || arn === id);

  function find(id: string): Secret {
    const secret = lookUp(id);
    if (secret === undefined) {
      throw notFound();
    }
    return secret;
  }

  /** What does not exist has no policy; the operation says so itself. */
  function accessesOf(operation: string, { SecretId }: JsonInput): readonly Access[] {
    const secret = lookUp(SecretId);
    return secret === undefined
      ? []
      : [{ action: `secretsmanager:${operation}`, resourceArn: secret.arn, context: overTls }];
  }

  const service = await startJsonService(
    { service: 'secretsmanager', target: 'secretsmanager', version: '1.1' },
    operations(find),
    accessesOf,
    context,
  );
  return {
    ...service,
    createSecret(name, value) {
      // AWS too puts six random characters behind the name, which IAM policies have to allow for.
      const arn = `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${randomBytes(3).toString('hex')}`;
      const stored =
        typeof value === 'string'
          ? { SecretString: value }
          : { SecretBinary: Buffer.from(value).toString('base64') };
      secrets.push({ name, arn, versions: [{ token: randomUUID(), value: stored }] });
      return arn;
    },
  };
}
