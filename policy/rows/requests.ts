/** Condition keys of the requests that rows are about. */
import type { ConditionContext } from '../../simulators/aws/iam.ts';

export const tls: ConditionContext = { 'aws:SecureTransport': 'true' };
export const noTls: ConditionContext = { 'aws:SecureTransport': 'false' };
/** A request to S3, signed a second ago. */
export const s3: ConditionContext = { ...tls, 's3:TlsVersion': '1.3', 's3:signatureAge': '1000' };
export const sse = 's3:x-amz-server-side-encryption';
export const sseKey = `${sse}-aws-kms-key-id`;

/** A request to S3 that was signed so long ago. */
export function signedAgo(ageMs: number): ConditionContext {
  return { ...s3, 's3:signatureAge': String(ageMs) };
}

/** A list of what is below a prefix. */
export function below(prefix: string): ConditionContext {
  return { ...s3, 's3:prefix': prefix };
}

/** An upload that is encrypted with this key. */
export function upload(encryptionKeyArn: string): ConditionContext {
  return {
    ...s3,
    [sse]: 'aws:kms',
    [sseKey]: encryptionKeyArn,
    's3:ObjectCreationOperation': 'true',
  };
}

/** A request to KMS that S3 makes for an object of this bucket. */
export function throughS3(region: string, bucketArn: string): ConditionContext {
  return {
    ...tls,
    'kms:ViaService': `s3.${region}.amazonaws.com`,
    'kms:EncryptionContext:aws:s3:arn': bucketArn,
  };
}

export function without(context: ConditionContext, ...keys: readonly string[]): ConditionContext {
  return Object.fromEntries(Object.entries(context).filter(([key]) => !keys.includes(key)));
}

/** Asks for a lock on a version. */
export function lock(mode: string, days: number): ConditionContext {
  return { 's3:object-lock-mode': mode, 's3:object-lock-remaining-retention-days': String(days) };
}

/** The file that most rows are about. */
export const file = 'prod/3.9.1/config.json';
export const otherFile = 'staging/3.9.1/config.json';
