import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  PutBucketVersioningCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { Sha256 } from '../../core/access/sha256.ts';

export const region = 'eu-central-1';

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is missing: this suite runs beside a RADOS Gateway (npm run test:rgw)`);
  }
  return value;
}

export const endpoint = setting('RGW_HTTPS');
export const plainEndpoint = setting('RGW_HTTP');
export const [keyArn = '', otherKeyArn = ''] = setting('RGW_KMS_KEYS').split(',');

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export function s3As(credentials: Credentials, address = endpoint): S3Client {
  return new S3Client({
    endpoint: address,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    // As the export function has it; RGW takes no chunked bodies either.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/**
 * What users, roles and buckets belong to; it stands in ARNs where AWS has the account. Undefined is RGW's
 * default, without a name.
 */
export type Tenant = string | undefined;

const run = promisify(execFile);

async function admin(tenant: Tenant, ...parameters: readonly string[]): Promise<void> {
  await run('radosgw-admin', [...parameters, ...(tenant === undefined ? [] : ['--tenant', tenant])]);
}

/** A user who may make buckets, and do with his own whatever no policy of theirs denies. */
export async function newUser(name: string, tenant?: Tenant): Promise<Credentials> {
  const credentials = {
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(20).toString('hex'),
  };
  await admin(
    tenant,
    ...['user', 'create', '--uid', name, '--display-name', name],
    ...['--access-key', credentials.accessKeyId, '--secret-key', credentials.secretAccessKey],
  );
  return credentials;
}

/**
 * Makes a bucket. Its encryption is never set: when RGW 16 is to delete that setting, it deletes the bucket
 * (docs/design.md#local-system).
 */
export async function newBucket(
  client: S3Client,
  bucket: string,
  { versioned = true, objectLock = false } = {},
): Promise<void> {
  const CreateBucketConfiguration = { LocationConstraint: 'default' as BucketLocationConstraint };
  await client.send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration,
      ObjectLockEnabledForBucket: objectLock,
    }),
  );
  if (versioned) {
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
  }
}

/** Makes a role with a policy of its own, which every user of the tenant may assume. */
export async function newRole(tenant: string, name: string, statements: readonly object[]): Promise<void> {
  const document = (Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  const trust = document([{ Effect: 'Allow', Principal: { AWS: ['*'] }, Action: ['sts:AssumeRole'] }]);
  await admin(tenant, 'role', 'create', `--role-name=${name}`, `--assume-role-policy-doc=${trust}`);
  await admin(
    tenant,
    ...['role-policy', 'put', `--role-name=${name}`, '--policy-name=own'],
    `--policy-doc=${document(statements)}`,
  );
}

const assumed = v.object({
  AssumeRoleResponse: v.object({
    AssumeRoleResult: v.object({
      Credentials: v.object({
        AccessKeyId: v.string(),
        SecretAccessKey: v.string(),
        SessionToken: v.string(),
      }),
    }),
  }),
});

/** Temporary credentials of a role, from RGW's own STS. */
export async function assumeRole(roleArn: string, user: Credentials): Promise<Credentials> {
  const { host, hostname } = new URL(endpoint);
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'test',
  }).toString();
  const signer = new SignatureV4({ service: 'sts', region, credentials: user, sha256: Sha256 });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'https:',
    hostname,
    path: '/',
    headers: { host, 'content-type': 'application/x-www-form-urlencoded' },
    body,
  });
  const response = await fetch(endpoint, { method: 'POST', headers, body });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`RGW answered ${response.status} to AssumeRole of ${roleArn}: ${text}`);
  }
  const { AccessKeyId, SecretAccessKey, SessionToken } = v.parse(assumed, new XMLParser().parse(text))
    .AssumeRoleResponse.AssumeRoleResult.Credentials;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

/** What became of a request, as `200` or `403 AccessDenied`. */
export async function answered(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return '200';
  } catch (error) {
    if (error instanceof S3ServiceException) {
      return `${error.$metadata.httpStatusCode} ${error.name}`;
    }
    throw error;
  }
}
