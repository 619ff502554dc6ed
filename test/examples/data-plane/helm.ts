import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { DataPlane } from './data-plane.ts';
import { containerOfPod, podContainer } from './kubernetes.ts';

const folder = 'examples/data-plane/helm';

const values = v.object({
  fullnameOverride: v.string(),
  image: v.object({ repository: v.string(), tag: v.string() }),
  env: v.record(v.string(), v.string()),
  secretVolumes: v.array(v.string()),
  containerSecurityContext: v.object({ runAsUser: v.number(), readOnlyRootFilesystem: v.boolean() }),
  status: v.object({ http: v.object({ containerPort: v.number() }) }),
  deployment: v.object({ sidecarContainers: v.tuple([podContainer]) }),
});
const patch = v.object({
  kind: v.literal('Deployment'),
  metadata: v.object({ name: v.string() }),
  spec: v.object({ template: v.object({ spec: v.object({ shareProcessNamespace: v.boolean() }) }) }),
});

export interface HelmFiles {
  readonly values: unknown;
  readonly patch: unknown;
  readonly kustomization: unknown;
}

export async function readHelm(): Promise<HelmFiles> {
  const read = async (name: string): Promise<unknown> => parse(await readFile(join(folder, name), 'utf8'));
  return {
    values: await read('values.yaml'),
    patch: await read('share-process-namespace.yaml'),
    kustomization: await read('kustomization.yaml'),
  };
}

/**
 * With what the chart makes of the values, by its templates (2.41) and a rendering of its own tests (3.4).
 */
export async function helmDataPlane(): Promise<DataPlane> {
  const read = await readHelm();
  const given = v.parse(values, read.values);
  const patched = v.parse(patch, read.patch);
  const { runAsUser: uid, readOnlyRootFilesystem: hasReadOnlyRoot } = given.containerSecurityContext;
  const port = given.status.http.containerPort;
  return {
    kong: {
      image: `${given.image.repository}:${given.image.tag}`,
      uid,
      environment: {
        KONG_STATUS_LISTEN: `0.0.0.0:${port}, [::]:${port}`,
        ...Object.fromEntries(
          Object.entries(given.env).map(([name, value]) => [`KONG_${name.toUpperCase()}`, value]),
        ),
      },
      secretVariables: [],
      mounts: [
        { path: '/kong_prefix/', volume: `${given.fullnameOverride}-prefix-dir`, isReadOnly: false },
        ...given.secretVolumes.map((volume) => ({
          path: `/etc/secrets/${volume}`,
          volume,
          isReadOnly: true,
        })),
      ],
      parameters: [],
      hasReadOnlyRoot,
    },
    standby: containerOfPod(given.deployment.sidecarContainers[0], undefined),
    sharesProcesses:
      patched.metadata.name === given.fullnameOverride && patched.spec.template.spec.shareProcessNamespace,
    sharesNetwork: true,
    mayEnd: false,
  };
}
