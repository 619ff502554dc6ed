import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { type PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { Sha256 } from '../../core/access/sha256.ts';

/** The tenant whose users, roles and buckets are tested; RGW has it where AWS has the account. */
export const account = '111122223333';
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

const run = promisify(execFile);

async function admin(...parameters: readonly string[]): Promise<void> {
  await run('radosgw-admin', [...parameters, ...(process.env['NT'] ? [] : ['--tenant', account])]);
}

/** A user who owns the buckets that he makes, and may do with them whatever no bucket policy denies. */
export async function newUser(name: string): Promise<Credentials> {
  const credentials = {
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(20).toString('hex'),
  };
  await admin(
    ...['user', 'create', '--uid', name, '--display-name', name],
    ...['--access-key', credentials.accessKeyId, '--secret-key', credentials.secretAccessKey],
  );
  return credentials;
}

/** Makes a role that this account's users may assume. */
export async function newRole(name: string, statements: readonly unknown[]): Promise<void> {
  const document = (Statement: readonly unknown[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  const trust = document([{ Effect: 'Allow', Principal: { AWS: ['*'] }, Action: ['sts:AssumeRole'] }]);
  await admin('role', 'create', `--role-name=${name}`, `--assume-role-policy-doc=${trust}`);
  await admin(
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
export async function assumeRole(name: string, user: Credentials): Promise<Credentials> {
  const { host, hostname } = new URL(endpoint);
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: `arn:aws:iam::${account}:role/${name}`,
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
    throw new Error(`RGW answered ${response.status} to AssumeRole of ${name}: ${text}`);
  }
  const { AccessKeyId, SecretAccessKey, SessionToken } = v.parse(assumed, new XMLParser().parse(text))
    .AssumeRoleResponse.AssumeRoleResult.Credentials;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}
