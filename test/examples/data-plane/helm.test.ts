import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { processes } from '../../local/processes.ts';
import { readHelm } from './helm.ts';
import { typeErrors } from './types-of-kubernetes.ts';

/**
 * Keys of the chart's own values.yaml (Kong/charts, charts/kong, 2.41; those that are comments there too)
 * down to where it takes Kubernetes' own structures or any names.
 */
const keysOfTheChart = [
  'fullnameOverride',
  'image.repository',
  'image.tag',
  'replicaCount',
  'env.*',
  'secretVolumes',
  'containerSecurityContext.*',
  'status.enabled',
  'status.http.enabled',
  'status.http.containerPort',
  'deployment.serviceAccount.create',
  'deployment.serviceAccount.name',
  'deployment.serviceAccount.annotations.*',
  'deployment.prefixDir.sizeLimit',
  'deployment.userDefinedVolumes',
  'deployment.sidecarContainers',
  'podAnnotations.*',
  'ingressController.enabled',
  'admin.enabled',
  'manager.enabled',
  'portal.enabled',
  'portalapi.enabled',
  'cluster.enabled',
];

const structures = v.object({
  containerSecurityContext: v.unknown(),
  podAnnotations: v.record(v.string(), v.string()),
  deployment: v.object({
    userDefinedVolumes: v.array(v.looseObject({ name: v.string() })),
    sidecarContainers: v.array(
      v.looseObject({
        securityContext: v.unknown(),
        volumeMounts: v.array(v.looseObject({ name: v.string() })),
      }),
    ),
  }),
});

const children = processes();
let given: Awaited<ReturnType<typeof readHelm>>;

beforeAll(async () => {
  given = await readHelm();
});

afterAll(() => children.stop());

describe('the values for Kong’s Helm chart', () => {
  it('have keys that the chart knows', () => {
    const unknown = paths(given.values).filter(
      (path) =>
        !keysOfTheChart.some(
          (key) => key === path || (key.endsWith('*') && path.startsWith(key.slice(0, -1))),
        ),
    );

    expect(unknown).toEqual([]);
  });

  it('hand Kubernetes what it knows', async () => {
    const { containerSecurityContext, deployment } = v.parse(structures, given.values);

    const errors = await typeErrors([
      { module: 'core/v1', type: 'SecurityContext', value: containerSecurityContext },
      ...deployment.userDefinedVolumes.map((value) => ({ module: 'core/v1', type: 'Volume', value })),
      ...deployment.sidecarContainers.map((value) => ({ module: 'core/v1', type: 'Container', value })),
      { module: 'apps/v1', type: 'Deployment', value: withRequiredFields(given.patch) },
    ]);

    expect(errors).toBe('');
  });

  it('go to the chart with a patch that Kustomize finds, by the Deployment’s name', () => {
    const { fullnameOverride } = v.parse(v.object({ fullnameOverride: v.string() }), given.values);

    expect(given.kustomization).toMatchObject({
      resources: ['chart.yaml'],
      patches: [
        { path: 'share-process-namespace.yaml', target: { kind: 'Deployment', name: fullnameOverride } },
      ],
    });
  });

  it('have a post-renderer of which shellcheck has nothing to say', async () => {
    const { exitCode, stdout, stderr } = await children.run('test/examples/from-debian.sh', [
      'shellcheck',
      'shellcheck',
      'examples/data-plane/helm/share-process-namespace.sh',
    ]);

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('confine standby as the chart confines Kong', () => {
    const { containerSecurityContext, deployment } = v.parse(structures, given.values);

    for (const { securityContext } of deployment.sidecarContainers) {
      expect(securityContext).toEqual(containerSecurityContext);
    }
  });

  it('name volumes that there are: the chart’s and their own', () => {
    const { deployment } = v.parse(structures, given.values);

    const mounted = deployment.sidecarContainers.flatMap((each) => each.volumeMounts.map(({ name }) => name));
    expect(mounted).toEqual(['kong-dp-prefix-dir', ...deployment.userDefinedVolumes.map(({ name }) => name)]);
  });

  it('give no AWS credentials to Kong, whose container the chart names "proxy"', () => {
    const { podAnnotations } = v.parse(structures, given.values);

    expect(podAnnotations['eks.amazonaws.com/skip-containers']).toBe('proxy');
  });
});

/** `a.b.c`, down to what is no object. */
function paths(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [path];
  }
  return Object.entries(value).flatMap(([key, each]) => paths(each, path === '' ? key : `${path}.${key}`));
}

/** A patch has not what only the whole must have. */
function withRequiredFields(patch: unknown): unknown {
  const { spec, ...rest } = v.parse(
    v.looseObject({
      spec: v.looseObject({ template: v.looseObject({ spec: v.looseObject({}) }) }),
    }),
    patch,
  );
  const podSpec = { containers: [], ...spec.template.spec };
  return { ...rest, spec: { selector: {}, ...spec, template: { ...spec.template, spec: podSpec } } };
}
