/** Drills in a local system, by the function that is deployed and by a person. */

import { execFile } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetPublicKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DrillStage, startDrillStage } from '../../local/drill/stage.ts';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';

const kong = join(import.meta.dirname, '../../simulators/kong/node/kong');

let stage: DrillStage;
let cli: Cli;
let publicKey: string;
let scratch: string;

beforeAll(async () => {
  stage = await startDrillStage();
  await stage.publish();
  cli = await bundledCli();
  const { clients, signingKeyArn } = stage.system;
  const { PublicKey = Buffer.of() } = await clients.kms.send(
    new GetPublicKeyCommand({ KeyId: signingKeyArn }),
  );
  publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
    .export({ format: 'pem', type: 'spki' })
    .toString();
  scratch = join(cli.directory, 'scratch');
  await mkdir(scratch);
}, 120_000);

afterAll(() => Promise.all([stage.stop(), cli.stop()]));

/** `lifeboat drill`, as a data plane with its own credentials. */
const drillByHand = (...parameters: readonly string[]) => {
  const { apiUrl, region, dataPlane } = stage.system;
  return cli.run(
    ['drill', '--control-plane', 'prod', '--kong-version', '3.9.1', '--endpoint', apiUrl, ...parameters],
    {
      LIFEBOAT_PUBLIC_KEY: publicKey,
      TMPDIR: scratch,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: dataPlane.accessKeyId,
      AWS_SECRET_ACCESS_KEY: dataPlane.secretAccessKey,
      AWS_SESSION_TOKEN: dataPlane.sessionToken ?? '',
    },
  );
};

/** A kong command that says a version, and starts nothing. */
async function writeKong(version: string): Promise<string> {
  const path = join(cli.directory, `kong-${version}`);
  await writeFile(
    path,
    `#!/bin/sh\n[ "$1" = version ] && echo ${version} && exit\n[ "$1" = hybrid ] && exit\necho never-to-be-seen; exit 1\n`,
  );
  await chmod(path, 0o700);
  return path;
}

const measured = (name: string) =>
  stage.system.measurements().flatMap((each) => (each.name === name ? [each.value] : []));

describe('a drill', () => {
  it('boots a new data plane of each version, and measures that apart from grants of others', async () => {
    expect(await stage.system.playDrill()).toMatchObject({
      outcome: 'passed',
      restorableAgeSeconds: expect.any(Number),
      versions: [
        { kongVersion: '3.9.1', outcome: 'passed', revision: 1 },
        { kongVersion: '3.8.1', outcome: 'passed', revision: 1 },
      ],
      revisions: { passed: 2, unverified: 0, broken: [] },
    });
    expect(measured('DrillSucceeded').at(-1)).toBe(1);
    expect(measured('DrillSeconds').at(-1)).toBeGreaterThan(0);
    expect(measured('RestorableAgeSeconds').at(-1)).toBeLessThan(3_600);
    expect(measured('GrantsToDrills').length).toBeGreaterThan(0);
    expect(measured('GrantsIssued')).toEqual([]);
  });

  it('by hand boots a Kong with the file, and leaves nothing of it', async () => {
    const { exitCode, stdout, stderr } = await drillByHand('--kong', kong);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.split('\n').map((line) => line.replace(/ {2,}.*/, ''))).toEqual([
      ...Array.from({ length: stdout.split('\n').length - 2 }, () => 'passed'),
      expect.stringMatching(/^A new data plane of Kong 3\.9\.1 can boot, with revision 1\. \(/),
      '',
    ]);
    expect(stdout).toMatch(/^passed +kong +Kong 3\.9\.1 has booted with it\.$/m);
    expect(await readdir(scratch)).toEqual([]);
    expect((await promisify(execFile)('ps', ['-axo', 'args'])).stdout).not.toContain(scratch);
  }, 60_000);

  it('by hand says that no Kong was booted, where none of the version is on PATH', async () => {
    const { exitCode, stdout } = await drillByHand('--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      controlPlane: 'prod',
      outcome: 'passed',
      restorableAgeSeconds: expect.any(Number),
      versions: [{ kongVersion: '3.9.1', revision: 1, checks: expect.anything() }],
    });
    expect(JSON.parse(stdout).versions[0].checks.at(-1)).toMatchObject({
      check: 'kong',
      outcome: 'left out',
    });
  });

  it('by hand says that a Kong does not load the file, without what that has printed', async () => {
    const { exitCode, stdout } = await drillByHand('--kong', await writeKong('3.9.1'));

    expect(exitCode).toBe(11);
    expect(stdout).toMatch(/^failed +kong +kong: kong start ended with 1\./m);
    expect(stdout).toContain('cannot boot: kong.');
    expect(stdout).not.toContain('never-to-be-seen');
    expect(await readdir(scratch)).toEqual([]);
  });

  it('by hand refuses a Kong of another version, and none at all, before it asks for a grant', async () => {
    const before = measured('GrantsIssued').length;

    for (const [named, words] of [
      [await writeKong('3.8.1'), 'is 3.8.1, and not 3.9.1'],
      [join(scratch, 'kong'), 'cannot be run (ENOENT)'],
    ] as const) {
      const { exitCode, stderr } = await drillByHand('--kong', named);
      expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(words) });
    }
    expect(measured('GrantsIssued').length).toBe(before);
  });

  it.each([
    ['file', 'file', 'is not the one in its manifest'],
    ['key', 'key', 'not trusted here'],
    ['version', 'version', 'was made for Kong 3.8.1'],
    ['reference', 'reference', 'lead to no entity'],
    ['api', 'api', 'did not answer'],
  ] as const)(
    'says which part is broken: %s',
    async (part, fault, words) => {
      await stage.breakPart[part]();

      const { outcome, versions } = await stage.system.playDrill();

      expect(outcome).toBe('failed');
      expect(versions[0]).toMatchObject({
        kongVersion: '3.9.1',
        fault,
        detail: expect.stringMatching(words),
      });
      expect(measured('DrillSucceeded').at(-1)).toBe(0);
      const { exitCode, stdout } = await drillByHand();
      expect(exitCode).toBe(11);
      expect(stdout).toMatch(new RegExp(`^failed +\\w+ +${fault}: .*${words}`, 'm'));
      expect(stdout).toContain(`cannot boot: ${fault}.`);
      expect(await readdir(scratch)).toEqual([]);
    },
    120_000,
  );

  it('was refused nothing by a policy', () => {
    expect(stage.system.refusals()).toEqual([]);
  });
});
