import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { seedKong } from '../../../core/standby/seed.ts';
import { pkiCertificates, sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import { startControlPlane } from '../../../simulators/kong/control-plane/control-plane.ts';
import { echoMark, startEchoUpstream } from '../../../simulators/kong/echo-upstream.ts';
import { findKong, startPlainKong } from '../../../simulators/kong/kong-node.ts';
import { eventually } from '../../local/processes.ts';
import {
  configurationHash,
  declarativeFile,
  fakeKong,
  noConfiguration,
  readiness,
  removeEverything,
  startNode,
  tableFor,
  temporaryDirectory,
  testedKongs,
} from './running-kong.ts';

const run = promisify(execFile);
const ends: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) {
    await end();
  }
  await removeEverything();
});

const nowhere = 'http://127.0.0.1:9';

async function until(condition: () => Promise<boolean>): Promise<void> {
  expect(await eventually(condition)).toBe(true);
}

function setVariable(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  ends.push(() => {
    if (before === undefined) {
      delete process.env[name];
    } else {
      process.env[name] = before;
    }
  });
}

/** An executable that is no Kong. */
async function script(body: string): Promise<string> {
  const path = join(await temporaryDirectory(), 'kong');
  await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

describe('finding Kong', () => {
  it('takes the first executable on PATH', async () => {
    const [withDirectory, withText, first, second] = await Promise.all([
      temporaryDirectory(),
      temporaryDirectory(),
      script(''),
      script(''),
    ]);
    await mkdir(join(withDirectory, 'kong'));
    await writeFile(join(withText, 'kong'), '', { mode: 0o644 });
    const directories = [withDirectory, withText, join(first, '..'), join(second, '..')];
    setVariable('PATH', ['', ...directories].join(delimiter));

    const found = await findKong();

    expect(found).toBe(first);
  });

  it('finds none where there is none', async () => {
    setVariable('PATH', await temporaryDirectory());

    const found = await findKong();

    expect(found).toBeUndefined();
  });

  it('takes the path that was given', async () => {
    const found = await findKong(fakeKong);

    expect(found).toBe(fakeKong);
  });

  it.each([
    ['is missing', async (path: string) => path],
    ['is a directory', (path: string) => mkdir(path)],
    ['may not be executed', (path: string) => writeFile(path, '', { mode: 0o644 })],
  ])('refuses a path that %s', async (_case, make) => {
    const path = join(await temporaryDirectory(), 'kong');
    await make(path);

    await expect(findKong(path)).rejects.toThrow(`${path} is not an executable file`);
  });
});

const { services, routes } = tableFor(nowhere);
const otherId = '22222222-2222-4222-8222-222222222222';
const otherIdToo = services.flatMap((service) => [service, { ...service, id: otherId }]);
const otherNameToo = services.flatMap((service) => [service, { ...service, name: 'other' }]);
const routesByObject = routes.map((route) => ({ ...route, service: { id: route.service } }));

describe.each(testedKongs)('a data plane without its control plane ($name Kong)', ({ kong, settle }) => {
  it('starts without a configuration', async () => {
    const node = await startNode(kong);

    expect(node.version).toMatch(/^3\.\d+\.\d+(\.\d+)?$/);
    expect(await configurationHash(node)).toBe(noConfiguration);
    expect(await readiness(node)).toBe(503);
    expect((await fetch(`${node.proxyUrl}/orders`)).status).toBe(404);
  });

  it('keeps the cluster certificate from others', async () => {
    const node = await startNode(kong);

    for (const file of ['cluster.crt', 'cluster.key']) {
      expect((await stat(join(node.directory, file))).mode & 0o777).toBe(0o600);
    }
    expect(await readFile(join(node.directory, 'cluster.key'), 'utf8')).toBe(node.certificate.key);
  });

  it('takes its settings from its options, not from this process’s environment', async () => {
    setVariable('KONG_DECLARATIVE_CONFIG', '/etc/kong/mine.json');
    setVariable('KONG_PREFIX', '/nowhere');

    const node = await startNode(kong);

    const settings = await readFile(join(node.prefix, '.kong_env'), 'utf8');
    expect(node.prefix).toBe(join(node.directory, 'kong'));
    expect(settings).toContain('role = data_plane\n');
    expect(settings).not.toContain('declarative_config =');
  });

  it.each(['shared', 'pki'] as const)('gets what its control plane sends (cluster_mtls=%s)', async (mtls) => {
    const controlPlane = await startControlPlane({ mtls, configuration: tableFor(nowhere) });
    ends.push(() => controlPlane.stop());

    const node = await startNode(kong, {
      clusterEndpoint: controlPlane.clusterEndpoint,
      mtls,
      serverName: controlPlane.serverName,
      certificate: controlPlane.certificates,
    });

    await until(async () => (await configurationHash(node)) !== noConfiguration);
    expect(await configurationHash(node)).toBe(controlPlane.builtHash());
  });

  it('refuses a control plane whose certificate another CA issued', async () => {
    const controlPlane = await startControlPlane({ mtls: 'pki', configuration: tableFor(nowhere) });
    ends.push(() => controlPlane.stop());
    const other = await pkiCertificates({ controlPlaneHost: 'localhost' });

    const node = await startNode(kong, {
      clusterEndpoint: controlPlane.clusterEndpoint,
      mtls: 'pki',
      serverName: controlPlane.serverName,
      certificate: { ...controlPlane.certificates, ca: other.dataPlane.ca },
    });
    await settle(node.prefix);

    expect(await configurationHash(node)).toBe(noConfiguration);
  });

  it('keeps its configuration over a restart, and takes the control plane’s when that is back', async () => {
    const certificate = await sharedCertificate();
    const certificates = { controlPlane: certificate, dataPlane: certificate };
    const gone = await startControlPlane({ mtls: 'shared', certificates });
    await gone.stop();
    const { clusterEndpoint } = gone;
    const first = await startNode(kong, { clusterEndpoint, certificate });
    const { directory } = first;
    const seed = await declarativeFile(directory, tableFor(nowhere));
    await seedKong({ ...first, ...seed, timeoutMs: 500_000, clock: systemClock, pollMs: 20 });

    await first.stop();
    const second = await startNode(kong, { clusterEndpoint, certificate, directory });
    const afterRestart = await configurationHash(second);
    const controlPlane = await startControlPlane({
      mtls: 'shared',
      certificates,
      ports: { cluster: gone.ports.cluster },
      // A real node takes that for a configuration: it has a workspace and parameters.
      configuration: {},
    });
    ends.push(() => controlPlane.stop());

    expect(afterRestart).toBe(seed.md5);
    await until(async () => (await configurationHash(second)) !== seed.md5);
    expect(await configurationHash(second)).toBe(controlPlane.builtHash());
  });

  it('is gone after it was stopped, once or twice', async () => {
    const node = await startNode(kong);

    await Promise.all([node.stop(), node.stop()]);
    await node.stop();

    await expect(fetch(`${node.statusUrl}/status`)).rejects.toThrow();
    await expect(stat(join(node.prefix, 'pids/nginx.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is not ready after a SIGHUP when the declared file is missing', async () => {
    const node = await startNode(kong);
    const seed = await declarativeFile(node.directory, tableFor(nowhere));
    await seedKong({ ...node, ...seed, timeoutMs: 500_000, clock: systemClock, pollMs: 20 });
    const environment = join(node.prefix, '.kong_env');
    await writeFile(environment, `declarative_config = ${seed.file}.gone\n`, { flag: 'a' });

    process.kill(Number(await readFile(join(node.prefix, 'pids/nginx.pid'), 'utf8')), 'SIGHUP');

    expect(await eventually(async () => (await readiness(node)) === 503)).toBe(true);
  });

  it('says in Kong’s own words why it does not start', async () => {
    const { directory } = await startNode(kong);

    await expect(startNode(kong, { directory })).rejects.toThrow(
      /^kong start failed \(exit code 1\):\n(.*\n)*.*Kong is already running in/,
    );
  });

  it.each([
    ['one of its own', { routes: [] }, 0, 'parse successful'],
    ['a field that it does not know', { no_such_entities: [] }, 1, 'no_such_entities'],
    ['another format', { _format_version: '9.0' }, 1, '_format_version'],
    ['an older format', { _format_version: '1.1' }, 0, 'parse successful'],
    ['a service and its route', { services, routes }, 0, 'parse successful'],
    ['a foreign key as an object', { services, routes: routesByObject }, 0, 'parse successful'],
    ['a route to nothing', { routes }, 1, "(no such entry in 'services')"],
    ['two services with one name', { services: otherIdToo }, 1, 'already declared'],
    ['two services with one id', { services: otherNameToo }, 1, 'already declared'],
    ['one that is not called JSON', {}, 1, 'Accepted types: json, yaml', 'config'],
  ])('tells whether it would load a file: %s', async (_case, content, code, said, name = 'config.json') => {
    const directory = await temporaryDirectory();
    const { file } = await declarativeFile(directory, content, name);

    const parsed = await run(kong, ['config', 'parse', file], {
      env: { ...process.env, KONG_DATABASE: 'off', KONG_PREFIX: directory },
    }).catch((error: { code: number; stdout: string; stderr: string }) => error);

    expect('code' in parsed ? parsed.code : 0).toBe(code);
    expect(parsed.stdout + parsed.stderr).toContain(said);
  });
});

describe.each(testedKongs)('a table that holds next to nothing ($name Kong)', ({ kong }) => {
  const workspaces = [{ id: '0dc6f45b-8f8d-40d2-a504-473544ee190b', name: 'default' }];
  const parameters = [{ key: 'cluster_id', value: '9a2b6bb0-a3ac-4b31-8f6e-5d0a3c1b7e42' }];

  it.each([
    ['nothing', {}, 'no configuration'],
    ['a workspace alone', { workspaces }, 'no configuration'],
    ['lists without entities', { workspaces, parameters: [], services: [] }, 'no configuration'],
    ['what an empty control plane sends', { workspaces, parameters }, 'a configuration'],
  ])('%s', async (_case, table, taken) => {
    const directory = await temporaryDirectory();
    const { file, md5 } = await declarativeFile(directory, table);

    const node = await startPlainKong({ kong, directory, declarativeConfig: file });
    ends.push(node.stop);

    expect(await configurationHash(node)).toBe(taken === 'a configuration' ? md5 : noConfiguration);
    expect(await readiness(node)).toBe(taken === 'a configuration' ? 200 : 503);
  });
});

describe('a Kong that does not start', () => {
  it('fails with the last lines that it printed', async () => {
    const kong = await script('test "$1" = version && echo 3.9.1 && exit\nseq 100 130 >&2\nexit 3');

    const lines = Array.from({ length: 20 }, (_, index) => 111 + index).join('\n');
    await expect(startNode(kong)).rejects.toThrow(`kong start failed (exit code 3):\n${lines}`);
  });

  it('shows no more than those', async () => {
    const kong = await script('test "$1" = version && echo 3.9.1 && exit\nseq 100 130 >&2\nexit 3');

    await expect(startNode(kong)).rejects.not.toThrow('110');
  });

  it('may be another program', async () => {
    const kong = await script('echo Donkey');

    await expect(startNode(kong)).rejects.toThrow('kong version printed no version:\nDonkey');
  });

  it('may name a program that is missing', async () => {
    const kong = await script('');
    await writeFile(kong, '#!/no/such/resty\n');

    const countTimers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const timers = countTimers();

    await expect(startNode(kong)).rejects.toThrow(`${kong} cannot be run: spawn ${kong} ENOENT`);

    // A limit for a program that never ran would hold this process for a minute.
    expect(countTimers()).toBeLessThanOrEqual(timers);
  });

  it.each([
    ['3.9.1', '3.9.1'],
    ['Kong Enterprise 3.9.1.2', '3.9.1.2'],
  ])('is asked for its full version first: %s', async (printed, version) => {
    const kong = await script(`test "$1" = version && echo "${printed}" && exit\nexec "${fakeKong}" "$@"`);

    const node = await startNode(kong);

    expect(node.version).toBe(version);
  });
});

describe('the fake Kong', () => {
  it('does not start with a file that does not parse', async () => {
    const { directory, prefix, stop } = await startNode(fakeKong);
    await stop();
    const { file } = await declarativeFile(directory, { no_such_entities: [] });
    const kong = await script(`export KONG_DECLARATIVE_CONFIG="${file}"\nexec "${fakeKong}" "$@"`);

    await expect(startNode(kong, { directory })).rejects.toThrow("in 'no_such_entities': unknown field");
    await expect(stat(join(prefix, 'pids/nginx.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends when the process that started it was killed', async () => {
    const { directory, prefix, stop } = await startNode(fakeKong);
    const settings = await readFile(join(prefix, '.kong_env'), 'utf8');
    await stop();
    const environment = Object.fromEntries(
      [...settings.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = '', value]) => [
        `KONG_${name.toUpperCase()}`,
        value,
      ]),
    );
    const program =
      `require('node:child_process').execFileSync('${fakeKong}', ['start']);` +
      'setInterval(() => {}, 1000);';
    const starter = spawn(process.execPath, ['-e', program], {
      env: { PATH: process.env['PATH'], ...environment },
      cwd: directory,
      stdio: 'ignore',
    });
    ends.push(() => starter.kill('SIGKILL'));
    const isRunning = () =>
      stat(join(prefix, 'pids/nginx.pid')).then(
        () => true,
        () => false,
      );
    await until(isRunning);

    starter.kill('SIGKILL');

    await until(async () => !(await isRunning()));
  });
});

describe('the echo upstream', () => {
  it('says what it was asked', async () => {
    const upstream = await startEchoUpstream();
    ends.push(upstream.stop);

    const response = await fetch(`${upstream.url}/v1/7?full=yes`, { method: 'POST', body: 'x' });

    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ upstream: echoMark, method: 'POST', path: '/v1/7?full=yes' });
  });
});
