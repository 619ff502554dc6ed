import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { bundleEntry } from '../../../build/bundle.ts';
import { type LambdaFunction, lambdaFunction } from '../../../simulators/aws/lambda-function.ts';
import { eventually } from '../../local/processes.ts';

let directory: string;
let runtime: string;
let count = 0;
const running: LambdaFunction[] = [];

interface Started {
  readonly fn: LambdaFunction;
  readonly logFile: string;
  readonly metrics: readonly Readonly<Record<string, unknown>>[];
  readonly durationsMs: readonly number[];
}

/** A function whose handler is this code. */
async function start(
  code: string,
  options: { readonly timeoutSeconds?: number; readonly memorySizeMb?: number } = {},
): Promise<Started> {
  count += 1;
  const bundle = join(directory, `function-${count}.mjs`);
  const logFile = join(directory, `function-${count}.log`);
  await writeFile(bundle, code);
  const metrics: Readonly<Record<string, unknown>>[] = [];
  const durationsMs: number[] = [];
  const fn = lambdaFunction({
    name: 'under-test',
    bundle,
    runtime,
    environment: { GREETING: 'hello' },
    timeoutSeconds: options.timeoutSeconds ?? 500,
    memorySizeMb: options.memorySizeMb,
    logFile,
    onMetrics: (line) => metrics.push(line),
    onInvoked: (durationMs) => durationsMs.push(durationMs),
  });
  running.push(fn);
  return { fn, logFile, metrics, durationsMs };
}

const logged = async (logFile: string, text: string) =>
  eventually(async () => (await readFile(logFile, 'utf8')).includes(text));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-lambda-'));
  runtime = join(directory, 'runtime.mjs');
  await bundleEntry('simulators/aws/lambda-runtime.ts', runtime);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((fn) => fn.stop()));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe('a function', () => {
  it('starts cold once, and keeps its state for the next event', async () => {
    const { fn } = await start(`
      console.log('cold start');
      let events = 0;
      export const handler = async (event) => ({ event, events: (events += 1) });
    `);

    const answers = [await fn.invoke({ a: 1 }), await fn.invoke({ a: 2 })];

    expect(answers).toEqual([
      { event: { a: 1 }, events: 1 },
      { event: { a: 2 }, events: 2 },
    ]);
  });

  it('that is loaded beforehand starts no second time with its first event', async () => {
    const { fn, logFile } = await start(`
      console.log('cold start');
      export const handler = async () => null;
    `);

    await fn.load();
    await fn.invoke({});

    await fn.stop();
    expect(await readFile(logFile, 'utf8')).toBe('cold start\n');
  });

  it('that cannot be loaded says why', async () => {
    const { fn } = await start(`throw new Error('BUCKET is missing')`);

    await expect(fn.load()).rejects.toThrow('BUCKET is missing');
  });

  it('whose heap grows beyond its memory ends', async () => {
    const { fn } = await start(
      `export const handler = async () => {
        const kept = [];
        for (;;) kept.push({ value: String(kept.length) });
      };`,
      { memorySizeMb: 16 },
    );

    await expect(fn.invoke({})).rejects.toThrow('memory');
  });

  it('is not loaded before its first event', async () => {
    const { fn, logFile } = await start(`
      console.log('cold start');
      export const handler = async () => null;
    `);
    await eventually(async () => (await stat(logFile).catch(() => undefined)) !== undefined);
    const before = await readFile(logFile, 'utf8');

    await fn.invoke({});

    expect(before).toBe('');
    expect(await logged(logFile, 'cold start')).toBe(true);
  });

  it('sees its own environment, and nothing of ours', async () => {
    const { fn } = await start('export const handler = async () => ({ ...process.env });');

    const environment = await fn.invoke({});

    expect(environment).toEqual({ GREETING: 'hello', AWS_LAMBDA_FUNCTION_NAME: 'under-test' });
    expect(process.env).not.toHaveProperty('GREETING');
  });

  it('knows how much of its time is left', async () => {
    const { fn } = await start(
      'export const handler = async (_event, context) => context.getRemainingTimeInMillis();',
      { timeoutSeconds: 500 },
    );
    const startedMs = performance.now();

    const remainingMs = await fn.invoke({});

    const tookMs = Math.ceil(performance.now() - startedMs);
    expect(remainingMs).toBeLessThanOrEqual(500_000);
    expect(remainingMs).toBeGreaterThanOrEqual(500_000 - tookMs);
  });

  it('answers events at the same time, each its own', async () => {
    const { fn } = await start(`
      export const handler = async (ms) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return ms;
      };
    `);

    const answers = await Promise.all([fn.invoke(60), fn.invoke(1), fn.invoke(30)]);

    expect(answers).toEqual([60, 1, 30]);
  });
});

describe('a function that fails', () => {
  it('is measured as one that does not: each invocation takes its time', async () => {
    const { fn, durationsMs } = await start(`
      export const handler = async (fails) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (fails) throw new Error('no luck');
      };
    `);

    await fn.invoke(false);
    await fn.invoke(true).catch(() => undefined);

    expect(durationsMs).toHaveLength(2);
    // Timers may come a millisecond early.
    expect(Math.min(...durationsMs)).toBeGreaterThan(18);
  });

  it('by throwing is reported, logged with its stack, and stays warm', async () => {
    const { fn, logFile } = await start(`
      let events = 0;
      export const handler = async (fails) => {
        events += 1;
        if (fails) throw new Error('no luck');
        return events;
      };
    `);

    const failure = fn.invoke(true);

    await expect(failure).rejects.toThrow('under-test failed, see');
    await expect(fn.invoke(false)).resolves.toBe(2);
    expect(await logged(logFile, 'Error: no luck\n    at ')).toBe(true);
  });

  it('by running too long is ended, so that it does not go on unseen, and starts cold again', async () => {
    const { fn, logFile } = await start(
      `
        let events = 0;
        export const handler = async (ms) => {
          events += 1;
          await new Promise((resolve) => setTimeout(resolve, ms));
          console.log('went on');
          return events;
        };
      `,
      // Enough for the second event on a busy machine.
      { timeoutSeconds: 5 },
    );

    const failure = fn.invoke(5_300);

    await expect(failure).rejects.toThrow('timed out after 5 s');
    await expect(fn.invoke(1)).resolves.toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await readFile(logFile, 'utf8')).match(/went on/g)).toHaveLength(1);
  });

  it('by never giving the processor back is ended too', async () => {
    const { fn } = await start('export const handler = async () => { for (;;); };', { timeoutSeconds: 0.3 });

    const failure = fn.invoke({});

    await expect(failure).rejects.toThrow('timed out');
  });

  it.each([
    ['cannot be loaded', "throw new Error('bad environment');", 'bad environment'],
    ['ends itself', 'export const handler = async () => process.exit(3);', 'under-test ended'],
  ])('because it %s fails its event at once', async (_what, code, message) => {
    const { fn } = await start(code);

    const failure = fn.invoke({});

    await expect(failure).rejects.toThrow(message);
  });

  it('fails what waits for it when it is stopped', async () => {
    const { fn } = await start(
      'export const handler = () => new Promise(() => setInterval(() => {}, 1000));',
    );
    const waiting = fn.invoke({});
    const failure = expect(waiting).rejects.toThrow('under-test ended');

    await fn.stop();

    await failure;
  });
});

describe('what a function prints', () => {
  it('goes to its log, and its metrics to who measures', async () => {
    const { fn, logFile, metrics } = await start(`
      export const handler = async () => {
        console.log('{"level":"INFO","message":"published"}');
        console.log('{"_aws":{"CloudWatchMetrics":[]},"Published":1}');
        console.log('{ this is no JSON');
        console.error('a warning');
        return null;
      };
    `);

    await fn.invoke({});
    for (const line of ['"published"', 'no JSON', 'a warning']) {
      await logged(logFile, line);
    }

    const log = await readFile(logFile, 'utf8');
    expect(metrics).toEqual([{ _aws: { CloudWatchMetrics: [] }, Published: 1 }]);
    expect(log.split('\n').sort()).toEqual([
      '',
      'a warning',
      '{ this is no JSON',
      '{"level":"INFO","message":"published"}',
    ]);
  });

  it('can be read by its owner alone', async () => {
    const { fn, logFile } = await start('export const handler = async () => null;');

    await fn.invoke({});
    await logged(logFile, '');

    expect((await stat(logFile)).mode & 0o777).toBe(0o600);
  });
});
