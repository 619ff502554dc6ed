import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { Writable } from 'node:stream';
import vm from 'node:vm';
import type { Ended } from '../local/processes.ts';

type Compiled = (...values: readonly unknown[]) => unknown;

const scopeNames = ['process', 'console'] as const;
const compiledSdks = new Map<string, Compiled>();

/**
 * The bundled client, compiled once and run anew for each call: its own modules, arguments, environment,
 * streams and exit code, in the test's process. A process of its own takes ten times as long, nearly all of
 * it Node's start. It gets no signal and no terminal, and knows nothing of what Node reads from the
 * environment when a process starts.
 */
export function loadProgram(file: string) {
  const source = readFileSync(file, 'utf8').replace(/^#!.*/, '');
  const parameters = ['module', 'exports', 'require', ...scopeNames];
  const program = compile(source, parameters, { filename: file });
  return async (parameters: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> => {
    const startedMs = Date.now();
    const { own, stdout, stderr } = ownProcess([process.execPath, file, ...parameters], env);
    const scope = [own, new console.Console(own.stdout, own.stderr)];
    const module: { exports: { readonly ended?: Promise<void> } } = { exports: {} };
    program(module, module.exports, requireFor(file, own, scope), ...scope);
    await module.exports.ended;
    return {
      exitCode: Number(own.exitCode ?? 0),
      endedBy: null,
      stdout: stdout(),
      stderr: stderr(),
      seconds: (Date.now() - startedMs) / 1000,
    };
  };
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
function ownProcess(argv: readonly string[], env: Readonly<Record<string, string>>) {
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
      throw new Error('a program that ends its process is run in a process of its own');
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
