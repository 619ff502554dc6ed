import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RehearsalResult, rehearsedIntervalSeconds } from '../../local/rehearsal/rehearsal.ts';
import { runStart } from '../../local/run-start.ts';
import { prepareStart, startProgram } from '../../local/start-program.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { fakeKong } from '../simulators/kong/running-kong.ts';
import { type Ended, processes, typescript } from './processes.ts';

type Printed = RehearsalResult & {
  readonly ok: boolean;
  readonly kong: unknown;
  readonly seconds: number;
};

const children = processes();
let directory: string;
/** Run while the others are under way, as most of their time is waiting. */
let rehearsal: Promise<Ended>;
let unreachable: ReturnType<typeof startHere>;
let certificateFiles: readonly string[];

const start = (parameters: readonly string[]): Promise<Ended> =>
  children.run(process.execPath, typescript('local/start.ts', ...parameters));

/** The same in the test's own process. */
async function startHere(parameters: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(stdout), text(stderr)]);
  let isGood = false;
  await startProgram(async (options) => {
    isGood = await runStart(options, { stdout, stderr });
  }).parseAsync(parameters, { from: 'user' });
  stdout.end();
  stderr.end();
  const [said, told] = await printed;
  return { isGood, stdout: said, stderr: told };
}

/** What these flags prepare, in this process: nothing is deployed. */
async function prepare(parameters: readonly string[]): Promise<void> {
  const program = startProgram(async (options) => (await prepareStart(options)).stop());
  await program
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .parseAsync(parameters, { from: 'user' });
}

async function closedPort(): Promise<number> {
  const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
  await stop();
  return port;
}

/** A control plane that is "real" to `npm start`: it gets no more than address and certificate. */
async function startAnotherControlPlane(): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ mtls: 'shared' });
  await writeCertificate(controlPlane);
  return controlPlane;
}

async function writeCertificate({ certificates }: ControlPlane): Promise<void> {
  await mkdir(join(directory, 'cluster'), { recursive: true });
  await writeFile(join(directory, 'cluster/cluster.crt'), certificates.certificate);
  await writeFile(join(directory, 'cluster/cluster.key'), certificates.key);
}

const printedBy = ({ stdout }: Pick<Ended, 'stdout'>): Printed => JSON.parse(stdout) as Printed;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-start-'));
  certificateFiles = [
    '--cluster-cert',
    join(directory, 'cluster/cluster.crt'),
    '--cluster-cert-key',
    join(directory, 'cluster/cluster.key'),
  ];
  rehearsal = start(['--json', '--kong', fakeKong, '--data', join(directory, 'data')]);
  const away = await startAnotherControlPlane();
  await away.stop();
  unreachable = startHere([
    '--cluster-endpoint',
    `127.0.0.1:${await closedPort()}`,
    ...certificateFiles,
    '--data',
    join(directory, 'away'),
  ]);
});

afterAll(async () => {
  await children.stop();
  await rm(directory, { recursive: true });
});

describe('flags that are wrong', () => {
  it.each([
    ['a port that is none', ['--port', '65536'], 'a port number is expected'],
    ['a version that is not full', ['--data-plane-version', '3.9'], 'is a full Kong version'],
    [
      'an endpoint without its port',
      ['--cluster-endpoint', 'cp.example'],
      'host and port of the cluster_listen are expected',
    ],
    [
      'an endpoint without a certificate',
      ['--cluster-endpoint', 'cp.example:8005', '--data', 'DATA'],
      '--cluster-endpoint needs --cluster-cert and --cluster-cert-key',
    ],
    [
      'a certificate without an endpoint',
      ['--cluster-cert', 'cluster.crt', '--data', 'DATA'],
      'name it with --cluster-endpoint',
    ],
    [
      'a certificate that is not there',
      [
        '--cluster-endpoint',
        'cp.example:8005',
        '--cluster-cert',
        'no.crt',
        '--cluster-cert-key',
        'package.json',
        '--data',
        'DATA',
      ],
      'no.crt cannot be read',
    ],
    [
      'a certificate that is no PEM',
      [
        '--cluster-endpoint',
        'cp.example:8005',
        '--cluster-cert',
        'test/fixtures/kong-3.9.1/cluster/basic-info-plugins.json',
        '--cluster-cert-key',
        'package.json',
        '--data',
        'DATA',
      ],
      'is no PEM file',
    ],
    [
      'a kong of another minor version',
      ['--kong', fakeKong, '--data-plane-version', '3.4.2', '--data', 'DATA'],
      'it is Kong 3.9.1, and the file is for Kong 3.4.2, which only Kong 3.4 from 3.4.2 on loads',
    ],
  ])('end it with a sentence: %s', async (_what, flags, sentence) => {
    const parameters = flags.map((flag) => (flag === 'DATA' ? join(directory, 'wrong') : flag));

    await expect(prepare(parameters)).rejects.toThrow(sentence);
  });

  it.each([
    ['an unknown one', ['--bogus'], 1, "unknown option '--bogus'"],
    [
      'a kong that is not there',
      ['--kong', '/no/kong', '--data', 'DATA'],
      1,
      '/no/kong is not an executable',
    ],
  ])('leave standard output empty: %s', async (_what, flags, code, sentence) => {
    const parameters = flags.map((flag) => (flag === 'DATA' ? join(directory, 'wrong') : flag));

    const { exitCode, stdout, stderr } = await start(['--json', ...parameters]);

    expect(exitCode).toBe(code);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(stdout).toBe('');
  });
});

describe('the rehearsal', () => {
  it('is good, and says so in one JSON object', async () => {
    const { exitCode, stdout, stderr } = await rehearsal;

    // Not toMatchObject: it leaves out of its report what it does not compare, which is the reason.
    expect(exitCode === 0 ? '' : stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const printed = JSON.parse(stdout) as Printed;
    expect(printed).toMatchObject({
      ok: true,
      entities: { total: expect.any(Number), services: expect.any(Number) },
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      burst: { changes: 200 },
      unchangedWroteVersion: false,
      rollback: { revision: expect.any(Number), pinned: true, unpinned: true },
      guard: { held: true, approved: true },
      outageLeftVaultAlone: true,
      oldRevision: { refused: true, repaired: true },
      tamperedUrlRefused: true,
      tamperedFileRefused: true,
      dataPlane: { verified: true, equalsControlPlane: true },
      // Through the route that the first change made, after a start without any control plane.
      kong: { version: '3.9.1', proxiedStatus: 200 },
    });
    expect(printed.revision).toBeGreaterThanOrEqual(3);
    expect(printed.changeToPublishedSeconds).toBeGreaterThan(0);
    expect(printed.burst?.exports).toBeGreaterThanOrEqual(1);
    // The pace: however long a busy machine takes to make the changes.
    const mostExports = Math.floor(printed.seconds / rehearsedIntervalSeconds) + 1;
    expect(printed.burst?.exports).toBeLessThanOrEqual(mostExports);
  });

  it('leaves the new data plane’s file, which is its owner’s alone and holds the last change', async () => {
    const { file } = printedBy(await rehearsal).dataPlane;

    const content = JSON.parse(await readFile(file, 'utf8')) as Record<string, readonly unknown[]>;

    expect(file).toBe(join(directory, 'data/data-plane/config.json'));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(content['services']).toContainEqual(expect.objectContaining({ name: 'rehearsal' }));
    // Their deletion was approved.
    expect(content['services']).not.toContainEqual(expect.objectContaining({ name: 'burst-199' }));
  });

  it('of a control plane of one’s own goes on in the same vault, changes nothing there, and says what it left out', async () => {
    const first = printedBy(await rehearsal);
    const controlPlane = await startAnotherControlPlane();
    const before = JSON.stringify(controlPlane.currentTable('3.9.1'));
    try {
      const ended = await startHere([
        '--json',
        '--kong',
        fakeKong,
        '--data',
        join(directory, 'data'),
        '--cluster-endpoint',
        controlPlane.clusterEndpoint,
        ...certificateFiles,
      ]);

      expect(ended).toMatchObject({ isGood: true });
      const second = printedBy(ended);
      expect(second).toMatchObject({
        ok: true,
        revision: first.revision + 1,
        changeToPublishedSeconds: null,
        burst: null,
        outageLeftVaultAlone: null,
        guard: null,
        oldRevision: null,
        unchangedWroteVersion: false,
        tamperedUrlRefused: true,
        tamperedFileRefused: true,
        dataPlane: { verified: true, equalsControlPlane: null },
        // It has no route of ours, and need not have one.
        kong: { proxiedStatus: 404 },
      });
      expect(ended.stderr.match(/left out: a real control plane/g)).toHaveLength(7);
      const hooks = await (await fetch(`${controlPlane.adminUrl}/event-hooks`)).json();
      expect(hooks).toMatchObject({ data: [] });
      expect(JSON.stringify(controlPlane.currentTable('3.9.1'))).toBe(before);
      const content: unknown = JSON.parse(await readFile(second.dataPlane.file, 'utf8'));
      expect(content).toMatchObject(controlPlane.currentTable('3.9.1'));
    } finally {
      await controlPlane.stop();
    }
  });

  it('of a control plane that is not there ends soon, with the reason and what to do', async () => {
    const { isGood, stderr } = await unreachable;

    expect(isGood).toBe(false);
    expect(stderr).toMatch(/npm start: the first export did not happen within \d+ s/);
    expect(stderr).toMatch(/cannot be reached \(ECONNREFUSED\)/);
    expect(stderr).toContain('of a control plane check address, port and the way to it');
    expect(stderr).toContain(join(directory, 'away/logs/export.log'));
  });
});
