import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { projectRoot } from '../../../build/project-root.ts';
import { goodFile, goodGrant, newSigningKey, startStandIn } from '../../cli/published-file.ts';
import { eventually, processes } from '../../local/processes.ts';
import {
  configurationHash,
  fakeKong,
  noConfiguration,
  removeEverything,
  startNode,
  tableFor,
} from '../../simulators/kong/running-kong.ts';
import { composeDataPlane } from './compose.ts';
import { ecsDataPlane } from './ecs.ts';
import { helmDataPlane } from './helm.ts';
import { kubernetesDataPlane } from './kubernetes.ts';

const folder = 'examples/data-plane/image';

interface Stage {
  readonly from: string;
  readonly name: string;
  /** What stands behind an instruction, each time it is there. */
  all(instruction: string): readonly string[];
}

/** The stages of the Dockerfile; no container engine is asked. */
async function readStages(): Promise<Readonly<Record<'build' | 'standby' | 'kong', Stage>>> {
  const [, ...parts] = (await readFile(`${folder}/Dockerfile`, 'utf8')).split(/^FROM /m);
  const stages = parts.map((part): Stage => {
    const [, from = '', name = ''] = /^(\S+) AS (\w+)\n/.exec(part) ?? [];
    const all = (instruction: string) =>
      [...part.matchAll(new RegExp(`^${instruction} (.+)$`, 'gm'))].map(([, rest = '']) => rest);
    return { from, name, all };
  });
  const named = (name: string) =>
    stages.find((stage) => stage.name === name) ?? { from: '', name, all: () => [] };
  return { build: named('build'), standby: named('standby'), kong: named('kong') };
}

const stages = await readStages();
const children = processes();
let directory: string;
/** Where the builder has the project. */
let context: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-image-'));
  context = join(directory, 'context');
  await mkdir(context);
});

afterAll(async () => {
  await children.stop();
  await removeEverything();
  await rm(directory, { recursive: true });
});

describe('the image', () => {
  it('has its binary from an official Node, of a release that the binary is tested with', () => {
    expect(stages.build.from).toMatch(/^node:(20|22|24)-slim$/);
  });

  it('sends to the builder what it copies there, and nothing else of the project, secrets too', async () => {
    const lines = (await readFile(`${folder}/Dockerfile.dockerignore`, 'utf8')).trim().split('\n');

    const copied = stages.build.all('COPY').flatMap((paths) => paths.split(' ').slice(0, -1));
    expect(lines).toEqual(['*', ...copied.map((path) => `!${path}`)]);
  });

  it('gets the binary from that by its own commands', async () => {
    for (const paths of stages.build.all('COPY')) {
      for (const path of paths.split(' ').slice(0, -1)) {
        await cp(join(projectRoot, path), join(context, path), { recursive: true });
      }
    }
    const [install, ...others] = stages.build.all('RUN');
    // As CI does it; here the packages are there.
    expect(install).toBe('npm ci --no-audit --no-fund');
    await symlink(join(projectRoot, 'node_modules'), join(context, 'node_modules'));

    expect(others).toEqual(['npm run build:binary']);
    const built = await children.run('sh', ['-c', `cd ${context} && ${others[0]}`]);

    expect(built).toMatchObject({ exitCode: 0 });
    const version = await children.run(join(context, 'dist/lifeboat'), ['--version']);
    expect(version).toMatchObject({ exitCode: 0 });
  });

  it.each([stages.standby, stages.kong])('has it on the path, in $name', ({ all }) => {
    expect(all('COPY')).toEqual(['--from=build /lifeboat/dist/lifeboat /usr/local/bin/lifeboat']);
    expect(stages.build.all('WORKDIR')).toEqual(['/lifeboat']);
  });

  it('starts standby beside Kong, and becomes Kong’s own entrypoint', async () => {
    const key = newSigningKey();
    const content = Buffer.from(
      JSON.stringify({ _format_version: '3.0', _transform: false, ...tableFor('http://127.0.0.1:9') }),
    );
    const standIn = await startStandIn({ grant: goodGrant, file: () => goodFile(key, {}, content) });
    const node = await startNode(fakeKong);
    const publicKey = join(directory, 'signing-key.pem');
    await writeFile(publicKey, key.pem);
    const entrypoint = join(directory, 'docker-entrypoint.sh');
    await writeFile(entrypoint, '#!/bin/sh\necho "$$ $*"\nexec sleep 600\n', { mode: 0o755 });
    const [command, ...parameters] = JSON.parse(stages.kong.all('ENTRYPOINT')[0] ?? '[]');
    const [image] = stages.kong.all('ENV');

    const container = children.start(
      'sh',
      ['-c', 'echo $$; exec "$@"', 'sh', command, ...parameters].map((each) =>
        each.replace('/docker-entrypoint.sh', entrypoint),
      ),
      {
        env: {
          PATH: `${join(context, 'dist')}:${process.env['PATH']}`,
          [image?.split('=')[0] ?? '']: image?.split('=')[1] ?? '',
          LIFEBOAT_CONTROL_PLANE: 'prod',
          LIFEBOAT_ENDPOINT: standIn.url,
          LIFEBOAT_PUBLIC_KEY: publicKey,
          KONG_PREFIX: node.prefix,
          AWS_REGION: 'eu-central-1',
          AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
          AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
        },
      },
    );
    const isSeeded = await eventually(async () => (await configurationHash(node)) !== noConfiguration);

    const [first = '', second = ''] = container.stdout().split('\n');
    expect({ isSeeded, output: container.stderr() }).toMatchObject({ isSeeded: true });
    expect(second).toBe(`${first} kong docker-start`);
    expect(container.hasEnded()).toBe(false);
    container.signal('SIGTERM');
    await container.ended;
    await standIn.stop();
  });

  it('asks for the file of the Kong that it is', async () => {
    const version = stages.kong.from.replace(/^kong:/, '');

    expect(stages.kong.all('ENV')).toEqual([`LIFEBOAT_KONG_VERSION=${version}`]);
    expect((await composeDataPlane()).kong.image).toBe(stages.kong.from);
    // The user stays Kong's.
    expect(stages.kong.all('USER')).toEqual([]);
  });

  it.each([
    ['compose', composeDataPlane],
    ['kubernetes', kubernetesDataPlane],
    ['helm', helmDataPlane],
    ['ecs', ecsDataPlane],
  ])('runs as the user of %s, under the name that is used there', async (_name, dataPlane) => {
    const { standby } = await dataPlane();

    expect(stages.standby.all('USER')).toEqual([`${standby.uid}:${standby.uid}`]);
    expect(stages.standby.all('ENTRYPOINT')).toEqual(['["lifeboat", "standby"]']);
    expect(standby.image).toMatch(/(^|\/)lifeboat-standby:0\.1\.0$/);
  });
});
