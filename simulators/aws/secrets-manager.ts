/** GetSecretValue and PutSecretValue of AWS Secrets Manager, in memory. Behaviour: its API Reference. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { jsonOperation, startJsonService } from './json-service.ts';
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

/** One of the two, as they stand in requests and answers; binary in base64. */
interface SecretValue {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: string | undefined;
}

interface SecretVersion {
  readonly id: string;
  readonly value: SecretValue;
  readonly createdAtSeconds: number;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  /** Newest last: the last is `AWSCURRENT`, the one before it `AWSPREVIOUS`. */
  readonly versions: SecretVersion[];
}

const notFound = (message: string) => new ServiceError(400, 'ResourceNotFoundException', message);

function stagesOf({ versions }: Secret, version: SecretVersion): string[] {
  return [
    ...(version === versions.at(-1) ? ['AWSCURRENT'] : []),
    ...(version === versions.at(-2) ? ['AWSPREVIOUS'] : []),
  ];
}

function putVersion(secret: Secret, version: SecretVersion): void {
  const existing = secret.versions.find(({ id }) => id === version.id);
  if (existing === undefined) {
    secret.versions.push(version);
  } else if (!isDeepStrictEqual(existing.value, version.value)) {
    throw new ServiceError(
      400,
      'ResourceExistsException',
      'a version with this token and another value exists',
    );
  }
}

const operations = (find: (id: string) => Secret, nowSeconds: () => number) => ({
  GetSecretValue: jsonOperation(
    v.strictObject({
      SecretId: v.string(),
      VersionStage: v.optional(v.string(), 'AWSCURRENT'),
    }),
    ({ SecretId, VersionStage }) => {
      const secret = find(SecretId);
      const version = secret.versions.find((each) => stagesOf(secret, each).includes(VersionStage));
      if (version === undefined) {
        throw notFound(
          `Secrets Manager can't find the specified secret value for staging label: ${VersionStage}`,
        );
      }
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: version.id,
        VersionStages: stagesOf(secret, version),
        ...version.value,
        CreatedDate: version.createdAtSeconds,
      };
    },
  ),
  PutSecretValue: jsonOperation(
    v.strictObject({
      SecretId: v.string(),
      ClientRequestToken: v.pipe(v.string(), v.minLength(32), v.maxLength(64)),
      SecretString: v.optional(v.string()),
      SecretBinary: v.optional(v.pipe(v.string(), v.base64())),
    }),
    ({ SecretId, ClientRequestToken, SecretString, SecretBinary }) => {
      if ((SecretString === undefined) === (SecretBinary === undefined)) {
        throw new ServiceError(
          400,
          'InvalidRequestException',
          'You must provide either SecretString or SecretBinary.',
        );
      }
      const secret = find(SecretId);
      const value = SecretString === undefined ? { SecretBinary } : { SecretString };
      putVersion(secret, { id: ClientRequestToken, value, createdAtSeconds: nowSeconds() });
      const version = secret.versions.filter(({ id }) => id === ClientRequestToken);
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: ClientRequestToken,
        VersionStages: version.flatMap((candidate) => stagesOf(secret, candidate)),
      };
    },
  ),
});

/** Starts a Secrets Manager that forgets everything when it stops. */
export async function startLocalSecretsManager(context: ServiceContext): Promise<LocalSecretsManager> {
  const secrets: Secret[] = [];
  const nowSeconds = () => context.now().getTime() / 1000;

  function find(id: string): Secret {
    const secret = secrets.find(({ name, arn }) => name === id || arn === id);
    if (secret === undefined) {
      throw notFound("Secrets Manager can't find the specified secret.");
    }
    return secret;
  }

  /** What does not exist has no policy; the operation says so itself. */
  function accessesOf(operation: string, id: string): readonly Access[] {
    const secret = secrets.find((each) => each.name === id || each.arn === id);
    return secret === undefined
      ? []
      : [{ action: `secretsmanager:${operation}`, resourceArn: secret.arn, context: overTls }];
  }

  const service = await startJsonService(
    { service: 'secretsmanager', target: 'secretsmanager', version: '1.1' },
    operations(find, nowSeconds),
    (operation, { SecretId }) => accessesOf(operation, String(SecretId ?? '')),
    context,
  );
  return {
    ...service,
    createSecret(name, value) {
      if (secrets.some((secret) => secret.name === name)) {
        throw new Error(`the local secret "${name}" exists already: change it with PutSecretValue`);
      }
      // AWS too puts six random characters behind the name, which IAM policies have to allow for.
      const arn = `arn:aws:secretsmanager:${context.region}:${context.accountId}:secret:${name}-${randomBytes(3).toString('hex')}`;
      const stored =
        typeof value === 'string'
          ? { SecretString: value }
          : { SecretBinary: Buffer.from(value).toString('base64') };
      secrets.push({
        name,
        arn,
        versions: [{ id: randomUUID(), value: stored, createdAtSeconds: nowSeconds() }],
      });
      return arn;
    },
  };
}
