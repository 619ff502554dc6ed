/** Drills in a local system, by the function that is deployed. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DrillStage, startDrillStage } from '../../local/drill/stage.ts';

let stage: DrillStage;

beforeAll(async () => {
  stage = await startDrillStage();
  await stage.publish();
}, 120_000);

afterAll(() => stage.stop());

const measured = (name: string) =>
  stage.system.measurements().flatMap((each) => (each.name === name ? [each.value] : []));

describe('a drill', () => {
  it('boots a new data plane of each version, and measures that apart from grants of others', async () => {
    expect(await stage.system.playDrill()).toMatchObject({
      outcome: 'passed',
      restorableAgeSeconds: expect.any(Number),
      versions: [
        { kongVersion: '3.9.1', outcome: 'passed', revision: 1 },
        { kongVersion: '3.8.1', outcome: 'passed', revision: 1 },
      ],
      revisions: { passed: 2, unverified: 0, broken: [] },
    });
    expect(measured('DrillSucceeded').at(-1)).toBe(1);
    expect(measured('DrillSeconds').at(-1)).toBeGreaterThan(0);
    expect(measured('RestorableAgeSeconds').at(-1)).toBeLessThan(3_600);
    expect(measured('GrantsToDrills').length).toBeGreaterThan(0);
    expect(measured('GrantsIssued')).toEqual([]);
  });

  it.each([
    ['file', 'file', 'is not the one in its manifest'],
    ['key', 'key', 'not trusted here'],
    ['version', 'version', 'was made for Kong 3.8.1'],
    ['reference', 'reference', 'lead to no entity'],
    ['api', 'api', 'did not answer'],
  ] as const)(
    'says which part is broken: %s',
    async (part, fault, words) => {
      await stage.breakPart[part]();

      const { outcome, versions } = await stage.system.playDrill();

      expect(outcome).toBe('failed');
      expect(versions[0]).toMatchObject({
        kongVersion: '3.9.1',
        fault,
        detail: expect.stringMatching(words),
      });
      expect(measured('DrillSucceeded').at(-1)).toBe(0);
    },
    120_000,
  );

  it('was refused nothing by a policy', () => {
    expect(stage.system.refusals()).toEqual([]);
  });
});
