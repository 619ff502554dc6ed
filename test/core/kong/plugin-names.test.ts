import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { bundledPluginNames, dataPlanePlugins } from '../../../core/kong/plugin-names.ts';

function recorded(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixtures/kong-3.9.1/${path}`, import.meta.url), 'utf8'));
}

describe('the plugins that an export claims to have', () => {
  it('are all that Kong documents', () => {
    expect([...bundledPluginNames].sort()).toEqual([...(recorded('plugin-names.json') as string[])].sort());
  });

  it('are at least those of a real data plane of 3.9.1', () => {
    const real = recorded('cluster/basic-info-plugins.json') as { readonly name: string }[];

    const named = new Set(dataPlanePlugins('3.9.1', []).map(({ name }) => name));

    expect(real.filter(({ name }) => !named.has(name))).toEqual([]);
  });

  it('carry the data plane’s version, and custom ones none', () => {
    const plugins = dataPlanePlugins('3.8.1', ['acme-auth']);

    expect(plugins.at(-1)).toEqual({ name: 'acme-auth' });
    expect(plugins.slice(0, -1)).toEqual(bundledPluginNames.map((name) => ({ name, version: '3.8.1' })));
  });

  it('stand there once, also when a custom one is in truth Kong’s own', () => {
    const names = dataPlanePlugins('3.9.1', ['cors', 'acme-auth']).map(({ name }) => name);

    expect(names.filter((name) => name === 'cors')).toEqual(['cors']);
    expect(names).toHaveLength(bundledPluginNames.length + 1);
  });
});
