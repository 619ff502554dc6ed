import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

export interface Invocation {
  readonly id: number;
  readonly event: unknown;
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: string };

export interface LambdaFunctionOptions {
  readonly name: string;
  /** The bundled function, the very file that a deployment would upload. */
  readonly bundle: string;
  /** The bundled runtime.ts. */
  readonly runtime: string;
  /** All of its environment: it sees nothing of ours. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** What the function logs. */
  readonly logFile: string;
  /** Its metrics, as it wrote them (embedded metric format). */
  readonly onMetrics: (metrics: Readonly<Record<string, unknown>>) => void;
}

/** A function in a thread of its own, with its own environment and module state, as in Lambda; one thread is one warm instance. */
export interface LambdaFunction {
  /** @throws Error when the handler threw or ran out of time */
  invoke(event: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a function; its code is loaded with the first event, so that that one is a cold start. */
export function lambdaFunction(options: LambdaFunctionOptions): LambdaFunction {
  let worker: Worker | undefined;
  let invocations = 0;
  const waiting = new Map<number, (answer: Answer) => void>();
  let reading: readonly Promise<unknown>[] = [];
  const log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });

  function warm(): Worker {
    if (worker !== undefined) {
      return worker;
    }
    const started = new Worker(pathToFileURL(options.runtime), {
      workerData: { bundle: pathToFileURL(options.bundle).href },
      env: { ...options.environment, AWS_LAMBDA_FUNCTION_NAME: options.name },
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    started.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer));
    started.on('error', (error) => failAll(`${options.name} broke down: ${error.message}`));
    started.on('exit', () => {
      worker = undefined;
      failAll(`${options.name} ended`);
    });
    const metricsAndLog = eachLine(started.stdout, (line) => {
      const metrics = metricsIn(line);
      if (metrics === undefined) {
        log.write(`${line}\n`);
      } else {
        options.onMetrics(metrics);
      }
    });
    const errors = eachLine(started.stderr, (line) => log.write(`${line}\n`));
    reading = [metricsAndLog, errors];
    worker = started;
    return started;
  }

  function failAll(failure: string): void {
    for (const [id, settle] of waiting) {
      settle({ id, failure });
    }
  }

  return {
    async invoke(event) {
      invocations += 1;
      const id = invocations;
      const timeoutMs = options.timeoutSeconds * 1000;
      let timer: NodeJS.Timeout | undefined;
      try {
        const answer = await new Promise<Answer>((resolve) => {
          waiting.set(id, resolve);
          timer = setTimeout(() => {
            resolve({ id, failure: `${options.name} timed out after ${options.timeoutSeconds} s` });
            // As Lambda does: what ran too long must not go on behind its caller's back. The next event is a cold start.
            void worker?.terminate();
          }, timeoutMs);
          warm().postMessage({ id, event, deadlineMs: Date.now() + timeoutMs } satisfies Invocation);
        });
        if ('failure' in answer) {
          log.write(`${answer.failure}\n`);
          throw new Error(`${options.name} failed, see ${options.logFile}: ${answer.failure.split('\n')[0]}`);
        }
        return answer.result;
      } finally {
        clearTimeout(timer);
        waiting.delete(id);
      }
    },
    async stop() {
      await worker?.terminate();
      // Its last words come after its end.
      await Promise.all(reading);
      await new Promise<void>((resolve) => {
        log.end(resolve);
      });
    },
  };
}

/** @returns the stream's end */
function eachLine(stream: Readable, take: (line: string) => void): Promise<unknown> {
  return once(createInterface({ input: stream }).on('line', take), 'close');
}

function metricsIn(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) {
    return undefined;
  }
  try {
    const content = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return '_aws' in content ? content : undefined;
  } catch {
    // Not JSON after all: a line like any other.
    return undefined;
  }
}
