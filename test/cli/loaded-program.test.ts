import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadProgram } from './loaded-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-loaded-'));
const file = join(folder, 'program.cjs');
afterAll(() => rmSync(folder, { recursive: true }));

/** @param code what is awaited before the program has ended */
function load(code: string, limitSeconds?: number) {
  writeFileSync(file, `exports.ended = (async () => { ${code} })();`);
  const run = loadProgram(file, limitSeconds);
  return run([], {});
}

describe('a program in the test’s own process', () => {
  it('ends with its exit code, and what it has said', async () => {
    expect(await load(`process.exitCode = 7; console.log('a'); console.error('b')`)).toMatchObject({
      exitCode: 7,
      stdout: 'a\n',
      stderr: 'b\n',
    });
  });

  it('ends with 1 at a rejection that nobody handles, also while it goes on', async () => {
    const ended = await load(
      `process.exitCode = 7; Promise.reject(new Error('forgotten')); await new Promise(() => {})`,
    );

    expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^Error: forgotten\n {4}at /) });
  });

  it('ends with 1 at one in its last turn', async () => {
    const ended = await load(`process.exitCode = 7; Promise.reject(new Error('forgotten'))`);

    expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^Error: forgotten\n {4}at /) });
  });

  it('may handle a rejection later in the same turn', async () => {
    expect(
      await load(`const failed = Promise.reject(new Error()); await failed.catch(() => {})`),
    ).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('is as long as what it has opened keeps a process alive', async () => {
    expect((await load('setTimeout(() => { process.exitCode = 7 }, 50)')).exitCode).toBe(7);
  });

  it.each([
    ['a timer', 'setTimeout(() => {}, 600_000).unref()'],
    ['a timer that is cleared', 'clearTimeout(setTimeout(() => {}, 600_000))'],
    ['a timer that has fired', `await require('node:timers/promises').setTimeout(1)`],
    [
      'a server',
      `const server = require('node:net').createServer();
       await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
       server.unref()`,
    ],
  ])('does not wait for %s that keeps no process alive', async (_what, code) => {
    expect((await load(code, 30)).exitCode).toBe(0);
  });

  it.each([
    ['that never is done', 0.1, 'await new Promise(() => {})', 'it is not done, and nothing is open'],
    [
      'that leaves a server open',
      // A slow machine listens late.
      1,
      `const server = require('node:net').createServer();
       await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
       setTimeout(() => server.close(), 2_000).unref()`,
      'it is done, and TCPSERVERWRAP is open',
    ],
  ])('%s fails the test, and does not hang it', async (_which, limitSeconds, code, message) => {
    await expect(load(code, limitSeconds)).rejects.toThrow(
      `the program has not ended within ${limitSeconds} s: ${message}`,
    );
  });

  it('fails the test when it ends its process, whatever it makes of that', async () => {
    await expect(load('try { process.exit(3) } catch {}')).rejects.toThrow('in a process of its own');
  });

  it('fails the test when it does not say when it has ended', async () => {
    writeFileSync(file, '');

    await expect(loadProgram(file)([], {})).rejects.toThrow('does not say when it has ended');
  });
});
