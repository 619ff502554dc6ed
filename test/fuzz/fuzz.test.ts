import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { projectRoot } from '../../build/project-root.ts';
import { fuzz } from './run.ts';
import { removeScratchFolder } from './scratch.ts';
import { seededBugs } from './seeded-bugs.ts';
import { type Outcome, target } from './target.ts';
import { targets } from './targets.ts';

afterAll(removeScratchFolder);

const request = { cases: 12, firstSeed: 1, seconds: 60 };
const always = (name: string, outcome: () => Outcome) => target(name, fc.nat(), outcome);

describe('hostile input', () => {
  it('is refused by each target, or taken with its oracle', async () => {
    const { counts, findings } = await fuzz({ ...request, targets, cases: 220 });

    expect(findings).toEqual([]);
    expect(Object.values(counts).every(({ cases }) => cases >= 10)).toBe(true);
  });

  it('that is accepted, or that the code fails at, is a finding with its seed', async () => {
    const wrong = [
      always('accepts', () => 'accepted'),
      always('fails', () => {
        throw new TypeError('a word of the input');
      }),
      always('refuses', () => 'refused'),
    ];

    const { counts, findings } = await fuzz({ ...request, targets: wrong });

    expect(counts).toMatchObject({
      accepts: { cases: 4, accepted: 4 },
      fails: { cases: 4, crashes: 4 },
      refuses: { cases: 4, refused: 4 },
    });
    expect(findings).toHaveLength(8);
    expect(findings[0]).toMatchObject({ target: 'accepts', seed: 1, what: 'accepted' });
    expect(findings[1]).toMatchObject({
      target: 'fails',
      what: 'crashed',
      error: { errorName: 'TypeError' },
    });
  });

  it('is the same for the same seed', () => {
    for (const each of targets) {
      expect(each.make(7).description).toBe(each.make(7).description);
    }
  });
});

describe('the faults that are built in', () => {
  it('are one for each target', () => {
    expect(seededBugs.map((bug) => bug.target)).toEqual(targets.map(({ name }) => name));
  });

  it.each(seededBugs)('$what: its text stands once in $edit.file', ({ edit: { file, find } }) => {
    expect(readFileSync(join(projectRoot, file), 'utf8').split(find)).toHaveLength(2);
  });
});
