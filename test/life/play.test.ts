import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { withCleanups } from '../../life/cleanups.ts';
import { startMiniStack } from '../../life/emulator/ministack.ts';
import { makePythonFolder } from '../../life/emulator/python-program.ts';
import { LifeError } from '../../life/failure.ts';
import { play } from '../../life/play.ts';

describe('a life', () => {
  it('is played step by step, and ends with the step that fails', async () => {
    const told: string[] = [];
    const step = (name: string, action: () => unknown = () => undefined) => ({
      name,
      what: name,
      play: async () => {
        action();
      },
    });
    const fail = () => {
      throw new LifeError('failed', 'there is no file');
    };

    const played = await play(undefined as never, [step('one'), step('two', fail), step('three')], {
      begin: ({ name }) => told.push(`${name} begins`),
      end: ({ name }, _seconds, error) => told.push(`${name} ends ${error === undefined ? 'well' : 'badly'}`),
    });

    expect(told).toEqual(['one begins', 'one ends well', 'two begins', 'two ends badly']);
    expect(played).toMatchObject({ ok: false, failure: { step: 'two' } });
    expect(Object.keys(played.steps)).toEqual(['one']);
  });

  it.each([
    ['that ends well', () => Promise.resolve()],
    ['that fails', () => Promise.reject(new Error('it fails'))],
  ])('%s leaves nothing: what was started last ends first', async (_how, action) => {
    const ended: string[] = [];
    let folder = '';
    await withCleanups(async (cleanups) => {
      ({ folder } = cleanups);
      expect(existsSync(folder)).toBe(true);
      cleanups.add(async () => ended.push('first'));
      cleanups.add(async () => ended.push('second'));
      await action();
    }).catch(() => undefined);

    expect(ended).toEqual(['second', 'first']);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('a machine on which no life can be played', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-life-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('without Python is told what to do', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      await expect(makePythonFolder(join(folder, 'python'))).rejects.toMatchObject({
        code: 'unplayable',
        message: expect.stringMatching(/no python3 on the PATH.*--endpoint/),
      });
    } finally {
      process.env['PATH'] = path;
    }
  });

  it.each([
    ['/bin/false', /it ended with 1\. Try .* --endpoint\. It said:\n\(nothing\)$/],
    ['/bin/mv', /it ended with 1\. Try .* It said:\n\/bin\/mv: missing file operand/],
    ['/nowhere/ministack', /ENOENT/],
  ])('with an emulator that does not start (%s) says why, at once', async (command, message) => {
    await expect(startMiniStack({ command, version: '9' }, folder, 'eu-central-1')).rejects.toMatchObject({
      code: 'unplayable',
      message: expect.stringMatching(message),
    });
  });
});
