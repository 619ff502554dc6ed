import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileVariables } from '../../cli/file-variables.ts';

let directory: string;
let file: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-variables-'));
  file = join(directory, 'value');
  await writeFile(file, 'from the file\n');
});
afterAll(() => rm(directory, { recursive: true }));

describe('variables', () => {
  it.each<[string, () => NodeJS.ProcessEnv, string | undefined]>([
    ['that are set are kept', () => ({ NAME: 'a' }), 'a'],
    ['that are set to nothing are as if they were not', () => ({ NAME: '' }), undefined],
    ['come from a file', () => ({ NAME_FILE: file }), 'from the file'],
    ['that are set to nothing come from a file', () => ({ NAME: '', NAME_FILE: file }), 'from the file'],
    ['whose file is set to nothing are kept', () => ({ NAME: 'a', NAME_FILE: '' }), 'a'],
  ])('%s', async (_what, given, expected) => {
    const environment = given();

    await readFileVariables(['NAME'], environment);

    expect(environment['NAME']).toBe(expected);
  });

  it('leave others alone', async () => {
    const environment = { OTHER: '' };

    await readFileVariables(['NAME'], environment);

    expect(environment).toEqual({ OTHER: '' });
  });
});
