/** What people ask with `lifeboat`, of a local system over HTTP. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { GetPublicKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import type { Identity } from '../../simulators/aws/identities.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';
import { eventually } from './processes.ts';

let directory: string;
let controlPlane: ControlPlane;
let system: LocalSystem;
let cli: Cli;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-inspect-'));
  controlPlane = await startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.2,
    customPlugins: {},
  });
  const subject = describeSimulated(controlPlane, 'prod');
  system = await startLocalSystem({
    template: localTemplate({
      controlPlane: subject,
      dataPlaneVersions: ['3.9.1'],
      settings: { minimumIntervalSeconds: 0 },
    }),
    controlPlane: subject,
    dataDirectory: directory,
  });
  cli = await bundledCli();
}, 120_000);

afterAll(async () => {
  await Promise.all([system.stop(), controlPlane.stop(), cli.stop()]);
  await rm(directory, { recursive: true });
});

const ask = (parameters: readonly string[], who: Identity = system.inspector) =>
  cli.run([...parameters, '--control-plane', 'prod', '--endpoint', system.apiUrl], {
    AWS_REGION: system.region,
    AWS_ACCESS_KEY_ID: who.accessKeyId,
    AWS_SECRET_ACCESS_KEY: who.secretAccessKey,
    AWS_SESSION_TOKEN: who.sessionToken ?? '',
  });

async function create(path: string, body: object): Promise<void> {
  const { ok, status } = await fetch(`${controlPlane.adminUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!ok) {
    throw new Error(`POST ${path} was answered with ${status}`);
  }
}

async function publish(revision: number): Promise<void> {
  await system.ringSchedule();
  const published = () => system.measurements().filter(({ name }) => name === 'Published').length;
  if (!(await eventually(() => published() === revision && system.isIdle()))) {
    throw new Error(`revision ${revision} was not published`);
  }
}

describe('the commands that look at revisions', () => {
  it('say before anything is published that nothing can boot, with 11', async () => {
    const { exitCode, stdout } = await ask(['status']);

    expect(stdout).toContain('Kong 3.9.1: missing');
    expect(stdout).toContain('can boot       0 of 1 versions');
    expect(exitCode).toBe(11);
    expect(await ask(['history'])).toMatchObject({
      exitCode: 0,
      stdout: 'prod, Kong 3.9.1\n  nothing was published yet\n',
    });
    expect(await ask(['verify'])).toMatchObject({ exitCode: 10 });
  });

  describe('after two publications', () => {
    beforeAll(async () => {
      await create('/services', { name: 'invoices', url: 'http://one.example' });
      await publish(1);
      // The simulator's Admin API has no PATCH.
      controlPlane.patchDownConversion((table) => ({
        ...table,
        services: ((table['services'] ?? []) as readonly Readonly<Record<string, unknown>>[]).map(
          (service) => (service['name'] === 'invoices' ? { ...service, host: 'two.example' } : service),
        ),
      }));
      await create('/services/invoices/plugins', {
        name: 'key-auth',
        config: { key_names: ['never-to-be-seen'] },
      });
      await publish(2);
    }, 120_000);

    it('status says that a data plane can boot, with what', async () => {
      const { exitCode, stdout, stderr } = await ask(['status']);

      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatch(/can boot +yes\n.*last verified +less than a minute ago\n/);
      expect(stdout).toMatch(/Kong 3\.9\.1: ready\n +revision +2\n/);
      expect(stdout).toContain('Nothing needs attention.');
      const { stdout: json } = await ask(['status', '--json']);
      expect(JSON.parse(json)).toMatchObject({ versions: [{ state: 'ready', current: { revision: 2 } }] });
    });

    it('history lists both, the newest first', async () => {
      const { exitCode, stdout } = await ask(['history']);

      expect(exitCode).toBe(0);
      expect(stdout.split('\n')).toEqual([
        'prod, Kong 3.9.1',
        expect.stringMatching(/^ {2}2 {2}less than a minute ago {2}\d+ entities {2}[\d.]+ KiB {2}current$/),
        expect.stringMatching(/^ {2}1 {2}less than a minute ago {2}\d+ entit/),
        '',
      ]);
      const { stdout: json } = await ask(['history', '--json', '--kong-version', '3.9.1']);
      expect(JSON.parse(json)).toMatchObject({ versions: [{ revision: 2 }, { revision: 1 }] });
      expect(JSON.parse(json)).not.toHaveProperty('next');
    });

    it('history --html writes a page that is its owner’s alone, with no value that may be secret', async () => {
      const file = join(directory, 'history.html');
      await writeFile(file, 'what was there', { mode: 0o644 });

      const { exitCode, stdout, stderr } = await ask(['history', '--html', file]);

      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toBe(
        `${file}: 2 versions, 1 compared with the one before. It is yours alone to read.\n`,
      );
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const page = await readFile(file, 'utf8');
      expect(page).toMatch(/<bdi class="name">invoices<\/bdi>/);
      expect(page).toContain('<bdi class="value">two.example</bdi>');
      expect(page).not.toContain('never-to-be-seen');
      expect((await readdir(directory)).filter((name) => name.includes('history'))).toEqual(['history.html']);
    });

    it.each([
      ['a device', ['history', '--html', '/dev/null'], 7, 'name a file'],
      ['a directory', ['history', '--html', tmpdir()], 7, 'is a directory: name a file in it'],
      ['a page and JSON', ['history', '--html', 'x.html', '--json'], 2, 'give --html or --json, not both'],
      ['comparisons without a page', ['history', '--diffs', '3'], 2, 'name its file with --html'],
    ])('history --html refuses %s', async (_what, parameters, code, sentence) => {
      const { exitCode, stdout, stderr } = await ask(parameters);

      expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
      expect(stderr).toContain(sentence);
    });

    it('diff says what differs by name, and no value that may be secret', async () => {
      const { exitCode, stdout } = await ask(['diff', '1', '2']);

      expect(exitCode).toBe(0);
      expect(stdout).toContain('~ service invoices\n    host: one.example → two.example\n');
      expect(stdout).toMatch(/\+ plugin key-auth\n(?: {4}.*\n)* {4}service: service invoices\n/);
      expect(stdout).toContain('2 differences: 1 added, 1 changed, 0 removed.');
      const { stdout: json } = await ask(['diff', '1', '2', '--json']);
      expect(JSON.parse(json)).toMatchObject({ total: 2, from: { revision: 1 }, to: { revision: 2 } });
      expect(stdout + json).not.toContain('never-to-be-seen');
    });

    it('diff --exit-code tells a difference from none', async () => {
      expect((await ask(['diff', '1', '2', '--exit-code'])).exitCode).toBe(11);
      expect(await ask(['diff', '2', '2', '--exit-code'])).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('No differences.'),
      });
    });

    it('show counts a revision’s entities, and lists them when it is asked to', async () => {
      const { exitCode, stdout } = await ask(['show', '2']);

      expect(exitCode).toBe(0);
      expect(stdout).toContain('Revision 2 of prod, Kong 3.9.1\n');
      expect(stdout).toMatch(/^ {2}services +\d+$/m);
      expect(stdout).not.toContain('two.example');
      expect((await ask(['show', '2', '--entities'])).stdout).toMatch(
        /^service invoices\n(?: {4}.*\n)* {4}host: two\.example\n/m,
      );
      expect(JSON.parse((await ask(['show', '2', '--json'])).stdout)).not.toHaveProperty('rows');
      const { rows } = JSON.parse((await ask(['show', '2', '--json', '--entities'])).stdout);
      expect(rows).toContainEqual(expect.objectContaining({ type: 'services', name: 'invoices' }));
    });

    it('verify says of each check what came of it', async () => {
      const { exitCode, stdout } = await ask(['verify']);

      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^Revision 2: passed\n {2}passed {3}signature\n/);
      expect(await ask(['verify', '--all'])).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(
          /Revision 1: passed\n(?:.*\n)*2 passed, 0 failed, 0 not verified, 0 not ours: passed\.\n$/,
        ),
        stderr: '',
      });
      expect(JSON.parse((await ask(['verify', '--all', '--json'])).stdout)).toMatchObject({
        outcome: 'passed',
        reports: [{ revision: 2 }, { revision: 1 }],
      });
    });

    describe('of a file on this machine', () => {
      let fetched: string;
      let publicKey: string;
      /** As somebody does who has no credentials and no network. */
      const offline = (...parameters: readonly string[]) =>
        cli.run(parameters, { LIFEBOAT_PUBLIC_KEY: publicKey });
      beforeAll(async () => {
        fetched = join(directory, 'fetched.json');
        const { PublicKey } = await system.clients.kms.send(
          new GetPublicKeyCommand({ KeyId: system.signingKeyArn }),
        );
        const base64 = Buffer.from(PublicKey ?? []).toString('base64');
        publicKey = `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----`;
        const ended = await ask(
          ['fetch', '--kong-version', '3.9.1', '--public-key', publicKey, '--output', fetched],
          system.dataPlane,
        );
        expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
      });

      it('fetch --revision gets an older one, says so, and the right to look or to boot is not enough', async () => {
        const older = join(directory, 'older.json');
        const parameters = ['fetch', '--kong-version', '3.9.1', '--public-key', publicKey, '--output', older];
        const byNumber = (revision: string, who?: Identity, ...more: readonly string[]) =>
          ask([...parameters, '--revision', revision, ...more], who);

        const fetchedOlder = await byNumber('1', system.revisionFetcher);
        expect(fetchedOlder).toMatchObject({
          exitCode: 0,
          stdout: expect.stringContaining('older.json: revision 1 of control plane "prod"'),
          stderr:
            'lifeboat: an older revision was asked for, and is not the current one: revision 2 is published\n',
        });
        expect(await offline('verify', older)).toMatchObject({ exitCode: 0 });
        expect((await offline('diff', older, fetched)).stdout).toContain('host: one.example → two.example');
        const json = await byNumber('2', system.revisionFetcher, '--json');
        expect(JSON.parse(json.stdout)).toMatchObject({ revision: 2, verifiedAt: expect.any(String) });

        for (const who of [system.inspector, system.dataPlane, system.operator]) {
          expect(await byNumber('1', who)).toMatchObject({
            exitCode: 3,
            stderr: expect.stringContaining(
              '.../GET/control-planes/prod/revision-grant, which the right to inspect',
            ),
          });
        }
        expect(await byNumber('9', system.revisionFetcher)).toMatchObject({
          exitCode: 10,
          stderr: expect.stringContaining('Revision 9 of prod/3.9.1/config.json is not there'),
        });
        const byCertificate = ['--auth', 'cluster-certificate'];
        expect(await byNumber('1', system.dataPlane, ...byCertificate)).toMatchObject({
          exitCode: 2,
          stderr: expect.stringContaining('--revision is asked for with AWS credentials'),
        });
        const issued = () => system.measurements().filter(({ name }) => name === 'GrantsIssued').length;
        // Of the file before, and of the two revisions.
        expect(await eventually(() => issued() === 3)).toBe(true);
      });

      it('verify says that it is what was signed, for people and for an auditor', async () => {
        const { exitCode, stdout, stderr } = await offline('verify', fetched);

        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        expect(stdout).toMatch(
          /^\/.*fetched\.json: passed\n {2}passed {3}signature\n.*as revision 2 of prod for Kong 3\.9\.1/,
        );
        const { file, sha256, ...report } = JSON.parse((await offline('verify', fetched, '--json')).stdout);
        expect(report).toMatchObject({ outcome: 'passed', manifest: { revision: 2, sha256 }, broken: [] });
        expect(file).toBe(fetched);
        expect(stdout).not.toContain('never-to-be-seen');
      });

      it('verify finds what was changed, and what cannot be checked, with 11', async () => {
        const changed = join(directory, 'changed.json');
        await writeFile(changed, (await readFile(fetched, 'utf8')).replace('two.example', 'six.example'));

        expect(await offline('verify', changed)).toMatchObject({
          exitCode: 11,
          stdout: expect.stringMatching(/: unverified\n(?:.*\n)*.*lifeboat fetch saves it/),
        });
        expect(await offline('verify', changed, '--manifest', `${fetched}.manifest.json`)).toMatchObject({
          exitCode: 11,
          stdout: expect.stringMatching(/: failed\n(?:.*\n)* {2}failed {3}content\n.*was changed/),
        });
        expect(await offline('verify', fetched, '--control-plane', 'other')).toMatchObject({ exitCode: 11 });
        expect(await cli.run(['verify', fetched, '--json'])).toMatchObject({
          exitCode: 11,
          stdout: expect.stringContaining('"outcome":"unverified"'),
        });
      });

      it('diff says what differs as for revisions, compressed or not, and no value that may be secret', async () => {
        const other = join(directory, 'other.json.gz');
        const text = await readFile(fetched, 'utf8');
        await writeFile(
          other,
          gzipSync(text.replace('two.example', 'six.example').replace('never-to-be-seen', 'nor-to-be-told')),
        );

        const { exitCode, stdout } = await offline('diff', fetched, other, '--exit-code');
        const { stdout: json } = await offline('diff', fetched, other, '--json');

        expect(exitCode).toBe(11);
        expect(stdout).toContain('~ service invoices\n    host: two.example → six.example\n');
        expect(stdout).toContain('2 differences: 0 added, 2 changed, 0 removed.');
        expect(JSON.parse(json)).toMatchObject({ total: 2, from: { file: fetched }, to: { file: other } });
        expect(stdout + json).not.toMatch(/never-to-be-seen|nor-to-be-told/);
        expect(await offline('diff', fetched, fetched, '--exit-code')).toMatchObject({
          exitCode: 0,
          stdout: expect.stringContaining('No differences.'),
        });
      });

      it.each<
        [what: string, parameters: (file: string) => readonly string[], exitCode: number, words: RegExp]
      >([
        [
          'a revision with a file',
          (file) => ['diff', '1', file],
          2,
          /a revision and a file cannot be compared/,
        ],
        [
          'a file that is not there',
          (file) => ['diff', file, `${file}.gone`],
          2,
          /neither the number .* nor a readable file \(ENOENT\)/,
        ],
        ['a directory', (file) => ['verify', dirname(file)], 2, /is a directory: name a file in it/],
        [
          'a manifest that is not there',
          (file) => ['verify', file, '--manifest', 'no.json'],
          2,
          /--manifest is no readable file \(ENOENT\)/,
        ],
        ['a file with --all', (file) => ['verify', file, '--all'], 2, /or --all, not both/],
        ['nothing at all', () => ['verify', ''], 2, /the number of a revision, or the name of a file/],
        [
          'what is no configuration',
          (file) => ['diff', file, `${file}.manifest.json`],
          10,
          /is JSON, and no configuration of Kong/,
        ],
        [
          'revisions, of which nobody says where they are',
          () => ['diff', '1', '2'],
          2,
          /--control-plane \(LIFEBOAT_CONTROL_PLANE\) and --endpoint/,
        ],
      ])('%s is refused with a sentence', async (_what, parameters, exitCode, words) => {
        expect(await offline(...parameters(fetched))).toMatchObject({
          exitCode,
          stdout: '',
          stderr: expect.stringMatching(words),
        });
      });
    });

    it('a revision that is not there, wrong options and a role without the right have codes of their own', async () => {
      expect(await ask(['show', '9'])).toMatchObject({
        exitCode: 10,
        stderr: expect.stringContaining('Revision 9 of prod/3.9.1/config.json is not there'),
      });
      expect(await ask(['verify', '1', '--all'])).toMatchObject({ exitCode: 2 });
      expect(await ask(['diff', '1'])).toMatchObject({ exitCode: 2 });
      expect(await ask(['status'], system.dataPlane)).toMatchObject({
        exitCode: 3,
        stderr: expect.stringContaining('execute-api:Invoke on .../GET/control-planes/prod/inspect'),
      });
    });

    it('the function has logged who asked for what, and nothing of the content', async () => {
      const log = await readFile(join(system.logDirectory, 'inspect.log'), 'utf8');

      expect(log).toContain('"view":"diff"');
      expect(log).not.toMatch(/never-to-be-seen|invoices|one\.example/);
    });
  });
});
