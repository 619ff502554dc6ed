/**
 * Standby makes nothing worse when it runs to its end: whatever becomes of Kong afterwards, the configuration
 * that is served is the one that should be. `standby-killed.program.ts` has the runs that are killed.
 */
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sideBySide } from '../side-by-side.ts';
import { testedFakeKong, testedKongs } from '../simulators/kong/running-kong.ts';
import {
  atOnce,
  credentials,
  newScenario,
  newStage,
  outcomeOf,
  type Served,
  type Stage,
  type Step,
} from './standby-scenario.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await newStage();
});

afterAll(() => stage.stop());

describe.each(testedKongs)('what is served after a run ($name Kong)', (kong) => {
  const rows: readonly (readonly [state: string, steps: readonly Step[], served: Served])[] = [
    [
      'configured',
      ['control plane', 'no control plane', 'standby finds a configuration', 'SIGHUP', 'reload', 'restart'],
      'theirs',
    ],
    [
      'configured',
      [
        'control plane',
        'no control plane',
        'the line of a killed run',
        'standby finds a configuration',
        'SIGHUP',
      ],
      'theirs',
    ],
    [
      'configured while we download',
      ['the control plane delivers during the download', 'no control plane', 'SIGHUP', 'reload', 'restart'],
      'theirs',
    ],

    ['seeded', ['standby seeds', 'SIGHUP', 'reload', 'restart'], 'ours'],
    [
      'seeded',
      ['standby seeds', 'control plane', 'no control plane', 'SIGHUP', 'reload', 'restart'],
      'theirs',
    ],
    ['seeded', ['standby seeds', 'standby finds a configuration', 'SIGHUP'], 'ours'],

    [
      'refused file',
      [
        'the vault has a file that Kong refuses',
        'standby has its file refused',
        'SIGHUP',
        'reload',
        'restart',
      ],
      'nothing',
    ],
    [
      'refused file',
      ['the vault has a file that Kong refuses', 'standby has its file refused', 'control plane', 'SIGHUP'],
      'theirs',
    ],

    ['leftovers', ['halves of files', 'standby seeds', 'restart'], 'ours'],
    [
      'leftovers',
      ['the line of a killed run', 'standby seeds', 'control plane', 'no control plane', 'SIGHUP'],
      'theirs',
    ],

    ['old cache', ['an old cache', 'standby finds a configuration', 'SIGHUP', 'restart'], 'old'],
    ['old cache', ['an old cache', 'standby for old caches seeds', 'SIGHUP', 'restart'], 'ours'],
    [
      'old cache',
      ['an old cache', 'control plane that has the old', 'standby for old caches leaves it', 'SIGHUP'],
      'old',
    ],
    ['old cache', ['an old cache', 'control plane', 'standby for old caches leaves it', 'restart'], 'theirs'],
    ['old cache', ['an old cache', 'standby for old caches seeds', 'control plane', 'SIGHUP'], 'theirs'],
    [
      'old cache',
      [
        'an old cache',
        'the vault has a file that Kong refuses',
        'standby for old caches has its file refused',
        'SIGHUP',
        'restart',
      ],
      'old',
    ],
  ];
  const played = sideBySide(rows, atOnce, ([, steps, expected]) => outcomeOf(stage, kong, steps, expected));

  it.each(played)('%s: %j → %s', async (_state, _steps, expected, outcome) => {
    expect(await outcome()).toBe(expected);
  });

  it('two standbys seed a node once, and leave its settings as they were', async () => {
    const scenario = await newScenario(stage, testedFakeKong);
    const before = await scenario.environmentText();
    const { prefix, statusUrl } = scenario.node();
    const parameters = [
      ...['standby', '--json', '--control-plane', 'prod', '--kong-version', '3.9.1'],
      ...['--endpoint', scenario.endpoint, '--public-key', stage.publicKey, '--prefix', prefix],
      ...['--status-url', statusUrl, '--load-timeout', '10', '--after', '0', '--spread', '0'],
    ];

    const both = await Promise.all([1, 2].map(() => stage.cli.run(parameters, credentials)));

    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await scenario.served()).toBe('ours');
    expect(await scenario.environmentText()).toBe(before);
    expect((await readdir(prefix)).filter((name) => /lifeboat/.test(name))).toEqual(['lifeboat-config.json']);
    await scenario.stop();
  });
});
