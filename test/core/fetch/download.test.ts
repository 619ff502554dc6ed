import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { s3Presigner } from '../../../core/access/presigned-url.ts';
import { systemClock } from '../../../core/clock.ts';
import { type DownloadRequest, downloadVerified, vaultFileSource } from '../../../core/fetch/download.ts';
import { fetchConfig } from '../../../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../../../core/fetch/grant-source.ts';
import { systemRandom } from '../../../core/random-source.ts';
import { type Manifest, signManifest } from '../../../core/vault/manifest.ts';
import { publish } from '../../../core/vault/publish.ts';
import { s3ConfigVault } from '../../../core/vault/s3-config-vault.ts';
import { eventually } from '../../local/processes.ts';
import { clientFor, REGION, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { type AnsweringServer, answeringServer } from '../answering-server.ts';
import { served } from '../kong/served.ts';
import { manualClock } from '../manual-clock.ts';
import { guardOf, notHeld } from '../vault/guarding.ts';
import { localSigner } from '../vault/local-signer.ts';

/** That no download takes, on however busy a machine. */
const timeoutMs = 600_000;
const old = '{"what was there":"before"}';
const content = Buffer.from(
  `{"_format_version":"3.0","services":[${'{"id":"a"},'.repeat(2_000)}{"id":"z"}]}`,
);
const signer = await localSigner();
const manifest: Manifest = {
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  revision: 3,
  previousSha256: 'a'.repeat(64),
  sha256: createHash('sha256').update(content).digest('hex'),
  size: content.length,
  md5: createHash('md5').update(content).digest('hex'),
  configHash: 'b'.repeat(32),
  builtAt: new Date('2026-11-23T04:00:00Z'),
  exportedAt: new Date('2026-11-23T04:00:05Z'),
  entities: { services: 2_001, total: 2_001 },
};

let directory: string;
let output: string;
const stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-download-'));
  output = join(directory, 'config.json');
  await writeFile(output, old, { mode: 0o644 });
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await rm(directory, { recursive: true });
});

async function vaultServer(answer: RequestListener): Promise<AnsweringServer> {
  const server = await answeringServer(answer);
  stops.push(server.stop);
  return server;
}

/** Answers as S3 does with a published file. */
async function file(
  says: Partial<Manifest> = {},
  sent: Uint8Array = content,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<AnsweringServer> {
  const jws = await signManifest({ ...manifest, ...says }, signer);
  const body = gzipSync(sent);
  const all = {
    'x-amz-meta-manifest': jws,
    'content-encoding': 'gzip',
    'content-length': String(body.length),
    ...headers,
  };
  const given = Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return vaultServer((_, response) => {
    response.writeHead(200, given);
    response.end(body);
  });
}

const request = ({ origin }: AnsweringServer, more: Partial<DownloadRequest> = {}): DownloadRequest => ({
  url: `${origin}/prod/3.9.1/config.json?X-Amz-Signature=sesame`,
  trusted: [signer.publicKey],
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  output,
  maxBytes: 2 ** 20,
  timeoutMs,
  clock: systemClock,
  random: systemRandom,
  ...more,
});

/** The failure of a download that left everything as it was. */
async function failureOf(
  download: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string; readonly cause?: unknown }> {
  const error = await download.then(
    () => {
      throw new Error('the download should have failed');
    },
    (reason: Error & { code: string }) => reason,
  );
  expect(await readFile(output, 'utf8')).toBe(old);
  expect((await stat(output)).mode & 0o777).toBe(0o644);
  expect(await readdir(directory)).toEqual(['config.json']);
  expect(error.name).toBe('StandbyError');
  // A presigned URL is a secret.
  expect(error.message).not.toMatch(/sesame|X-Amz|config\.json\?|https?:\/\//);
  return error;
}

describe('a file that passes every check', () => {
  it.each([
    ['compressed', async () => file()],
    [
      'by way of a proxy that encodes anew',
      async () => file({}, content, { 'content-encoding': 'aws-chunked, gzip' }),
    ],
    [
      'uncompressed',
      async () => {
        const jws = await signManifest(manifest, signer);
        return vaultServer((_, response) =>
          response.writeHead(200, { 'x-amz-meta-manifest': jws }).end(content),
        );
      },
    ],
  ])('is stored whole, for its owner only, when it comes %s', async (_, serve) => {
    const server = await serve();

    const verified = await downloadVerified(request(server));

    expect(verified.manifest).toEqual(manifest);
    expect(await readFile(output)).toEqual(content);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['config.json']);
  });

  it('is stored where there was none', async () => {
    const server = await file();
    await rm(output);

    await downloadVerified(request(server));

    expect(await readFile(output)).toEqual(content);
  });

  it('may be signed with any trusted key, and made for an older patch of the node’s minor', async () => {
    const server = await file();
    const trusted = [(await localSigner()).publicKey, signer.publicKey];

    await downloadVerified(request(server, { trusted, kongVersion: '3.9.4' }));

    expect(await readFile(output)).toEqual(content);
  });

  it('is the revision that was asked for', async () => {
    const server = await file();

    await downloadVerified(request(server, { wantedSha256: manifest.sha256 }));

    expect(await readFile(output)).toEqual(content);
  });

  it('may be as large as is allowed', async () => {
    const server = await file();

    await downloadVerified(request(server, { maxBytes: content.length }));

    expect(await readFile(output)).toEqual(content);
  });

  it('takes with it what killed runs left, but not what may be still at work', async () => {
    const server = await file();
    const now = Date.now();
    const clock = { ...systemClock, now: () => new Date(now) };
    const [killed, atWork, other] = [randomUUID(), randomUUID(), randomUUID()];
    for (const [name, ageMs] of [
      [`.config.json.${killed}`, timeoutMs + 1_000],
      [`..config.json.${killed}.${killed}`, timeoutMs + 1_000],
      [`.config.json.${atWork}`, timeoutMs - 1_000],
      [`.other.json.${other}`, timeoutMs + 1_000],
    ] as const) {
      const writtenAt = new Date(now - ageMs);
      await writeFile(join(directory, name), 'half');
      await utimes(join(directory, name), writtenAt, writtenAt);
    }

    await downloadVerified(request(server, { clock }));

    expect((await readdir(directory)).sort()).toEqual([
      `.config.json.${atWork}`,
      `.other.json.${other}`,
      'config.json',
    ]);
  });

  it('leaves two hundred neighbours alone, whatever they are called', async () => {
    const server = await file();
    const longAgo = new Date('2026-01-01T00:00:00Z');
    const names = [
      'config.json.bak',
      '.config.json.bak',
      '.config.json.swp',
      `.config.json.${randomUUID()}.bak`,
      `.config.jsonx${randomUUID()}`,
      `.configXjson.${randomUUID()}`,
      ...Array.from({ length: 194 }, (_, index) => `.config.json.${index}`),
    ];
    for (const name of names) {
      await writeFile(join(directory, name), 'a neighbour');
      await utimes(join(directory, name), longAgo, longAgo);
    }

    await downloadVerified(request(server));

    expect((await readdir(directory)).sort()).toEqual([...names, 'config.json'].sort());
  });
});

describe('a file that must not be loaded', () => {
  const tampered = Buffer.from(content);
  tampered[100] = (tampered[100] ?? 0) ^ 1;

  it.each<
    [title: string, serve: () => Promise<AnsweringServer>, more: Partial<DownloadRequest>, words: RegExp]
  >([
    ['has no manifest', () => file({}, content, { 'x-amz-meta-manifest': undefined }), {}, /no manifest/],
    [
      'has a manifest that is none',
      () => file({}, content, { 'x-amz-meta-manifest': 'x' }),
      {},
      /not a compact JWS/,
    ],
    [
      'belongs to another control plane',
      () => file({ controlPlane: 'test' }),
      {},
      /belongs to control plane "test", not to "prod"/,
    ],
    [
      'was made for a newer patch',
      () => file({ kongVersion: '3.9.2' }),
      {},
      /made for Kong 3.9.2, and Kong 3.9.1 cannot/,
    ],
    [
      'stands in the place of another version’s',
      () => file({ kongVersion: '3.9.0' }),
      { grantedVersion: '3.9.1' },
      /made for Kong 3.9.0, and stands in the place of the one for Kong 3.9.1/,
    ],
    ['was made for another minor', () => file({ kongVersion: '3.8.9' }), {}, /made for Kong 3.8.9/],
    ['was changed by a bit', () => file({}, tampered), {}, /SHA-256 is not the one in its manifest/],
    [
      'is longer than its manifest says',
      () => file({}, Buffer.concat([content, Buffer.from(' ')])),
      {},
      /longer than the \d+ bytes/,
    ],
    ['is a gzip bomb', () => file({}, Buffer.alloc(2 ** 24)), {}, /longer than the \d+ bytes/],
    [
      'is another revision than was asked for',
      () => file(),
      { wantedSha256: 'a'.repeat(64) },
      /returned revision 3, not the requested one/,
    ],
    ['is larger than allowed', () => file(), { maxBytes: content.length - 1 }, /--max-bytes/],
  ])('because it %s', async (_, serve, more, words) => {
    const server = await serve();

    const { code, message } = await failureOf(downloadVerified(request(server, more)));

    expect([code, message]).toEqual(['verification', expect.stringMatching(words)]);
  });

  it('because another key has signed it', async () => {
    const server = await file();
    const trusted = [(await localSigner()).publicKey];

    const { code, message } = await failureOf(downloadVerified(request(server, { trusted })));

    expect([code, message]).toEqual(['verification', expect.stringContaining('lifeboat public-key')]);
  });

  it('because Kong has refused it before', async () => {
    const server = await file();

    const { code, message } = await failureOf(
      downloadVerified(request(server, { refusedSha256: manifest.sha256 })),
    );

    expect([code, message]).toEqual(['refused', expect.stringContaining('still has revision 3')]);
  });
});

describe('a download that does not succeed', () => {
  const body = gzipSync(content);
  const withManifest = async (answer: (jws: string) => RequestListener) =>
    vaultServer(answer(await signManifest(manifest, signer)));

  it.each([
    [400, 'KMS.DisabledException', 'unreachable', /encryption key cannot be used: enable it/],
    [400, 'KMS.KMSInvalidStateException', 'unreachable', /encryption key cannot be used/],
    [400, 'ExpiredToken', 'denied', /Ask for a new grant/],
    [403, 'SignatureDoesNotMatch', 'denied', /Ask for a new grant/],
    [404, 'NoSuchVersion', 'no-file', /does not keep this revision/],
    [404, 'NoSuchBucket', 'unreachable', /bucket is not there/],
    [503, 'SlowDown', 'unreachable', /too many requests come at once$/],
  ])('because S3 says %d %s', async (status, name, code, words) => {
    const server = await vaultServer((_, response) =>
      response.writeHead(status).end(`<Error><Code>${name}</Code></Error>`),
    );

    const failure = await failureOf(downloadVerified(request(server)));

    expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(words)]);
    expect(failure.message).toContain(`(${name})`);
  });

  it.each([403, 404])('because something else than S3 answers %d', async (status) => {
    const server = await vaultServer((_, response) => response.writeHead(status).end('<html>sesame</html>'));

    const failure = await failureOf(downloadVerified(request(server)));

    expect([failure.code, failure.message]).toEqual([
      'unreachable',
      expect.stringMatching(/it is not S3 that answers so.*proxy/),
    ]);
  });

  it.each<[title: string, serve: () => Promise<AnsweringServer>, code: string, words: RegExp]>([
    [
      'the connection ends before the announced length',
      () =>
        withManifest((jws) => (_, response) => {
          response.writeHead(200, { 'x-amz-meta-manifest': jws, 'content-length': String(content.length) });
          response.write(content.subarray(0, 1_000), () => response.destroy());
        }),
      'unreachable',
      /was interrupted.*Try again/,
    ],
    [
      'the gzip ends in its middle',
      () =>
        withManifest((jws) => (_, response) => {
          response.writeHead(200, { 'x-amz-meta-manifest': jws, 'content-encoding': 'gzip' });
          response.end(body.subarray(0, body.length >> 1));
        }),
      'unreachable',
      /was interrupted/,
    ],
    [
      'the content is shorter than its manifest says',
      () =>
        withManifest((jws) => (_, response) => {
          response.writeHead(200, { 'x-amz-meta-manifest': jws }).end(content.subarray(0, -1));
        }),
      'unreachable',
      /was interrupted after \d+ of \d+ bytes/,
    ],
    [
      'what is called gzip is none',
      () =>
        withManifest((jws) => (_, response) => {
          response.writeHead(200, { 'x-amz-meta-manifest': jws, 'content-encoding': 'gzip' }).end('[sesame]');
        }),
      'unreachable',
      /was interrupted/,
    ],
    [
      'the vault sends elsewhere',
      () =>
        vaultServer((_, response) =>
          response.writeHead(307, { location: 'http://127.0.0.1:1/?sesame' }).end(),
        ),
      'unreachable',
      /unexpected redirect/,
    ],
    [
      'the URL has expired',
      () =>
        vaultServer((_, response) =>
          response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>sesame</Message></Error>'),
        ),
      'denied',
      /answered 403 \(AccessDenied\).*new grant/,
    ],
    [
      'there is no file',
      () =>
        vaultServer((_, response) => response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')),
      'no-file',
      /answered 404 \(NoSuchKey\).*nothing was published/,
    ],
    [
      'the vault is overloaded',
      () => vaultServer((_, response) => response.writeHead(503).end('sesame')),
      'unreachable',
      /answered 503 \(no code\)/,
    ],
    [
      'the error does not end',
      () =>
        vaultServer((_, response) => {
          response.writeHead(500);
          const more = () => {
            while (!response.destroyed && response.write('x'.repeat(10_000)));
            response.once('drain', more);
          };
          more();
        }),
      'unreachable',
      /answered 500 \(no code\)/,
    ],
  ])('because %s', async (_, serve, code, words) => {
    const server = await serve();

    const failure = await failureOf(downloadVerified(request(server)));

    expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(words)]);
  });

  const hasBegunToWrite = async () => (await readdir(directory)).length > 1;

  it.each<
    [
      title: string,
      answer: (jws: string) => RequestListener,
      isUnderWay: (server: AnsweringServer) => boolean | Promise<boolean>,
      words: RegExp,
    ]
  >([
    [
      'it stops in its middle',
      (jws) => (_, response) => {
        response.writeHead(200, { 'x-amz-meta-manifest': jws }).write(content.subarray(0, 1_000));
      },
      hasBegunToWrite,
      /was interrupted.*timeout/i,
    ],
    [
      'it comes a byte at a time, and would take for ever',
      (jws) => (_, response) => {
        response.writeHead(200, { 'x-amz-meta-manifest': jws });
        let sent = 0;
        const drip = setInterval(() => response.write(content.subarray(sent, ++sent)), 20);
        response.once('close', () => clearInterval(drip));
      },
      hasBegunToWrite,
      /was interrupted.*timeout/i,
    ],
    [
      'nobody answers',
      () => () => undefined,
      ({ requests }) => requests.length > 0,
      /did not answer.*timeout/i,
    ],
  ])('because %s, when its time is over', async (_, answer, isUnderWay, words) => {
    const server = await withManifest(answer);
    const clock = manualClock(new Date());
    const failing = failureOf(downloadVerified(request(server, { clock })));
    const wasUnderWay = await eventually(() => isUnderWay(server));

    await clock.advance(timeoutMs - 1);
    const early = await Promise.race([failing, 'still waiting']);
    await clock.advance(1);

    const failure = await failing;
    expect({ wasUnderWay, early }).toEqual({ wasUnderWay: true, early: 'still waiting' });
    expect([failure.code, failure.message]).toEqual(['unreachable', expect.stringMatching(words)]);
  });

  it('because an error that does not end is not waited for', async () => {
    const server = await vaultServer((_, response) => response.writeHead(500).write('x'.repeat(20_000)));

    const failure = await failureOf(downloadVerified(request(server, { clock: manualClock(new Date()) })));

    expect(failure.code).toBe('unreachable');
  });

  it.each([
    ['before the answer', false],
    ['in the middle', true],
  ])('because it is given up %s', async (_when, answers) => {
    const giveUp = new AbortController();
    const jws = await signManifest(manifest, signer);
    const server = await vaultServer((_, response) => {
      if (answers) {
        response.writeHead(200, { 'x-amz-meta-manifest': jws }).write(content.subarray(0, 100));
      }
      setTimeout(() => giveUp.abort(), 50);
    });

    const failure = await failureOf(downloadVerified(request(server, { signal: giveUp.signal })));

    // Whoever gave up knows by this that nothing else went wrong.
    expect(failure.cause).toBe(giveUp.signal.reason);
    expect(failure.code).toBe('unreachable');
  });

  it('because nobody listens', async () => {
    const server = await file();
    await server.stop();

    const { code, message } = await failureOf(downloadVerified(request(server)));

    expect([code, message]).toEqual(['unreachable', expect.stringContaining('ECONNREFUSED')]);
  });

  it.each<[title: string, place: () => Promise<string>, words: string]>([
    ['is in a directory that is missing', async () => join(directory, 'missing/config.json'), 'ENOENT'],
    ['is below a file', async () => join(output, 'config.json'), 'ENOTDIR'],
  ])('because the output %s', async (_, place, words) => {
    const server = await file();

    const { code, message } = await failureOf(downloadVerified(request(server, { output: await place() })));

    expect([code, message]).toEqual(['output', expect.stringContaining(`cannot be written (${words})`)]);
  });

  it('because the output is a directory', async () => {
    const server = await file();
    const taken = join(directory, 'taken');
    await mkdir(taken);

    const error = await downloadVerified(request(server, { output: taken })).catch((reason: Error) => reason);

    expect(error).toMatchObject({ code: 'output' });
    expect((await readdir(directory)).sort()).toEqual(['config.json', 'taken']);
  });
});

describe('from the vault in S3 to the node', () => {
  it('brings what was published, byte for byte, and says so when there is nothing', async () => {
    const aws = await runLocalAws();
    stops.push(() => aws.stop());
    const encryptionKeyArn = aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT');
    aws.s3.createBucket('vault', { defaultKeyId: encryptionKeyArn });
    const s3 = new S3Client({
      ...clientFor(aws, aws.s3.endpoint),
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    const vault = s3ConfigVault({ s3, bucket: 'vault', encryptionKeyArn });
    const outcome = await publish(
      {
        vault,
        signer,
        clock: systemClock,
        random: systemRandom,
      },
      {
        name: { controlPlane: 'prod', kongVersion: '3.9.1' },
        configuration: await served({ services: [{ id: 'a' }] }),
        lastStatus: undefined,
        guard: guardOf(),
      },
    );
    const { manifest: published } = notHeld(outcome);
    const { endpoint, ...identity } = clientFor(aws, aws.s3.endpoint);
    const presign = s3Presigner({ bucket: 'vault', urlSuffix: 'amazonaws.com', endpoint, ...identity });
    const api = await vaultServer(async (asked, response) => {
      const version = new URL(asked.url ?? '', 'http://api').searchParams.get('kongVersion') ?? '';
      response.end(
        JSON.stringify({
          url: await presign({ key: `prod/${version}/config.json` }, 120, new Date()),
          method: 'GET',
          expiresAt: new Date().toISOString(),
          controlPlane: 'prod',
          kongVersion: version,
        }),
      );
    });
    const fetching = (kongVersion: string) =>
      fetchConfig(
        {
          grants: [
            endpointGrantSource(
              {
                endpoint: new URL(api.origin),
                authenticate: async () => ({ by: 'iam', region: REGION, credentials: identity.credentials }),
              },
              request(api, { kongVersion }),
            ),
          ],
          files: vaultFileSource(request(api, { kongVersion })),
          clock: systemClock,
          random: systemRandom,
        },
        { spreadMs: 0, patienceMs: 0, onThrottled: () => undefined },
      );

    const nothing = await failureOf(fetching('3.8.1'));
    const fetched = await fetching('3.9.1');

    const stored = await readFile(output);
    s3.destroy();
    expect(nothing).toMatchObject({ code: 'no-file', message: expect.stringContaining('NoSuchKey') });
    expect(fetched.manifest).toEqual(published);
    expect(createHash('sha256').update(stored).digest('hex')).toBe(published.sha256);
    expect(JSON.parse(stored.toString('utf8'))).toMatchObject({ services: [{ id: 'a' }] });
  });
});
