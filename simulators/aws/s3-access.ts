/** What a caller of S3 must be allowed. */
import { type Access, overTls } from './access.ts';
import { queryValue, type ReceivedRequest } from './received-request.ts';
import { type Bucket, saysChecksum } from './s3-objects.ts';
import { locate, lockMode, lockUntil, sse } from './s3-requests.ts';
import type { ServiceContext } from './signed-server.ts';
import { parseTimestamp } from './sigv4.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** S3's actions by operation (S3 User Guide, "Required permissions for Amazon S3 API operations"). */
const actions: Readonly<Record<string, readonly [plain: string, ofVersion: string]>> = {
  PutObject: ['s3:PutObject', 's3:PutObject'],
  GetObject: ['s3:GetObject', 's3:GetObjectVersion'],
  HeadObject: ['s3:GetObject', 's3:GetObjectVersion'],
  GetObjectRetention: ['s3:GetObjectRetention', 's3:GetObjectRetention'],
  DeleteObject: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
  GetBucketVersioning: ['s3:GetBucketVersioning', 's3:GetBucketVersioning'],
  ListObjectVersions: ['s3:ListBucketVersions', 's3:ListBucketVersions'],
  ListObjectsV2: ['s3:ListBucket', 's3:ListBucket'],
};

/** What a request needs: its own action and, where it touches content, the key's on the caller's behalf. */
export function accessesOf(
  operation: string,
  request: ReceivedRequest,
  lookUp: (name: string) => Bucket | undefined,
  context: ServiceContext,
): readonly Access[] {
  const { bucket: bucketName, key } = locate(request.path);
  const bucketArn = `arn:aws:s3:::${bucketName}`;
  const versionId = queryValue(request, 'versionId');
  const [plain = '', ofVersion = ''] = actions[operation] ?? [];
  const conditions = s3Conditions(operation, request, context);
  const own: Access = {
    action: versionId === undefined ? plain : ofVersion,
    resourceArn: key === '' ? bucketArn : `${bucketArn}/${key}`,
    context: conditions,
  };
  const bucket = lookUp(bucketName);
  if (bucket === undefined) {
    return [own];
  }
  const throughS3 = {
    ...overTls,
    'kms:ViaService': `s3.${context.region}.amazonaws.com`,
    // With a bucket key the context is the bucket, not the object (S3 User Guide, "Encryption context" of
    // bucket keys).
    'kms:EncryptionContext:aws:s3:arn': bucketArn,
  };
  if (operation === 'PutObject') {
    const keyArn = request.headers.get(`${sse}-aws-kms-key-id`) ?? bucket.defaultKeyId;
    return [
      own,
      ...(request.headers.has(lockMode) ? [{ ...own, action: 's3:PutObjectRetention' }] : []),
      { action: 'kms:GenerateDataKey', resourceArn: keyArn, context: throughS3 },
    ];
  }
  if (operation !== 'GetObject' && operation !== 'HeadObject') {
    return [own];
  }
  const object =
    versionId === undefined
      ? bucket.objects.current(key)
      : bucket.objects.versions(key).find((version) => version.versionId === versionId);
  if (object === undefined && versionId === undefined) {
    // A caller without s3:ListBucket is answered 403 instead of 404 (S3 API, GetObject, "Permissions").
    return [
      own,
      { action: 's3:ListBucket', resourceArn: bucketArn, context: { ...conditions, 's3:prefix': key } },
    ];
  }
  return object === undefined || (operation === 'HeadObject' && !saysChecksum(object, request))
    ? [own]
    : [own, { action: 'kms:Decrypt', resourceArn: object.keyArn, context: throughS3 }];
}

/** Values of S3's condition keys (Service Authorization Reference, "Condition keys for Amazon S3"). */
function s3Conditions(
  operation: string,
  request: ReceivedRequest,
  { now }: ServiceContext,
): Access['context'] {
  const signedAt = request.headers.get('x-amz-date') ?? queryValue(request, 'X-Amz-Date') ?? '';
  const ageMs = now().getTime() - parseTimestamp(signedAt).getTime();
  const header = (name: string, key: string) => {
    const value = request.headers.get(name);
    return value === undefined ? {} : { [key]: value };
  };
  return {
    ...overTls,
    's3:TlsVersion': '1.3',
    // In whole seconds, so that the same question is not asked anew for each millisecond.
    's3:signatureAge': String(Math.max(0, Math.ceil(ageMs / 1000) * 1000)),
    ...(operation === 'PutObject'
      ? {
          's3:ObjectCreationOperation': 'true',
          ...header(sse, 's3:x-amz-server-side-encryption'),
          ...header(`${sse}-aws-kms-key-id`, 's3:x-amz-server-side-encryption-aws-kms-key-id'),
          ...header('if-match', 's3:if-match'),
          ...header('if-none-match', 's3:if-none-match'),
          ...header(lockMode, 's3:object-lock-mode'),
          ...header(lockUntil, 's3:object-lock-retain-until-date'),
          ...remainingRetentionDays(request, now()),
        }
      : {}),
    ...(operation.startsWith('List') ? { 's3:prefix': queryValue(request, 'prefix') ?? '' } : {}),
  };
}

function remainingRetentionDays({ headers }: ReceivedRequest, now: Date): Access['context'] {
  const until = Date.parse(headers.get(lockUntil) ?? '');
  // S3's own rounding is not documented: up, the harder one for a cap.
  const days = Math.ceil((until - now.getTime()) / dayMs);
  return Number.isNaN(days) ? {} : { 's3:object-lock-remaining-retention-days': String(days) };
}
