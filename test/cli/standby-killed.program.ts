/**
 * Standby makes nothing worse when it is killed: whatever becomes of it, and of Kong afterwards, the
 * configuration that is served is the one that should be. Each step checks that standby got as far as its
 * name says.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sideBySide } from '../side-by-side.ts';
import { testedKongs } from '../simulators/kong/running-kong.ts';
import { atOnce, newStage, outcomeOf, type Served, type Stage, type Step } from './standby-scenario.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await newStage();
});

afterAll(() => stage.stop());

describe.each(testedKongs)('what is served after a killed run ($name Kong)', (kong) => {
  const rows: readonly (readonly [steps: readonly Step[], served: Served])[] = [
    // Nothing was given to the node yet.
    [['killed while asking'], 'nothing'],
    [['killed while asking', 'SIGHUP', 'reload', 'restart'], 'nothing'],
    [['killed while asking', 'control plane', 'SIGHUP'], 'theirs'],
    [['killed while downloading', 'SIGHUP', 'reload', 'restart'], 'nothing'],
    [['killed while downloading', 'control plane'], 'theirs'],
    [['killed while downloading', 'standby seeds'], 'ours'],

    // The line is there, and Kong was not told: only a SIGHUP makes it look, and what it finds is verified.
    [['killed with the line written'], 'nothing'],
    [['killed with the line written', 'SIGHUP'], 'ours'],
    [['killed with the line written', 'reload', 'SIGHUP'], 'nothing'],
    [['killed with the line written', 'restart', 'SIGHUP'], 'nothing'],
    [['killed with the line written', 'standby seeds', 'restart'], 'ours'],
    [['killed with the line written', 'control plane', 'reload'], 'theirs'],
    [['killed with the line written', 'control plane', 'restart', 'SIGHUP'], 'theirs'],
    [['killed with the line written', 'control plane', 'standby finds a configuration', 'SIGHUP'], 'theirs'],

    // Kong has loaded the file, and the line is left.
    [['killed after the SIGHUP'], 'ours'],
    [['killed after the SIGHUP', 'reload', 'restart'], 'ours'],
    [['killed after the SIGHUP', 'control plane', 'reload', 'SIGHUP'], 'theirs'],
    [['killed before the line went', 'SIGHUP', 'restart'], 'ours'],
    [['killed before the line went', 'control plane', 'restart', 'SIGHUP'], 'theirs'],
    [['killed before the line went', 'control plane', 'standby finds a configuration', 'SIGHUP'], 'theirs'],
    [['ended by SIGTERM after the SIGHUP', 'control plane', 'SIGHUP'], 'theirs'],

    // The one known exception: the line is left, the control plane has delivered and gone, and somebody sends
    // a raw SIGHUP before standby or Kong is started again.
    [['killed before the line went', 'control plane', 'no control plane', 'SIGHUP'], 'ours'],
    [['killed before the line went', 'control plane', 'no control plane', 'reload'], 'theirs'],
    [['killed before the line went', 'control plane', 'no control plane', 'restart'], 'theirs'],

    // A line over an old cache.
    [['an old cache', 'killed with the line written over an old cache', 'reload', 'SIGHUP'], 'old'],
    [['an old cache', 'killed with the line written over an old cache', 'control plane', 'reload'], 'theirs'],
  ];
  const played = sideBySide(rows, atOnce, ([steps, expected]) => outcomeOf(stage, kong, steps, expected));

  it.each(played)('%j → %s', async (_steps, expected, outcome) => {
    expect(await outcome()).toBe(expected);
  });
});
