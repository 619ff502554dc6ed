import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildBinary } from '../../../build/binary.ts';
import { readStatusUrl } from '../../../cli/kong-settings.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';
import { goodFile, goodGrant, manifestOf, newSigningKey, startStandIn } from '../../cli/published-file.ts';
import { eventually, processes } from '../../local/processes.ts';
import {
  configurationHash,
  fakeKong,
  removeEverything,
  startNode,
  tableFor,
} from '../../simulators/kong/running-kong.ts';
import { composeDataPlane } from './compose.ts';
import { type DataPlane, volumeAt } from './data-plane.ts';
import { ecsDataPlane } from './ecs.ts';
import { helmDataPlane } from './helm.ts';
import { kubernetesDataPlane } from './kubernetes.ts';
import { readUnit } from './systemd.ts';

const unit = await readUnit();
const containers: readonly (readonly [string, DataPlane])[] = [
  ['compose', await composeDataPlane()],
  ['kubernetes', await kubernetesDataPlane()],
  ['helm', await helmDataPlane()],
  ['ecs', await ecsDataPlane()],
];
const standbys = [
  ...containers.map(([name, { standby }]) => [name, standby] as const),
  ['systemd', unit] as const,
];

// What all of them start.
let directory: string;
let binary: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-examples-'));
  binary = join(directory, 'lifeboat');
  await buildBinary({ node: process.execPath, output: binary });
});

afterAll(() => rm(directory, { recursive: true }));

describe.each(containers)('the data plane of %s', (name, { kong, standby, ...shared }) => {
  it('has the stock Kong as a data plane, whose configuration is nobody else’s', () => {
    const { image, environment } = kong;

    expect(image).toMatch(/^([a-z.]+\/docker\/library\/)?kong:3\.9\.1$/);
    expect(environment).toMatchObject({ KONG_ROLE: 'data_plane', KONG_DATABASE: 'off' });
    // Standby would leave such a node alone.
    expect(Object.keys(environment).filter((each) => each.includes('DECLARATIVE'))).toEqual([]);
  });

  it('has one prefix for both: the same volume under the same path', () => {
    const ofKong = volumeAt(kong, kong.environment['KONG_PREFIX']);
    const ofStandby = volumeAt(standby, standby.environment['KONG_PREFIX']);

    expect(standby.environment['KONG_PREFIX']).toBe(kong.environment['KONG_PREFIX']);
    expect(ofKong).toMatchObject({ isReadOnly: false });
    expect(ofStandby).toEqual(ofKong);
  });

  it('does not hide what the image has in Kong’s own prefix', () => {
    expect(volumeAt(kong, '/usr/local/kong')).toBeUndefined();
  });

  it('lets standby signal nginx: one process namespace, and one user who is not root', () => {
    expect(shared.sharesProcesses).toBe(true);
    expect(kong.uid).toBeGreaterThan(0);
    expect(standby.uid).toBe(kong.uid);
  });

  it('has Kong’s status API where standby finds it by itself', () => {
    const url = new URL(readStatusUrl(kong.environment['KONG_STATUS_LISTEN']));

    expect(url.hostname).toBe('127.0.0.1');
    expect(shared.sharesNetwork).toBe(true);
    // From .kong_env, which cannot be at odds with Kong.
    expect(Object.keys(standby.environment)).not.toContain('LIFEBOAT_STATUS_URL');
    expect(Object.keys(standby.environment)).not.toContain('KONG_STATUS_LISTEN');
  });

  it('asks for the file of the version that it runs', () => {
    expect(kong.image.split(':')[1]).toBe(standby.environment['LIFEBOAT_KONG_VERSION']);
  });

  it('pins the signing key in a place that standby cannot write to', () => {
    const file = standby.environment['LIFEBOAT_PUBLIC_KEY'] ?? '';

    const mount = volumeAt(standby, file) ?? volumeAt(standby, file.replace(/\/[^/]+$/, ''));
    expect(standby.hasReadOnlyRoot).toBe(true);
    expect({ file, isPinned: mount?.isReadOnly ?? file.startsWith('-----BEGIN PUBLIC KEY-----') }).toEqual({
      file,
      isPinned: true,
    });
  });

  it('has no secret among its plain variables', () => {
    const variables = [...Object.entries(kong.environment), ...Object.entries(standby.environment)];

    const suspicious = variables.filter(
      ([variable, value]) =>
        /SECRET|PASSWORD|TOKEN|ACCESS_KEY|LICENSE_DATA/.test(variable) ||
        /PRIVATE KEY-----|CERTIFICATE-----|^[\w+/=]{100,}$/.test(value),
    );
    expect(suspicious).toEqual([]);
  });

  it('takes the cluster certificate from where secrets are', () => {
    const asks = standby.environment['LIFEBOAT_AUTH'] === 'cluster-certificate' ? [kong, standby] : [kong];

    const places = asks.flatMap((container) =>
      ['KONG_CLUSTER_CERT', 'KONG_CLUSTER_CERT_KEY'].map((variable) => {
        const path = container.environment[variable] ?? '';
        const mount = volumeAt(container, path) ?? volumeAt(container, path.replace(/\/[^/]+$/, ''));
        return container.secretVariables.includes(variable) || mount?.isReadOnly === true;
      }),
    );
    expect(places).toEqual(places.map(() => true));
  });

  it('does with a standby that is done what fits: it ends, or idles where it would be started again', () => {
    expect({ name, idles: standby.parameters.includes('--stay') }).toEqual({ name, idles: !shared.mayEnd });
  });
});

describe.each(standbys)('standby of %s', (_name, { environment, parameters }) => {
  it('is given nothing that it does not know', async () => {
    const { stdout: help } = await promisify(execFile)(binary, ['standby', '--help']);

    const known = help.replaceAll(/\s+/g, ' ');
    const unknown = [
      ...Object.keys(environment).filter((variable) => !known.includes(`env: ${variable})`)),
      ...parameters.filter((flag) => !new RegExp(` ${flag}[ ,]`).test(known)),
    ];
    expect(unknown).toEqual([]);
  });
});

describe.each(standbys)('the client, started as in %s', (name, { environment, parameters }) => {
  const key = newSigningKey();
  const content = Buffer.from(
    JSON.stringify({ _format_version: '3.0', _transform: false, ...tableFor('http://127.0.0.1:9') }),
  );
  const { md5 } = manifestOf({}, content);
  const children = processes();
  let standIn: Awaited<ReturnType<typeof startStandIn>>;

  beforeAll(async () => {
    standIn = await startStandIn({ grant: goodGrant, file: () => goodFile(key, {}, content) });
  });

  afterAll(async () => {
    await children.stop();
    await removeEverything();
    await standIn.stop();
  });

  it('seeds an empty node', async () => {
    const node = await startNode(fakeKong);
    const publicKey = join(node.directory, 'signing-key.pem');
    await writeFile(publicKey, key.pem);
    const health = await freePort();
    const confined = confinement(name);
    if (confined.length > 0) {
      // As Kong's package has it: the folder is Kong's user's, its processes root's.
      await chown(node.prefix, 1000, 1000);
    }
    // What is another one on this machine; everything else is as it stands there.
    const here: Record<string, string> = {
      LIFEBOAT_ENDPOINT: standIn.url,
      LIFEBOAT_PUBLIC_KEY: publicKey,
      LIFEBOAT_HEALTH_LISTEN: `127.0.0.1:${health}`,
      KONG_PREFIX: node.prefix,
      KONG_CLUSTER_CERT: node.certificate.certificate,
      KONG_CLUSTER_CERT_KEY: node.certificate.key,
    };
    const variables = Object.entries(environment).map(([each, value]) => [each, here[each] ?? value]);

    const [command = '', ...before] = [...confined, binary];
    const running = children.start(
      command,
      [...before, 'standby', ...parameters, '--after', '0', '--spread', '0'],
      { env: { ...credentialsFor(environment), ...Object.fromEntries(variables) } },
    );
    const isSeeded = await eventually(async () => (await configurationHash(node)) === md5);
    const output = () => `${running.stdout()}${running.stderr()}`;
    await eventually(() => output().includes('has loaded'));
    if (parameters.includes('--stay')) {
      running.signal('SIGTERM');
    }

    expect({ isSeeded, output: output(), ...(await running.ended) }).toMatchObject({
      isSeeded: true,
      exitCode: 0,
    });
  });
});

/** As the machine's role would give them; none where the certificate says who asks. */
function credentialsFor(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return environment['LIFEBOAT_AUTH'] === 'cluster-certificate' ? {} : credentials;
}

const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
};

async function freePort(): Promise<number> {
  const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
  await stop();
  return port;
}

/** The capabilities that the unit leaves to root, where the test is root. */
function confinement(name: string): readonly string[] {
  if (name !== 'systemd' || process.getuid?.() !== 0) {
    return [];
  }
  const capabilities = (unit.setting('CapabilityBoundingSet') ?? '').split(' ');
  const bounds = ['-all', ...capabilities.map((each) => each.toLowerCase().replace(/^cap_/, '+'))];
  return ['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=${bounds.join(',')}`];
}
