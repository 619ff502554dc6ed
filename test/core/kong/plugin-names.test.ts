import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { bundledPluginNames, dataPlanePlugins } from '../../../core/kong/plugin-names.ts';

function recorded(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixtures/kong-3.9.1/${path}`, import.meta.url), 'utf8'));
}

const namesOf = (plugins: readonly { readonly name: string }[]) => plugins.map(({ name }) => name);
const unversioned = (plugins: readonly { readonly name: string; readonly version?: string }[]) =>
  namesOf(plugins.filter(({ version }) => version === undefined));

describe('the plugins that an export claims to have', () => {
  it('are all that Kong documents, and those of Enterprise that it does not document', () => {
    const documented = recorded('plugin-names.json') as string[];

    expect(bundledPluginNames).toEqual(expect.arrayContaining(documented));
    expect(bundledPluginNames.filter((name) => !documented.includes(name)).sort()).toEqual([
      'ai-model-selector',
      'ai-nvidia-nemo-guardrail',
      'application-registration',
      'konnect-application-auth',
      'statsd-advanced',
      'token-vault-exchange',
    ]);
    expect(new Set(bundledPluginNames).size).toBe(bundledPluginNames.length);
  });

  it('are at least those of a real data plane of 3.9.1, all but one in the versions that it has', () => {
    const real = recorded('cluster/basic-info-plugins.json') as {
      readonly name: string;
      readonly version: string;
    }[];

    const named = new Map(dataPlanePlugins('3.9.1', []).map(({ name, version }) => [name, version]));

    expect(real.filter(({ name }) => !named.has(name))).toEqual([]);
    expect(namesOf(real.filter(({ name, version }) => named.get(name) !== version))).toEqual([
      'opentelemetry',
    ]);
  });

  it('carry the data plane’s version, but for those that may have one of their own', () => {
    const plugins = dataPlanePlugins('3.8.1', ['acme-auth']);

    expect(plugins.find(({ name }) => name === 'jwt')).toEqual({ name: 'jwt', version: '3.8.1' });
    expect(unversioned(plugins)).toEqual(
      expect.arrayContaining([
        'opentelemetry',
        'moesif',
        'datadome',
        'konnect-application-auth',
        'acme-auth',
      ]),
    );
    expect(plugins.filter(({ version }) => version !== undefined)).toHaveLength(111);
  });

  it.each([
    ['of 2.x', '2.8.5', 'named'],
    ['of which the versions are to be left out', '3.9.1', 'omitted'],
  ] as const)('carry no version for a data plane %s', (_, version, pluginVersions) => {
    const plugins = dataPlanePlugins(version, ['acme-auth'], pluginVersions);

    expect(namesOf(plugins)).toEqual([...bundledPluginNames, 'acme-auth']);
    expect(unversioned(plugins)).toHaveLength(plugins.length);
  });

  it.each([
    ['3.9.0', true],
    ['3.10.0.2', true],
    ['4.0.0', true],
    ['3.8.1', false],
    ['2.8.5', false],
  ])('have the wasm filters of a data plane of %s: %s', (version, expected) => {
    const plugins = dataPlanePlugins(version, [], 'named', ['my-filter']);

    expect(plugins.filter(({ name }) => name === 'my-filter')).toEqual(
      expected ? [{ name: 'my-filter' }] : [],
    );
  });

  it('are as the deployer says, also under a name of Kong’s own, and stand there once', () => {
    const plugins = dataPlanePlugins('3.9.1', ['redirect', 'acme-auth', 'moesif', 'acme-auth']);

    expect(plugins.filter(({ name }) => name === 'redirect')).toEqual([{ name: 'redirect' }]);
    expect(new Set(namesOf(plugins)).size).toBe(plugins.length);
    expect(plugins).toHaveLength(bundledPluginNames.length + 1);
  });
});
