import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseAppSettings, parseSettings } from '../../lib/settings/settings.ts';
import { tableOf } from './markdown.ts';

const page = 'docs/settings.md';
const controlPlanes = { prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] } };

const [ofDeployment, ofReplica, ofControlPlane] = [
  tableOf(page, ['setting', 'default', 'limits']),
  tableOf(page, ['of `replica`', 'default']),
  tableOf(page, ['setting', 'default', 'what it is']),
];

const namesIn = (rows: readonly (readonly string[])[]) =>
  rows.map(([name = '']) => name.replaceAll('`', '')).sort();

/** All settings that the schema has at a place: it lists them when it is given another one. */
function settingsBeside(unknown: object): readonly string[] {
  try {
    parseAppSettings(unknown);
  } catch (error) {
    const listed = /noSuchSetting: .* choose one of (.+)/.exec(String(error))?.[1];
    return (listed?.split(', ') ?? []).sort();
  }
  return [];
}

const wrong = { noSuchSetting: true };

describe('docs/settings.md', () => {
  it.each([
    ['the deployment', ofDeployment, settingsBeside({ controlPlanes, ...wrong })],
    [
      'a control plane',
      ofControlPlane,
      settingsBeside({ controlPlanes: { prod: { ...controlPlanes.prod, ...wrong } } }),
    ],
    [
      'a replica',
      ofReplica,
      settingsBeside({ controlPlanes, region: 'eu-central-1', replica: { region: 'eu-west-1', ...wrong } }),
    ],
  ])('lists each setting of %s, and no other', (_, rows, settings) => {
    expect(settings.length).toBeGreaterThan(4);
    expect(namesIn(rows)).toEqual(settings);
  });

  it('makes a replica as the example does, which is compiled', () => {
    const [replica = 'none'] =
      /^const replica = new LifeboatReplica.*$/m.exec(readFileSync(page, 'utf8')) ?? [];

    expect(readFileSync('examples/two-regions/app.ts', 'utf8').split('\n')).toContain(replica);
  });

  const byDefault: Readonly<Record<string, unknown>> = parseSettings({ controlPlanes });
  const unit: Readonly<Record<string, unknown>> =
    parseSettings({ controlPlanes }).controlPlanes['prod'] ?? {};

  it.each([
    ...ofDeployment.map(([name = '', cell = '']) => [name, cell, byDefault] as const),
    ...ofControlPlane.map(([name = '', cell = '']) => [name, cell, unit] as const),
  ])('says the default of %s as it is (%s)', (name, cell, defaults) => {
    const value = defaults[name.replaceAll('`', '')];

    const isValue = /^`.*`$|^\d+$/.test(cell);
    const isGiven = cell === '(needed)' || cell === "the deployment's";
    expect({ name, value: isGiven ? 'given' : value }).toEqual({
      name,
      value: isGiven ? 'given' : isValue ? readValue(cell) : undefined,
    });
  });

  const ranges = ofDeployment.flatMap(([name = '', , limits = '']) => {
    const [, least, most] = /^(\d+) to (\d+)$/.exec(limits) ?? [];
    return least === undefined || name === '`controlPlanes`'
      ? []
      : [[name.replaceAll('`', ''), Number(least), Number(most)] as const];
  });

  it('has limits for each number', () => {
    const numbers = Object.entries(byDefault).flatMap(([name, value]) =>
      typeof value === 'number' && name !== 'logRetentionDays' ? [name] : [],
    );

    expect(ranges.map(([name]) => name).sort()).toEqual(numbers.sort());
  });

  it.each(ranges)('says the limits of %s as they are (%d to %d)', (name, least, most) => {
    const isTaken = (value: number) => {
      try {
        parseSettings({ controlPlanes, vaultMadeWith: { objectLock: true }, [name]: value });
        return true;
      } catch {
        return false;
      }
    };

    expect([least - 1, least, most, most + 1].map(isTaken)).toEqual([false, true, true, false]);
  });
});

/** `shared` is a string without its quotes; other values stand as JSON. */
function readValue(cell: string): unknown {
  const text = cell.replaceAll('`', '');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
