import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { s3Presigner } from '../../../core/access/presigned-url.ts';
import { s3FileVersions } from '../../../core/access/s3-file-versions.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, REGION, runLocalAws, testClock } from '../../simulators/aws/running-local-aws.ts';
import { answeringServer } from '../answering-server.ts';

const bucket = 'vault';
const key = 'prod/3.9.1/config.json';
const clock = testClock(new Date('2026-11-23T04:00:00.000Z'));

let aws: LocalAws;
let s3: S3Client;
let credentials: ReturnType<LocalAws['identities']['issue']>;
beforeAll(async () => {
  aws = await runLocalAws(clock.now);
  aws.s3.createBucket(bucket, { defaultKeyId: aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT') });
  s3 = new S3Client({
    ...clientFor(aws, aws.s3.endpoint, clock.now),
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  credentials = aws.identities.issue('arn:aws:iam::000000000000:role/presign');
  await put(key, 'the file');
});
afterAll(async () => {
  s3.destroy();
  await aws.stop();
});

const put = (name: string, content: string, metadata: Record<string, string> = {}) =>
  s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: name, Body: Buffer.from(content), Metadata: metadata }),
  );

const presign = (name = key, lifetimeSeconds = 120, now = clock.now(), versionId?: string) =>
  s3Presigner({ bucket, region: REGION, urlSuffix: 'amazonaws.com', credentials, endpoint: aws.s3.endpoint })(
    { key: name, versionId },
    lifetimeSeconds,
    now,
  );

async function get(url: string): Promise<readonly [status: number, text: string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

describe('a presigned URL', () => {
  it('reads its object', async () => {
    const url = await presign();

    expect(await get(url)).toEqual([200, 'the file']);
  });

  it('reads the version that it names, whatever is current', async () => {
    const { VersionId } = await put('prod/3.8.1/config.json', 'the one before');
    await put('prod/3.8.1/config.json', 'the newest');

    const current = await get(await presign('prod/3.8.1/config.json'));
    const before = await get(await presign('prod/3.8.1/config.json', 120, clock.now(), VersionId));

    expect([current, before]).toEqual([
      [200, 'the newest'],
      [200, 'the one before'],
    ]);
  });

  it('is refused with the version changed or left out', async () => {
    const { VersionId = '' } = await put('prod/3.8.1/config.json', 'the one before');
    const { VersionId: other = '' } = await put('prod/3.8.1/config.json', 'the newest');
    const url = await presign('prod/3.8.1/config.json', 120, clock.now(), VersionId);

    const answers = await Promise.all([
      get(url.replace(VersionId, other)),
      get(url.replace(`&versionId=${VersionId}`, '')),
    ]);

    expect(answers.map(([status]) => status)).toEqual([403, 403]);
  });

  it('carries the session token of the role, for which there is no other place', async () => {
    const { searchParams } = new URL(await presign());

    expect(searchParams.get('X-Amz-Security-Token')).toBe(credentials.sessionToken);
  });

  it('has the parameters that S3 asks for, and signs the host', async () => {
    const { searchParams } = new URL(await presign());

    expect([...searchParams.keys()].sort()).toEqual([
      'X-Amz-Algorithm',
      'X-Amz-Credential',
      'X-Amz-Date',
      'X-Amz-Expires',
      'X-Amz-Security-Token',
      'X-Amz-Signature',
      'X-Amz-SignedHeaders',
      'x-amz-content-sha256',
      'x-id',
    ]);
    expect(searchParams.get('X-Amz-Expires')).toBe('120');
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('host');
  });

  it('is refused with any parameter changed, left out or added', async () => {
    const url = await presign();
    const names = [...new URL(url).searchParams.keys()];
    const changed = names.map((name) => {
      const tampered = new URL(url);
      const value = tampered.searchParams.get(name) ?? '';
      tampered.searchParams.set(
        name,
        name === 'X-Amz-Expires' ? '121' : `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}`,
      );
      return tampered;
    });
    const without = names.map((name) => {
      const tampered = new URL(url);
      tampered.searchParams.delete(name);
      return tampered;
    });
    const added = new URL(`${url}&versionId=null`);

    const answers = await Promise.all([...changed, ...without, added].map((each) => get(each.href)));

    expect(answers.map(([status]) => status).filter((status) => status !== 403 && status !== 400)).toEqual(
      [],
    );
    expect(answers.map(([, text]) => text)).not.toContain('the file');
  });

  it.each([
    ['another object', (path: string) => path.replace('3.9.1', '3.9.0')],
    ['another control plane', (path: string) => path.replace('prod', 'test')],
    ['another bucket', (path: string) => path.replace('vault', 'other')],
  ])('reads nothing at %s', async (_, change) => {
    await put('prod/3.9.0/config.json', 'not yours');
    await put('test/3.9.1/config.json', 'not yours');
    const url = new URL(await presign());

    const [status, text] = await get(`${url.origin}${change(url.pathname)}${url.search}`);

    expect([status, text.includes('SignatureDoesNotMatch')]).toEqual([403, true]);
  });

  it.each([
    [0, 200],
    [120, 200],
    [121, 403],
  ])('%d s after it was made answers %d', async (seconds, expected) => {
    const url = await presign(key, 120, new Date(clock.now().getTime() - seconds * 1000));

    expect((await get(url))[0]).toBe(expected);
  });

  it('works for keys with any characters', async () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((text) => !/^\.\.?$/.test(text) && !text.includes('/'));
    const odd = fc.oneof(
      segment,
      fc.constantFrom("!'()*", '~-_.', 'a b+c', '%2F%', '?#&=', 'ü€😀', '"<>\\^`{|}'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(odd, { minLength: 1, maxLength: 3 }), async (segments) => {
        const name = segments.join('/');
        await put(name, name);

        expect(await get(await presign(name))).toEqual([200, name]);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['eu-central-1', 'amazonaws.com'],
    ['us-east-1', 'amazonaws.com'],
    ['us-gov-west-1', 'amazonaws.com'],
    ['cn-north-1', 'amazonaws.com.cn'],
    ['eusc-de-east-1', 'amazonaws.eu'],
    ['us-iso-east-1', 'c2s.ic.gov'],
    ['us-isob-east-1', 'sc2s.sgov.gov'],
    ['eu-isoe-west-1', 'cloud.adc-e.uk'],
  ])('leads to the endpoint that the SDK has for %s', async (region, urlSuffix) => {
    const options = { bucket, region, urlSuffix, credentials };
    const findHost = (UseDualStack: boolean) =>
      s3.config.endpointProvider({ Region: region, Bucket: bucket, UseDualStack }).url.host;

    const url = new URL(await s3Presigner(options)({ key }, 120, clock.now()));
    const dualStack = new URL(
      await s3Presigner({ ...options, isDualStack: true })({ key }, 120, clock.now()),
    );

    expect(`${url.host}${url.pathname}`).toBe(`${findHost(false)}/${key}`);
    expect(dualStack.host).toBe(findHost(true));
    expect(url.searchParams.get('X-Amz-Credential')).toBe(
      `${credentials.accessKeyId}/20261123/${region}/s3/aws4_request`,
    );
  });
});

describe('a version of a file', () => {
  const name = { controlPlane: 'prod', kongVersion: '3.7.1' };
  const manifest = (previousVersionId: string) => {
    const hash = 'a'.repeat(64);
    const md5 = 'b'.repeat(32);
    const at = '2026-11-23T03:00:00.000Z';
    const payload = {
      ...{ ...name, revision: 2, previousSha256: hash, previousVersionId, sha256: hash, size: 1 },
      ...{ md5, configHash: md5, builtAt: at, exportedAt: at, entities: { total: 0 } },
    };
    return { manifest: `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.e30` };
  };
  const find = (
    versionId?: string,
    endpoint = aws.s3.endpoint,
    secretAccessKey = credentials.secretAccessKey,
    signal = AbortSignal.timeout(60_000),
  ) =>
    s3FileVersions(
      s3Presigner({
        ...{ bucket, region: REGION, urlSuffix: 'amazonaws.com', endpoint },
        credentials: { ...credentials, secretAccessKey },
      }),
      clock,
    )(name, versionId, signal);

  it('is looked up with the one that its manifest names, by its id or as the current one', async () => {
    const missing = await find();
    const { VersionId: foreign = '' } = await put('prod/3.7.1/config.json', 'foreign', { manifest: 'no' });
    const { VersionId: newest = '' } = await put('prod/3.7.1/config.json', 'ours', manifest('v7'));

    const looked = [await find(), await find(newest), await find(foreign), await find('gone')];

    expect([missing, ...looked]).toEqual([
      undefined,
      { versionId: newest, previousVersionId: 'v7' },
      { versionId: newest, previousVersionId: 'v7' },
      { versionId: foreign, previousVersionId: undefined },
      undefined,
    ]);
  });

  it('is not called missing where S3 refuses or does not answer, and no message has the URL', async () => {
    // As S3 answers to the id of a delete marker, which it names.
    const marked = await answeringServer((_request, response) => {
      response.writeHead(405, { 'x-amz-version-id': 'v', 'x-amz-delete-marker': 'true' }).end();
    });
    const late = AbortSignal.abort();
    const failures = await Promise.all(
      [
        find('v', aws.s3.endpoint, 'wrong'),
        find('v', marked.origin),
        find(undefined, 'http://127.0.0.1:1'),
        find(undefined, aws.s3.endpoint, undefined, late),
      ].map((finding) => finding.catch(({ message }: Error) => message)),
    );
    await marked.stop();

    expect(failures).toEqual([
      'S3 answered HEAD prod/3.7.1/config.json with 403',
      'S3 answered HEAD prod/3.7.1/config.json with 405',
      expect.stringMatching(/^S3 did not answer HEAD prod\/3\.7\.1\/config\.json \([^/]*\)$/),
      'S3 did not answer HEAD prod/3.7.1/config.json in time',
    ]);
  });
});
