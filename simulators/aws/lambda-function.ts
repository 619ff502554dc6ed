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
  /** Limits its heap; buffers, which Lambda would count as well, are not limited. @default Node's limit */
  readonly memorySizeMb?: number | undefined;
  /** What the function logs. */
  readonly logFile: string;
  /** Takes each line of it, too. */
  readonly onLog?: (line: string) => void;
  /** Its metrics, as it wrote them (embedded metric format). */
  readonly onMetrics: (metrics: Readonly<Record<string, unknown>>) => void;
  /** Takes the time of each invocation, and whether the function threw or ran out of time. */
  readonly onInvoked?: (durationMs: number, hasFailed: boolean) => void;
}

/** A function in threads with an environment and module state of their own: one is one warm instance. */
export interface LambdaFunction {
  /**
   * Loads the code without an event, as for provisioned concurrency.
   *
   * @throws Error when it cannot be loaded, for example because a variable is missing
   */
  load(): Promise<void>;
  /** @throws Error when the handler threw or ran out of time */
  invoke(event: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** One thread, and who waits for its answers. */
interface Instance {
  readonly worker: Worker;
  readonly waiting: Map<number, (answer: Answer) => void>;
  /** The code is loaded, or cannot be. */
  readonly loaded: Promise<Answer>;
  /** Settles when all that it printed is read. */
  readonly printed: Promise<unknown>;
}

/** Of the answer that tells that the code is loaded; invocations count from 1. */
const loadedId = 0;

/** Starts a function; its code is loaded with the first event, so that that one is a cold start. */
export function lambdaFunction(options: LambdaFunctionOptions): LambdaFunction {
  const { name, logFile, timeoutSeconds } = options;
  const instances = new Set<Instance>();
  let warm: Instance | undefined;
  let invocations = 0;
  let stopping: Promise<void> | undefined;
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });

  function warmInstance(): Instance {
    if (warm === undefined) {
      const instance = startInstance(options, (line) => log.write(`${line}\n`));
      instance.worker.on('exit', () => {
        retire(instance);
        instances.delete(instance);
      });
      instances.add(instance);
      warm = instance;
    }
    return warm;
  }

  function retire(instance: Instance): void {
    if (warm === instance) {
      warm = undefined;
    }
  }

  async function end(): Promise<void> {
    const last = [...instances];
    await Promise.all(last.map(({ worker }) => worker.terminate()));
    // Its last words come after its end.
    await Promise.all(last.map(({ printed }) => printed));
    await new Promise<void>((resolve) => {
      log.end(resolve);
    });
  }

  /** @throws Error when the function failed */
  function resultOf(answer: Answer): unknown {
    if ('failure' in answer) {
      log.write(`${answer.failure}\n`);
      throw new Error(`${name} failed, see ${logFile}: ${answer.failure.split('\n')[0]}`);
    }
    return answer.result;
  }

  return {
    async load() {
      resultOf(await warmInstance().loaded);
    },
    async invoke(event) {
      if (stopping !== undefined) {
        throw new Error(`${name} was stopped`);
      }
      invocations += 1;
      const id = invocations;
      const timeoutMs = timeoutSeconds * 1000;
      const instance = warmInstance();
      const startedMs = performance.now();
      let timer: NodeJS.Timeout | undefined;
      let answer: Answer | undefined;
      try {
        answer = await new Promise<Answer>((resolve) => {
          instance.waiting.set(id, resolve);
          timer = setTimeout(() => {
            resolve({ id, failure: `${name} timed out after ${timeoutSeconds} s` });
            // As in Lambda, the instance ends, and the next event is a cold start.
            retire(instance);
            void instance.worker.terminate();
          }, timeoutMs);
          const invocation: Invocation = { id, event, deadlineMs: Date.now() + timeoutMs };
          instance.worker.postMessage(invocation);
        });
        return resultOf(answer);
      } finally {
        clearTimeout(timer);
        instance.waiting.delete(id);
        options.onInvoked?.(performance.now() - startedMs, answer === undefined || 'failure' in answer);
      }
    },
    stop() {
      stopping ??= end();
      return stopping;
    },
  };
}

function startInstance(options: LambdaFunctionOptions, writeLine: (line: string) => void): Instance {
  const { name, memorySizeMb } = options;
  const worker = new Worker(pathToFileURL(options.runtime), {
    workerData: { bundle: pathToFileURL(options.bundle).href },
    env: { ...options.environment, AWS_LAMBDA_FUNCTION_NAME: name },
    execArgv: [],
    ...(memorySizeMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memorySizeMb } }),
    stdout: true,
    stderr: true,
  });
  const waiting: Instance['waiting'] = new Map();
  const loaded = new Promise<Answer>((resolve) => {
    waiting.set(loadedId, resolve);
  });
  const failAll = (failure: string) => {
    for (const [id, settle] of waiting) {
      settle({ id, failure });
    }
  };
  worker.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer));
  worker.on('error', (error) => failAll(`${name} broke down: ${error.message}`));
  worker.on('exit', () => failAll(`${name} ended`));
  const keepLine = (line: string) => {
    const metrics = metricsIn(line);
    if (metrics === undefined) {
      writeLine(line);
      options.onLog?.(line);
    } else {
      options.onMetrics(metrics);
    }
  };
  const printed = Promise.all([eachLine(worker.stdout, keepLine), eachLine(worker.stderr, keepLine)]);
  return { worker, waiting, loaded, printed };
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
