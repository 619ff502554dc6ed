import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { Container, DataPlane, Mount } from './data-plane.ts';

export const composeFile = 'examples/data-plane/compose/compose.yaml';

const service = v.object({
  image: v.string(),
  user: v.string(),
  environment: v.record(v.string(), v.string()),
  volumes: v.array(v.string()),
  secrets: v.optional(v.array(v.string()), []),
  command: v.optional(v.array(v.string()), []),
  read_only: v.optional(v.boolean(), false),
  pid: v.optional(v.string()),
  network_mode: v.optional(v.string()),
  restart: v.string(),
});
const compose = v.object({ services: v.object({ kong: service, standby: service }) });

/** As Compose reads it, with these variables in its environment. */
export async function readCompose(variables: Readonly<Record<string, string>>): Promise<unknown> {
  const text = await readFile(composeFile, 'utf8');
  const filled = text.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => variables[name] ?? '');
  // Compose's way to write a dollar.
  return parse(filled.replaceAll('$$', '$'));
}

export async function composeDataPlane(): Promise<DataPlane> {
  const { kong, standby } = v.parse(
    compose,
    await readCompose({
      KONG_CLUSTER_CONTROL_PLANE: 'kong-cp.example.com:8005',
      LIFEBOAT_ENDPOINT: 'https://api.example.com',
    }),
  ).services;
  return {
    kong: container(kong),
    standby: container(standby),
    sharesProcesses: standby.pid === 'service:kong',
    sharesNetwork: standby.network_mode === 'service:kong',
    mayEnd: standby.restart === 'on-failure',
  };
}

function container(given: v.InferOutput<typeof service>): Container {
  return {
    image: given.image,
    uid: Number(given.user.split(':')[0]),
    environment: given.environment,
    secretVariables: [],
    mounts: [...given.volumes.map(mount), ...given.secrets.map(secret)],
    parameters: given.command,
    hasReadOnlyRoot: given.read_only,
  };
}

function mount(short: string): Mount {
  const [volume = '', path = '', mode = 'rw'] = short.split(':');
  return { path, volume, isReadOnly: mode === 'ro' };
}

function secret(name: string): Mount {
  return { path: `/run/secrets/${name}`, volume: name, isReadOnly: true };
}
