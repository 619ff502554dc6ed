/** A secret stands in what comes from outside, which is broken: it is in no log, no error and no answer. */
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { readClusterCertificate } from '../../core/export/cluster-certificate-secret.ts';
import { compareRevisions } from '../../core/export/revision-changes.ts';
import { doorbell } from '../../core/intake/doorbell.ts';
import { secretsManagerHookSecrets } from '../../core/intake/secrets-manager-hook-secrets.ts';
import { badFrame } from '../../core/kong/errors.ts';
import { readFrame } from '../../core/kong/frame.ts';
import { readConfigurationHash } from '../../core/standby/status.ts';
import type { Manifest } from '../../core/vault/manifest.ts';
import type { NewPublication } from '../../core/vault/publish.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import { readStatus } from '../../core/vault/status.ts';
import { readEnvironment } from '../../lambdas/environment/read-environment.ts';
import { webhookEnvironment } from '../../lambdas/environment/webhook.ts';
import { errorFields } from '../../lambdas/error-fields.ts';
import { logChanges } from '../../lambdas/export-log.ts';
import { inOurWords } from '../../lambdas/in-our-words.ts';
import { logger } from '../../lambdas/telemetry.ts';
import { answeringServer } from '../core/answering-server.ts';
import { localSigner } from '../core/vault/local-signer.ts';
import { memoryVault } from '../core/vault/memory-vault.ts';
import { REGION } from '../simulators/aws/running-local-aws.ts';
import { hookSignature } from '../simulators/aws/signed-requests.ts';

const marker = 'hunter2-never-to-be-seen';

const lines: unknown[] = [];
const stops: (() => unknown)[] = [];
beforeEach(() => {
  lines.splice(0);
  for (const level of ['info', 'warn', 'error'] as const) {
    jest.spyOn(logger, level).mockImplementation((...line) => void lines.push(line));
  }
});
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function serve(body: string, contentType: string): Promise<string> {
  const server = await answeringServer((_, response) => {
    response.writeHead(200, { 'content-type': contentType }).end(body);
  });
  stops.push(() => server.stop());
  return server.origin;
}
const clientAt = (endpoint: string) => ({
  endpoint,
  region: REGION,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  maxAttempts: 1,
});
const brokenJson = 'application/x-amz-json-1.1';

/** What a line in the log would have of the error that this fails with, and its own words. */
async function told(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return inspect([errorFields(error), String(error), (error as Error).message], { depth: 9 });
}

const table = (content: string) => `{"_format_version":"3.0","_transform":false${content}}`;
const frame = (configTable: string, type = 'reconfigure') =>
  gzipSync(
    `{"type":"${type}","timestamp":1764000000,"config_table":${configTable},"config_hash":"${'a'.repeat(32)}"}`,
  );
const cut = (whole: Buffer) => whole.subarray(0, whole.length - 20);

describe('a marked secret', () => {
  it.each<[where: string, frame: Buffer]>([
    ['its type', frame(table(''), marker)],
    ['a format', frame(`{"_format_version":"${marker}","_transform":false}`)],
    ['a value behind which something is missing', frame(table(`,"consumers":[{"password":"${marker}"x`))],
    ['a key without a value', frame(table(`,"consumers":[{"${marker}"}]`))],
    ['the name of a list that is none', frame(table(`,"${marker}":7`))],
    ['the name of what is no entity', frame(table(`,"${marker}":[7]`))],
    ['a name that stands twice', frame(table(`,"${marker}":[],"${marker}":[]`))],
    ['a name that data planes refuse', frame(table(`,"_${marker}":[]`))],
    ['a broken escape', frame(table(`,"x":[{"a":"${marker}\\u12"}]`))],
    ['a gzip that is cut', cut(frame(table(`,"x":[{"a":"${marker}"}]`)))],
    ['what is no gzip', Buffer.from(marker)],
  ])('in a broken frame, in %s, is in no error', async (_, broken) => {
    const words = await told(readFrame(broken, { maxJsonBytes: 2 ** 20, makeFile: true }));

    expect(words).toContain('bad-frame');
    expect(words).not.toContain(marker);
  });

  it.each([
    ['no JSON', JSON.stringify({ SecretString: `{"certificate":"${marker}` })],
    ['another form', JSON.stringify({ SecretString: JSON.stringify({ certificate: 7, key: marker }) })],
    ['an answer that is cut', `{"SecretString":"{\\"key\\":\\"${marker}`],
  ])('in a secret that is %s is in no error', async (_, answer) => {
    const secretsManager = new SecretsManagerClient(clientAt(await serve(answer, brokenJson)));
    stops.push(() => secretsManager.destroy());

    const words = await told(readClusterCertificate({ secretsManager, secretId: 'it' }, () => undefined));

    expect(words).not.toContain(marker);
  });

  it('in a hook secret whose answer is cut is in no error', async () => {
    const secretsManager = new SecretsManagerClient(
      clientAt(await serve(`{"SecretString":"${marker}`, brokenJson)),
    );
    stops.push(() => secretsManager.destroy());
    const secrets = secretsManagerHookSecrets({
      secretsManager,
      secretIdOf: () => 'it',
      reportOddity: () => undefined,
      clock: systemClock,
    });

    const words = await told(secrets.secretsFor('prod', false));

    expect(words).toContain('no-secret');
    expect(words).not.toContain(marker);
  });

  it.each([
    ['torn', `{"controlPlane":"prod","${marker}`],
    [
      'a stranger’s',
      `${Buffer.from(JSON.stringify({ alg: 'ES256', kid: marker })).toString('base64url')}.e30.x`,
    ],
  ])('in a status that is %s is not in what is said of it', async (_, text) => {
    const s3 = new S3Client({ ...clientAt(await serve(text, 'application/json')), forcePathStyle: true });
    stops.push(() => s3.destroy());
    const vault = s3ConfigVault({ s3, bucket: 'vault', encryptionKeyArn: 'arn' });

    const known = await readStatus({ vault, signer: await localSigner() }, 'prod').then(
      ({ status, disbelieved }) => inspect({ status, disbelieved }, { depth: 9 }),
      (error: unknown) => inspect(errorFields(error)),
    );

    expect(known).not.toContain(marker);
  });

  it.each([
    ['no JSON', `{"prod":"${marker}`],
    ['another form', `{"prod":"${marker}"}`],
  ])('in a variable that is %s is in no error', async (_, value) => {
    const variables = { CONTROL_PLANES: value, COALESCING_WINDOW_SECONDS: marker, ACCEPT_SHA1: marker };

    const reading = Promise.resolve().then(() => readEnvironment(webhookEnvironment, variables));

    const words = await told(reading);
    expect(words).toContain('CONTROL_PLANES');
    expect(words).not.toContain(marker);
  });

  it('in what a Kong says of its status is in no error', async () => {
    const words = await told(
      readConfigurationHash(await serve(`{"${marker}`, 'application/json'), { clock: systemClock }),
    );

    expect(words).toContain('kong');
    expect(words).not.toContain(marker);
  });

  it.each([
    ['no JSON', `{"entity":{"password":"${marker}`],
    ['no object', `"${marker}"`],
  ])('in a signed hook that is %s is in no answer', async (_, body) => {
    const ring = doorbell({
      isKnown: () => true,
      secrets: { secretsFor: async () => ['a-hook-secret'] },
      requests: { request: async () => undefined },
      acceptSha1: false,
      clock: systemClock,
    });

    const answer = await ring({
      controlPlane: 'prod',
      contentType: 'application/json',
      signature: hookSignature('a-hook-secret', body),
      body: Buffer.from(body),
    });

    expect(answer).toMatchObject({ status: 400 });
    expect(inspect(answer)).not.toContain(marker);
  });

  it('in a foreign file that was replaced is in no line about what has changed', async () => {
    const vault = memoryVault();
    const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
    vault.overwrite(name, {
      gzip: gzipSync(`{"consumers":[{"id":"a","username":x,"password":"${marker}"}]}`),
      manifest: undefined,
    });
    const gzip = gzipSync('{"consumers":[{"id":"b","username":"b"}]}');
    const manifest = { ...name, revision: 2, size: 1_000 } as unknown as Manifest;
    const published = {
      kongVersion: '3.9.1',
      settled: true,
      asked: undefined,
      frameWarnings: [],
      outcome: 'published',
      manifest,
      gzip,
      replacedVersionId: '1',
    } as unknown as NewPublication & {
      kongVersion: string;
      settled: true;
      asked: undefined;
      frameWarnings: [];
    };

    const { signal } = new AbortController();
    for await (const changes of compareRevisions(
      { name: 'prod', vault, clock: systemClock },
      [published],
      signal,
    )) {
      logChanges(changes);
    }

    expect(lines).toHaveLength(1);
    expect(inspect(lines, { depth: 9 })).not.toContain(marker);
  });
});

describe('a line in the log', () => {
  const thrownBy = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  it.each([
    ['a parser', thrownBy(() => JSON.parse(`{"password":${marker}`))],
    ['a schema', thrownBy(() => v.parse(v.number(), marker))],
    ['a program', new TypeError(`cannot read ${marker}\n    at ${marker} (file:1:1)`)],
    ['somebody who throws a text', marker],
  ])('tells of an error of %s only its class and its place', (_, error) => {
    const fields = errorFields(error);

    expect(inspect(fields, { depth: 9 })).not.toContain(marker);
  });

  it('tells an error of ours whole', () => {
    expect(errorFields(badFrame('it has no timestamp'))).toMatchObject({
      error: expect.stringContaining('it has no timestamp'),
      errorName: 'ControlPlaneError',
      errorCode: 'bad-frame',
    });
  });

  it('is all that a handler says of an error that is not ours', async () => {
    const handle = inOurWords(async () => JSON.parse(`{"password":${marker}`));

    const words = await told(handle());

    expect(words).toContain('the line before this one');
    expect(lines).toMatchObject([['the function failed', { errorName: 'SyntaxError' }]]);
    expect(inspect([lines, words], { depth: 9 })).not.toContain(marker);
  });

  it('is not needed for an error of ours, which the handler throws on', async () => {
    const error = badFrame('it has no timestamp');

    await expect(inOurWords(() => Promise.reject(error))()).rejects.toBe(error);
    expect(lines).toEqual([]);
  });
});
