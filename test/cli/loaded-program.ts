import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { Writable } from 'node:stream';
import { setTimeout as delay, setImmediate as endTurn } from 'node:timers/promises';
import vm from 'node:vm';
import { type Ended, patienceSeconds } from '../local/processes.ts';

type Compiled = (...values: readonly unknown[]) => unknown;

const scopeNames = ['process', 'console'] as const;
const compiledSdks = new Map<string, Compiled>();

/**
 * The bundled client, compiled once and run anew for each call: its own modules, arguments, environment,
 * streams and exit code, in the test's process. A process of its own takes ten times as long, nearly all of
 * it Node's start. It ends as a process does: when it is done and nothing that it has opened keeps it alive,
 * or with 1 at a rejection that nobody handles. It gets no signal and no terminal, knows nothing of what Node
 * reads from the environment when a process starts, and an error that nobody catches ends the test's process.
 *
 * @returns runs it; rejects when it has not ended in time, or wants to end its process
 */
export function loadProgram(file: string, limitSeconds = patienceSeconds) {
  const source = readFileSync(file, 'utf8').replace(/^#!.*/, '');
  const parameters = ['module', 'exports', 'require', ...scopeNames];
  const program = compile(source, parameters, { filename: file });
  return async (parameters: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> => {
    const startedMs = Date.now();
    const run = new Run();
    const { own, stdout, stderr } = ownProcess([process.execPath, file, ...parameters], env, run);
    const scope = [own, new console.Console(own.stdout, own.stderr)];
    const module: { exports: { readonly ended?: Promise<void> } } = { exports: {} };
    await run.toItsEnd(limitSeconds, async () => {
      program(module, module.exports, requireFor(file, own, scope), ...scope);
      if (module.exports.ended === undefined) {
        throw new Error(`${file} does not say when it has ended`);
      }
      await module.exports.ended;
    });
    const { rejection } = run;
    return {
      exitCode: rejection === undefined ? Number(own.exitCode ?? 0) : 1,
      endedBy: null,
      stdout: stdout(),
      stderr: rejection === undefined ? stderr() : `${stderr()}${rejection}\n`,
      seconds: (Date.now() - startedMs) / 1000,
    };
  };
}

interface Handle {
  hasRef(): boolean;
  /** Of a timer that has fired or was cleared: Node 20 says of it that it keeps the process alive. */
  readonly _destroyed?: boolean;
}

const runs = new AsyncLocalStorage<Run>();
/** Who is running. Without them nothing of the test's process is watched, which would cost each promise. */
const running = new Set<Run>();
const watch = createHook({
  init(_asyncId, type, _triggerAsyncId, resource: object & Partial<Handle>) {
    if (resource.hasRef !== undefined) {
      runs.getStore()?.opened.set(resource as Handle, type);
    }
  },
});
process.on('unhandledRejection', (reason) => {
  const run = runs.getStore();
  if (run === undefined || !running.has(run)) {
    // The test's own, or too late to be told: as if nobody listened.
    throw reason;
  }
  run.reject(reason);
});

/** What tells that a process would end, and how. */
class Run {
  /** What could keep a process alive, and its kind. */
  readonly opened = new Map<Handle, string>();
  /** Of a rejection that nobody has handled: what Node prints. */
  rejection: string | undefined;
  #stop: (error?: Error) => void = () => undefined;

  reject(reason: unknown): void {
    this.rejection ??= reason instanceof Error ? (reason.stack ?? String(reason)) : String(reason);
    this.#stop();
  }

  fail(error: Error): void {
    this.#stop(error);
  }

  /** @throws Error when it does not end in time */
  async toItsEnd(limitSeconds: number, program: () => Promise<void>): Promise<void> {
    let [isDone, isOver] = [false, false];
    let timer: NodeJS.Timeout | undefined;
    const stopped = new Promise<void>((resolve, reject) => {
      this.#stop = (error) => (error === undefined ? resolve() : reject(error));
      timer = setTimeout(() => reject(this.#tooLate(limitSeconds, isDone)), limitSeconds * 1000);
    });
    running.add(this);
    watch.enable();
    try {
      const ended = runs.run(this, program).then(async () => {
        isDone = true;
        // Node tells of a rejection that nobody handles when the turn is over.
        await endTurn();
        while (this.#stillOpen().length > 0 && !isOver) {
          await delay(5);
        }
      });
      await Promise.race([ended, stopped]);
    } finally {
      isOver = true;
      clearTimeout(timer);
      running.delete(this);
      if (running.size === 0) {
        watch.disable();
        runs.disable();
      }
    }
  }

  #stillOpen(): readonly string[] {
    return [...this.opened].flatMap(([handle, type]) =>
      handle.hasRef() && handle._destroyed !== true ? [type] : [],
    );
  }

  #tooLate(limitSeconds: number, isDone: boolean): Error {
    const open = this.#stillOpen().join(', ') || 'nothing';
    return new Error(
      `the program has not ended within ${limitSeconds} s: it is ${isDone ? '' : 'not '}done, and ${open} is open`,
    );
  }
}

function compile(code: string, parameters: readonly string[], options: vm.CompileFunctionOptions): Compiled {
  return vm.compileFunction(code, parameters, options) as unknown as Compiled;
}

/** What the bundle takes of Node, with this process and what it compiles itself in the same scope. */
function requireFor(file: string, own: NodeJS.Process, scope: readonly unknown[]) {
  const requireModule = createRequire(file);
  const compileFunction = (
    code: string,
    parameters: readonly string[],
    options: vm.CompileFunctionOptions,
  ) => {
    const compiled = compiledSdks.get(code) ?? compile(code, [...parameters, ...scopeNames], options);
    compiledSdks.set(code, compiled);
    return (...values: readonly unknown[]) => compiled(...values, ...scope);
  };
  return (name: string): unknown => {
    switch (name.replace(/^node:/, '')) {
      case 'process':
        return own;
      case 'os':
        return { ...os, tmpdir: () => own.env['TMPDIR'], homedir: () => own.env['HOME'] };
      case 'vm':
        return { ...vm, compileFunction };
      default:
        return requireModule(name);
    }
  };
}

/** This process with another beginning and other streams. */
function ownProcess(argv: readonly string[], env: Readonly<Record<string, string>>, run: Run) {
  const [stdout, stderr] = [keepWritten(), keepWritten()];
  const events = new EventEmitter();
  const own = {
    argv: [...argv],
    env: { ...env },
    exitCode: undefined,
    stdout: stdout.stream,
    stderr: stderr.stream,
    stdin: { isTTY: false },
    emitWarning: (warning: string | Error) => stderr.stream.write(`(node) ${String(warning)}\n`),
    exit: () => {
      const error = new Error('a program that ends its process is run in a process of its own');
      // Whatever the program makes of the error.
      run.fail(error);
      throw error;
    },
  };
  const proxy = new Proxy(process, {
    get(target, name) {
      const [owner, self] = name in own ? [own, own] : name in events ? [events, events] : [target, target];
      const value: unknown = Reflect.get(owner, name);
      return typeof value === 'function' && owner !== own ? value.bind(self) : value;
    },
    set: (_target, name, value) => Reflect.set(own, name, value),
  });
  return { own: proxy, stdout: stdout.text, stderr: stderr.text };
}

function keepWritten() {
  const pieces: Buffer[] = [];
  const stream = new Writable({
    decodeStrings: true,
    write(piece: Buffer, _encoding, done) {
      pieces.push(piece);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(pieces).toString() };
}
