/** Data planes for tests: of the fake Kong, and of a real one where `LIFEBOAT_TEST_KONG` or PATH names it. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import { sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import {
  findKong,
  type KongNode,
  type KongNodeOptions,
  startKongNode,
} from '../../../simulators/kong/kong-node.ts';
import { atRest } from './at-rest.ts';

export const fakeKong = fileURLToPath(new URL('../../../simulators/kong/node/kong', import.meta.url));

export interface TestedKong {
  readonly name: string;
  readonly kong: string;
  /** After this long it has loaded a small file, or refused it. */
  readonly loadMs: number;
  /** For which its master rests before a small file counts as refused. */
  readonly restMs: number;
  /** Waits until it has done what it was told. */
  settle(prefix: string): Promise<void>;
}

const realKong = await findKong(process.env['LIFEBOAT_TEST_KONG']);

export const testedFakeKong: TestedKong = {
  name: 'fake',
  kong: fakeKong,
  loadMs: 250,
  restMs: 250,
  settle: () => delay(250),
};

function testedRealKong(kong: string): TestedKong {
  const loadMs = 10_000;
  return {
    name: 'real',
    kong,
    loadMs,
    restMs: 2_000,
    async settle(prefix) {
      if (!(await atRest(prefix))) {
        await delay(loadMs);
      }
    },
  };
}

export const testedKongs: readonly TestedKong[] = [
  testedFakeKong,
  ...(realKong === undefined ? [] : [testedRealKong(realKong)]),
];

export const noConfiguration = '0'.repeat(32);

const directories: string[] = [];
const nodes: KongNode[] = [];

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kong-'));
  directories.push(directory);
  return directory;
}

/** Starts a data plane whose control plane is away, unless the test names one. */
export async function startNode(
  kong: string,
  options: Partial<KongNodeOptions> = {},
): Promise<KongNode & { readonly directory: string; readonly certificate: ClusterCertificate }> {
  const { directory = await temporaryDirectory(), certificate = await sharedCertificate() } = options;
  const node = await startKongNode({
    kong,
    directory,
    // Nothing listens there, and the system gives port 9 to no process that asks for a free one.
    clusterEndpoint: '127.0.0.1:9',
    mtls: 'shared',
    certificate,
    ...options,
  });
  nodes.push(node);
  return { ...node, directory, certificate };
}

export async function removeEverything(): Promise<void> {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
  await Promise.all(
    directories.splice(0).map((directory) => rm(directory, { recursive: true, force: true })),
  );
}

/** A service and the route `/orders` to it, in the form of a file or a frame. */
export function tableFor(upstreamUrl: string) {
  const { hostname, port } = new URL(upstreamUrl);
  const service = '5a3d4c2b-1f0e-4d6c-8b7a-99887766554a';
  return {
    services: [
      { id: service, name: 'orders', protocol: 'http', host: hostname, port: Number(port), path: '/v1' },
    ],
    routes: [
      {
        id: '7b1c9a54-2e3f-4f60-9d8e-1122334455ab',
        name: 'orders',
        protocols: ['http'],
        paths: ['/orders'],
        strip_path: true,
        service,
      },
    ],
  };
}

export async function declarativeFile(
  directory: string,
  content: object,
  name = 'config.json',
): Promise<{ readonly file: string; readonly md5: string }> {
  const file = join(directory, name);
  const json = JSON.stringify({ _format_version: '3.0', _transform: false, ...content });
  await writeFile(file, json, { mode: 0o600 });
  return { file, md5: createHash('md5').update(json).digest('hex') };
}

export async function configurationHash({ statusUrl }: KongNode): Promise<unknown> {
  const response = await fetch(`${statusUrl}/status`);
  return ((await response.json()) as { readonly configuration_hash?: unknown }).configuration_hash;
}

export async function readiness({ statusUrl }: KongNode): Promise<number> {
  const response = await fetch(`${statusUrl}/status/ready`);
  await response.body?.cancel();
  return response.status;
}
