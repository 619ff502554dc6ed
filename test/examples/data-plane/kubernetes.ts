import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';
import type { Container, DataPlane } from './data-plane.ts';

const kubernetesFile = 'examples/data-plane/kubernetes/data-plane.yaml';

const securityContext = v.object({
  runAsUser: v.optional(v.number()),
  readOnlyRootFilesystem: v.optional(v.boolean(), false),
});
export const podContainer = v.object({
  name: v.string(),
  image: v.string(),
  args: v.optional(v.array(v.string()), []),
  env: v.array(v.object({ name: v.string(), value: v.string() })),
  securityContext: v.optional(securityContext, {}),
  volumeMounts: v.array(
    v.object({ name: v.string(), mountPath: v.string(), readOnly: v.optional(v.boolean(), false) }),
  ),
});
const deployment = v.object({
  kind: v.literal('Deployment'),
  spec: v.object({
    template: v.object({
      spec: v.object({
        shareProcessNamespace: v.optional(v.boolean(), false),
        securityContext,
        containers: v.array(podContainer),
      }),
    }),
  }),
});

export async function readKubernetes(): Promise<readonly unknown[]> {
  const documents = parseAllDocuments(await readFile(kubernetesFile, 'utf8'));
  return documents.map((document) => document.toJS() as unknown);
}

export async function kubernetesDataPlane(): Promise<DataPlane> {
  const pod = v.parse(
    deployment,
    (await readKubernetes()).find((each) => v.is(v.object({ kind: v.literal('Deployment') }), each)),
  ).spec.template.spec;
  const byName = (name: string) => {
    const found = pod.containers.find((each) => each.name === name);
    return containerOfPod(v.parse(podContainer, found), pod.securityContext.runAsUser);
  };
  return {
    kong: byName('kong'),
    standby: byName('standby'),
    sharesProcesses: pod.shareProcessNamespace,
    // As in every pod.
    sharesNetwork: true,
    mayEnd: false,
  };
}

export function containerOfPod(
  { image, args, env, securityContext: security, volumeMounts }: v.InferOutput<typeof podContainer>,
  podsUser: number | undefined,
): Container {
  return {
    image,
    uid: security.runAsUser ?? podsUser ?? 0,
    environment: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    secretVariables: [],
    mounts: volumeMounts.map(({ mountPath: path, name: volume, readOnly: isReadOnly }) => ({
      path,
      volume,
      isReadOnly,
    })),
    parameters: args,
    hasReadOnlyRoot: security.readOnlyRootFilesystem,
  };
}
