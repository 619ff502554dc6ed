/** What people ask with `lifeboat`, of a local system over HTTP. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  });
});
