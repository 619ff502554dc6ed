import { beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { readKubernetes } from './kubernetes.ts';
import { typeErrors } from './types-of-kubernetes.ts';

const probe = v.object({ httpGet: v.object({ path: v.string(), port: v.string() }) });
const container = v.object({
  name: v.string(),
  ports: v.array(v.object({ name: v.string(), containerPort: v.number() })),
  readinessProbe: v.optional(probe),
  livenessProbe: v.optional(probe),
  env: v.array(v.object({ name: v.string(), value: v.string() })),
  securityContext: v.object({
    allowPrivilegeEscalation: v.literal(false),
    readOnlyRootFilesystem: v.literal(true),
    capabilities: v.object({ drop: v.tuple([v.literal('ALL')]) }),
  }),
  volumeMounts: v.array(v.object({ name: v.string() })),
});
const labels = v.record(v.string(), v.string());
const deployment = v.object({
  kind: v.literal('Deployment'),
  spec: v.object({
    selector: v.object({ matchLabels: labels }),
    template: v.object({
      metadata: v.object({ labels, annotations: v.record(v.string(), v.string()) }),
      spec: v.object({
        serviceAccountName: v.string(),
        securityContext: v.object({ runAsNonRoot: v.literal(true) }),
        containers: v.tuple([container, container]),
        volumes: v.array(v.looseObject({ name: v.string() })),
      }),
    }),
  }),
});
const named = <Kind extends string>(kind: Kind) =>
  v.object({ kind: v.literal(kind), metadata: v.object({ name: v.string() }) });
const manifest = v.tuple([
  named('ServiceAccount'),
  v.object({ ...named('Service').entries, spec: v.object({ selector: labels }) }),
  deployment,
]);

let documents: readonly unknown[];
let read: v.InferOutput<typeof manifest>;

beforeAll(async () => {
  documents = await readKubernetes();
  read = v.parse(manifest, documents);
});

describe('the Kubernetes manifest', () => {
  it('has the fields of Kubernetes’ API, and no other', async () => {
    const [serviceAccount, service, workload] = documents;

    const errors = await typeErrors([
      { module: 'core/v1', type: 'ServiceAccount', value: serviceAccount },
      { module: 'core/v1', type: 'Service', value: service },
      { module: 'apps/v1', type: 'Deployment', value: workload },
    ]);

    expect(errors).toBe('');
  });

  it('has objects that find one another', () => {
    const [serviceAccount, service, { spec }] = read;
    const pod = spec.template.spec;

    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(spec.template.metadata.labels).toMatchObject(service.spec.selector);
    expect(pod.serviceAccountName).toBe(serviceAccount.metadata.name);
    const volumes = pod.volumes.map(({ name }) => name);
    expect(new Set(pod.containers.flatMap((each) => each.volumeMounts.map(({ name }) => name)))).toEqual(
      new Set(volumes),
    );
  });

  it('makes a pod ready when Kong has a configuration, whatever standby does', () => {
    const [kong, standby] = read[2].spec.template.spec.containers;
    const port = (name: string | undefined) => kong.ports.find((each) => each.name === name)?.containerPort;

    expect(kong.readinessProbe?.httpGet.path).toBe('/status/ready');
    expect(port(kong.readinessProbe?.httpGet.port)).toBe(8100);
    expect(standby.readinessProbe).toBeUndefined();
  });

  it('asks for standby’s health where it answers', () => {
    const standby = read[2].spec.template.spec.containers[1];

    const { path, port } = standby.livenessProbe?.httpGet ?? {};
    const listen = standby.env.find(({ name }) => name === 'LIFEBOAT_HEALTH_LISTEN')?.value;
    expect(path).toBe('/healthz');
    expect(listen).toBe(`0.0.0.0:${standby.ports.find(({ name }) => name === port)?.containerPort}`);
  });

  it('gives AWS credentials to standby alone', () => {
    const { metadata, spec } = read[2].spec.template;

    const skipped = metadata.annotations['eks.amazonaws.com/skip-containers'];
    expect(spec.containers.map(({ name }) => name).filter((name) => name !== skipped)).toEqual(['standby']);
  });
});
