import { createHash, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { certificateFingerprint } from '../../core/access/cluster-trust.ts';
import { assertionVerifier } from '../../core/access/verify-assertion.ts';
import { exportCommand, parseExportCommand } from '../../core/intake/export-command.ts';
import { deliveryKind, isSignedByOneOf } from '../../core/kong/event-hook.ts';
import { type Manifest, readUnverifiedManifest, verifyManifest } from '../../core/vault/manifest.ts';
import { verificationKey } from '../../core/vault/signer.ts';
import { readStatus } from '../../core/vault/status.ts';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';
import { startStandIn } from '../cli/published-file.ts';
import { manualClock } from '../core/manual-clock.ts';
import { controlPlaneName, dataPlaneVersion, startPublishing } from './publishing.ts';
import { writeQueueMessages } from './queue-messages.ts';
import {
  type RecordedAssertion,
  type RecordedEventHook,
  readFixture,
  readJsonFixture,
  readQueueMessages,
  releasedVersions,
  unreleased,
} from './released-fixtures.ts';

let cli: Cli;

beforeAll(async () => {
  cli = await bundledCli();
});
afterAll(() => cli.stop());

describe.each(releasedVersions())('what %s wrote', (version) => {
  const signedManifest = readFixture(version, 'manifest').toString('utf8');
  const publicKeyPem = readFixture(version, 'publicKey').toString('utf8');
  const file = gunzipSync(readFixture(version, 'config'));
  const written: Manifest = readUnverifiedManifest(signedManifest);

  it('is a manifest that is verified, and fits its file', async () => {
    const manifest = await verifyManifest(signedManifest, [await verificationKey(publicKeyPem)]);

    expect(manifest).toEqual(written);
    expect(manifest).toMatchObject({
      controlPlane: controlPlaneName,
      kongVersion: dataPlaneVersion,
      revision: 1,
      previousSha256: null,
      sha256: createHash('sha256').update(file).digest('hex'),
      md5: createHash('md5').update(file).digest('hex'),
      size: file.length,
    });
  });

  it('is a grant and a file that the command line takes', async () => {
    const grant = readJsonFixture<object>(version, 'grant');
    const standIn = await startStandIn({
      // The address in the recorded grant is no longer served.
      grant: (url) => ({ status: 200, body: JSON.stringify({ ...grant, url }) }),
      file: () => ({
        status: 200,
        headers: { 'content-encoding': 'gzip', 'x-amz-meta-manifest': signedManifest },
        body: readFixture(version, 'config'),
      }),
    });
    const publicKey = join(cli.directory, `${version}.pem`);
    await writeFile(publicKey, publicKeyPem);

    const { exitCode, stdout, stderr } = await cli.run(
      [
        ...['fetch', '--control-plane', controlPlaneName, '--kong-version', dataPlaneVersion, '--json'],
        ...['--endpoint', standIn.url, '--public-key', publicKey],
        ...['--output', join(cli.directory, `${version}.json`)],
      ],
      { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' },
    );
    await standIn.stop();

    // Its grant has no URL of the status.
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('older release') });
    expect(JSON.parse(stdout)).toMatchObject({ revision: 1, sha256: written.sha256 });
  });

  it('is a signed event hook', () => {
    const { secret, signature, body } = readJsonFixture<RecordedEventHook>(version, 'eventHook');
    const delivery = { signature, body: Buffer.from(body) };

    expect(isSignedByOneOf(delivery, [secret], true)).toBe(true);
    expect(isSignedByOneOf(delivery, ['another'], true)).toBe(false);
    expect(deliveryKind(delivery.body)).toBe('change');
  });

  it('is an assertion of a data plane', async () => {
    const { assertion, certificate, at } = readJsonFixture<RecordedAssertion>(version, 'assertion');
    const x509 = new X509Certificate(certificate);
    const verify = assertionVerifier({
      controlPlane: controlPlaneName,
      trust: { certificates: [certificateFingerprint(x509)], authorities: [], commonNames: [] },
      clock: manualClock(new Date(at)),
    });

    const caller = await verify(assertion);

    expect(caller).toMatchObject({
      commonName: 'kong_clustering',
      certificateFingerprint: x509.fingerprint256,
    });
  });

  describe('in a vault', () => {
    let publishing: Awaited<ReturnType<typeof startPublishing>>;

    const putStatus = (body: string | Buffer) =>
      publishing.s3.send(
        new PutObjectCommand({
          Bucket: publishing.bucket,
          Key: `status/${controlPlaneName}.json`,
          Body: body,
        }),
      );

    beforeAll(async () => {
      publishing = await startPublishing();
    });
    afterAll(() => publishing.stop());

    it('is a status that is not signed, which is not believed and keeps nothing from being published', async () => {
      await putStatus(readFixture(version, 'status'));

      const known = await readStatus(publishing, controlPlaneName);

      expect(known).toEqual({
        status: undefined,
        etag: expect.any(String),
        disbelieved: expect.stringContaining('JWS'),
        missingKeys: [],
      });
    });

    it('is what the next export builds on', async () => {
      await putStatus(readFixture(version, 'status'));
      await publishing.s3.send(
        new PutObjectCommand({
          Bucket: publishing.bucket,
          Key: `${controlPlaneName}/${dataPlaneVersion}/config.json`,
          Body: readFixture(version, 'config'),
          ContentEncoding: 'gzip',
          Metadata: { manifest: signedManifest },
        }),
      );

      const { versions } = await publishing.publish([await verificationKey(publicKeyPem)]);

      // Published because the signing key is a new one. Revision and previous hash go on from the old file.
      expect(versions).toMatchObject([
        {
          outcome: 'published',
          manifest: { revision: 2, previousSha256: written.sha256, configHash: written.configHash },
          manifestReplaced: false,
        },
      ]);
    });
  });
});

const queued = [...releasedVersions(), unreleased].flatMap((version) =>
  Object.entries(readQueueMessages(version)).map(([cause, body]) => [version, cause, body] as const),
);

describe('a message in a queue', () => {
  it.each(queued)('is read as %s has sent it, cause %s', (_version, cause, body) => {
    const command = parseExportCommand(body);

    expect(command).toMatchObject({ command: 'export', version: 1, cause });
    expect(command?.at.getTime()).toBeGreaterThan(Date.parse('2026-11-01'));
    expect(command?.since !== undefined).toBe(cause === 'event-hook');
    expect(command?.configHash !== undefined).toBe(cause === 'listen');
  });
});

describe('the messages of each cause', () => {
  const causes = [...exportCommand.entries.cause.options].sort();

  it('are recorded: `npm run release:fixtures` records a new one', () => {
    const recorded = new Set(queued.map(([, cause]) => cause));

    expect([...recorded].sort()).toEqual(causes);
  });

  it('are what the next release records', async () => {
    const messages = await writeQueueMessages('0'.repeat(32));

    expect(Object.keys(messages).sort()).toEqual(causes);
    expect(Object.entries(messages).map(([, body]) => parseExportCommand(body)?.cause)).toEqual(
      Object.keys(messages),
    );
  });
});

it('is at least what 0.1.0 wrote', () => {
  expect(releasedVersions()).toContain('0.1.0');
});
