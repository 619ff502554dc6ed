import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { s3Presigner } from '../../core/access/presigned-url.ts';
import {
  type Caller,
  type DeployedVault,
  deployVault,
  otherKeys,
  type Statement,
  unknownActions,
} from './deployed-vault.ts';
import { answered, endpoint, keyArn, otherKeyArn, plainEndpoint, region, s3As } from './gateway.ts';

let vault: DeployedVault;
let clients: Readonly<Record<Caller | 'owner', S3Client>>;
beforeAll(async () => {
  vault = await deployVault('111122223333');
  const { exportProd, exportStaging, presignProd, wide } = vault.roles;
  clients = {
    exportProd: s3As(exportProd),
    exportStaging: s3As(exportStaging),
    presignProd: s3As(presignProd),
    wide: s3As(wide),
    owner: s3As(vault.owner),
  };
  await Promise.all([
    put('exportProd', 'prod/3.9.1/config.json'),
    put('exportProd', 'status/prod.json'),
    put('exportStaging', 'staging/3.9.1/config.json'),
    put('exportStaging', 'status/staging.json'),
  ]);
});
afterEach(() => vault.putBucketPolicy(vault.bucketPolicy));
afterAll(() => {
  for (const client of Object.values(clients)) {
    client.destroy();
  }
});

type Who = keyof typeof clients;

const encryption = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn } as const;
const put = (who: Who, Key: string, encrypted: Partial<PutObjectCommandInput> = encryption) =>
  clients[who].send(new PutObjectCommand({ Bucket: vault.bucket, Key, Body: 'content', ...encrypted }));
async function get(who: Who, Key: string, VersionId?: string) {
  const { Body, ...read } = await clients[who].send(
    new GetObjectCommand({ Bucket: vault.bucket, Key, VersionId }),
  );
  await Body?.transformToByteArray();
  return read;
}
const remove = (who: Who, Key: string, VersionId?: string) =>
  clients[who].send(new DeleteObjectCommand({ Bucket: vault.bucket, Key, VersionId }));
const list = (who: Who, Prefix: string) =>
  clients[who].send(new ListObjectsV2Command({ Bucket: vault.bucket, Prefix }));
const presigned = (who: Caller, key: string) =>
  s3Presigner({
    bucket: vault.bucket,
    region,
    urlSuffix: 'amazonaws.com',
    credentials: vault.roles[who],
    endpoint,
  })({ key }, 120, new Date());

/** The bucket policy without each statement that has one of these words, in quotes. */
const without = (...words: readonly string[]) =>
  vault.bucketPolicy.filter(
    (statement) => !words.some((word) => JSON.stringify(statement).includes(`"${word}"`)),
  );

const file = 'prod/3.9.1/config.json';
const status = 'status/prod.json';

describe('the deployed policies, enforced by Ceph RGW', () => {
  it.each<[what: string, request: () => Promise<unknown>]>([
    ['the export publishes', () => put('exportProd', file)],
    ['the export records its status', () => put('exportProd', status)],
    ['the export reads its file', () => get('exportProd', file)],
    ['the export reads its status', () => get('exportProd', status)],
    ['the other export publishes its own', () => put('exportStaging', 'staging/3.9.1/config.json')],
    ['presign reads the file', () => get('presignProd', file)],
    [
      'presign reads a version',
      async () => get('presignProd', file, (await get('exportProd', file)).VersionId),
    ],
    ['presign lists its prefix', () => list('presignProd', 'prod/')],
    ['the export asks whether its status is there', () => list('exportProd', status)],
  ])('allow: %s', async (_what, request) => {
    expect(await answered(request())).toBe('200');
  });

  it('allow a presigned read, by whoever has the URL', async () => {
    const response = await fetch(await presigned('presignProd', file));

    expect([response.status, await response.text()]).toEqual([200, 'content']);
  });

  const encryptionKey = 's3:x-amz-server-side-encryption-aws-kms-key-id';
  const encryptionKind = 's3:x-amz-server-side-encryption';
  const deletes = 's3:DeleteObject';
  const byCaller = 'NotPrincipal';
  const elsewhere = 'NotResource';

  // Each is refused by the statements with these words and by no others: without them it is done, or fails
  // for a reason of its own.
  it.each<[what: string, words: readonly string[], otherwise: string, request: () => Promise<unknown>]>([
    ['no encryption named', [encryptionKey, encryptionKind], '200', () => put('exportProd', file, {})],
    [
      'no key named',
      [encryptionKey],
      '400 InvalidArgument',
      () => put('exportProd', file, { ServerSideEncryption: 'aws:kms' }),
    ],
    [
      'another key',
      [encryptionKey],
      '200',
      () => put('exportProd', file, { ...encryption, SSEKMSKeyId: otherKeyArn }),
    ],
    [
      'no encryption of a status',
      [encryptionKey, encryptionKind],
      '200',
      () => put('exportProd', status, {}),
    ],
    ['another name', [elsewhere], '200', () => put('wide', 'config.json')],
    ['a status of nobody', [elsewhere], '200', () => put('wide', 'status/dev.json')],
    ['a file by another role', [byCaller], '200', () => put('wide', file)],
    ['a status by another role', [byCaller], '200', () => put('wide', status)],
    ['a file by the bucket’s owner', [byCaller], '200', () => put('owner', file)],
    ['a look by another role', [byCaller], '200', () => get('wide', file)],
    [
      'a look at a version',
      [byCaller],
      '200',
      async () => get('wide', file, (await get('exportProd', file)).VersionId),
    ],
    ['a deletion by another role', [deletes], '200', () => remove('wide', file)],
    ['a deletion by the bucket’s owner', [deletes], '200', () => remove('owner', file)],
    [
      'a deletion of a version',
      [deletes],
      '200',
      async () => {
        const { VersionId } = await put('exportProd', file);
        await remove('owner', file, VersionId);
      },
    ],
  ])('deny %s, by %j; else %s', async (_what, words, otherwise, request) => {
    const outcome = await answered(request());
    await vault.putBucketPolicy(without(...words));
    const outcomeWithout = await answered(request());

    expect([outcome, outcomeWithout]).toEqual(['403 AccessDenied', otherwise]);
    // Some of them delete it.
    await put('exportProd', file);
  });

  it.each<[what: string, request: () => Promise<unknown>]>([
    ['presign publishes', () => put('presignProd', file)],
    ['presign reads the other control plane’s status', () => get('presignProd', 'status/staging.json')],
    ['presign reads the other control plane’s', () => get('presignProd', 'staging/3.9.1/config.json')],
    ['presign lists the other control plane’s', () => list('presignProd', 'staging/')],
    ['presign lists everything', () => list('presignProd', '')],
    ['the export publishes the other control plane’s', () => put('exportProd', 'staging/3.9.1/config.json')],
    ['the export reads the other control plane’s', () => get('exportProd', 'staging/3.9.1/config.json')],
    ['the export lists the other control plane’s', () => list('exportProd', 'staging/')],
    ['the export deletes', () => remove('exportProd', file)],
  ])('deny or do not grant: %s', async (_what, request) => {
    expect(await answered(request())).toBe('403 AccessDenied');
  });

  it('deny a URL that presign signs for the other control plane’s file', async () => {
    const response = await fetch(await presigned('presignProd', 'staging/3.9.1/config.json'));

    expect(response.status).toBe(403);
  });
});

/**
 * What AWS decides and RGW 16 does not, with what it does instead; test/policy proves these. Not here at all,
 * because RGW has nothing like it: key policies, KMS grants and encryption contexts, SQS, Secrets Manager,
 * API Gateway; and the bucket's default encryption, since RGW deletes a bucket whose DeleteBucketEncryption
 * is called.
 */
describe('what Ceph RGW does not decide as AWS does', () => {
  const deny = (Condition: Statement['Condition'], Action = ['s3:*']): Statement => ({
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action,
    Resource: [`arn:aws:s3:::${vault.bucket}/*`],
    Condition,
  });
  const notByRgw: readonly [
    key: (typeof otherKeys)[number],
    why: string,
    instead: string,
    statement: () => Statement,
    request: () => Promise<unknown>,
  ][] = [
    [
      'aws:PrincipalArn',
      'is unknown, and without its key not even a negated condition holds',
      '200',
      () => deny({ ArnNotEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/nobody' } }),
      () => get('exportProd', file),
    ],
    [
      'aws:SecureTransport',
      'is missing where it is false, and Bool then does not hold',
      '200',
      () => deny({ Bool: { 'aws:SecureTransport': 'false' } }),
      () => overPlainHttp(),
    ],
    [
      's3:TlsVersion',
      'is unknown',
      '200',
      () => deny({ NumericLessThan: { 's3:TlsVersion': 9 } }),
      () => get('exportProd', file),
    ],
    [
      's3:signatureAge',
      'is unknown',
      '200',
      () => deny({ NumericGreaterThan: { 's3:signatureAge': -1 } }),
      () => get('exportProd', file),
    ],
    [
      's3:ObjectCreationOperation',
      'is unknown',
      '200',
      () => deny({ Bool: { 's3:ObjectCreationOperation': 'true' } }),
      () => put('exportProd', file),
    ],
    [
      's3:if-match',
      'is unknown, so that it is always missing',
      '403 AccessDenied',
      () => deny({ Null: { 's3:if-match': 'true' } }, ['s3:GetObject']),
      () => get('exportProd', file),
    ],
    [
      's3:if-none-match',
      'is unknown, so that it is missing where it was sent',
      '403 AccessDenied',
      () => deny({ Null: { 's3:if-none-match': 'true' } }, ['s3:PutObject']),
      () => put('exportProd', file, { ...encryption, IfNoneMatch: '*' }),
    ],
  ];

  async function overPlainHttp() {
    const plain = s3As(vault.roles.exportProd, plainEndpoint);
    const { Body } = await plain.send(new GetObjectCommand({ Bucket: vault.bucket, Key: file }));
    await Body?.transformToByteArray();
    plain.destroy();
  }

  it.each(notByRgw)('%s %s: %s', async (_key, _why, instead, statement, request) => {
    await vault.putBucketPolicy([statement()]);

    expect(await answered(request())).toBe(instead);
  });

  it('has a row for each condition key', () => {
    expect(notByRgw.map(([key]) => key).sort()).toEqual([...otherKeys].sort());
  });

  it('refuses plain HTTP where BoolIfExists says so', async () => {
    await vault.putBucketPolicy([deny({ BoolIfExists: { 'aws:SecureTransport': 'false' } })]);

    expect(await answered(overPlainHttp())).toBe('403 AccessDenied');
    expect(await answered(get('exportProd', file))).toBe('200');
  });

  it.each(unknownActions)('takes no policy that names %s', async (action) => {
    const outcome = await answered(vault.putBucketPolicy([deny({}, [action])]));

    expect(outcome).toBe('400 InvalidArgument');
  });

  it('lets the export publish without a condition', async () => {
    expect(JSON.stringify(vault.bucketPolicy)).toContain('"s3:if-none-match"');
    expect(await answered(put('exportProd', file))).toBe('200');
  });

  it('decrypts for whoever may read the object: there is no key policy', async () => {
    await vault.putBucketPolicy(without('NotPrincipal'));

    expect(await get('wide', file)).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
  });

  it('gives an object to its writer, and not to the bucket’s owner', async () => {
    await vault.putBucketPolicy(without('NotPrincipal'));

    expect(await answered(get('owner', file))).toBe('403 AccessDenied');
  });

  it('answers 403 to a missing file, whatever of its prefix the caller may list', async () => {
    expect(await answered(list('presignProd', 'prod/3.9.9/config.json'))).toBe('200');
    expect(await answered(get('presignProd', 'prod/3.9.9/config.json'))).toBe('403 AccessDenied');
  });
});
