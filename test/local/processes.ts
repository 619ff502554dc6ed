import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../../build/project-root.ts';

/**
 * What a process or an outcome may take, on however busy a machine. Tests have no other time limit
 * (jest-light-runner knows none), and after this one a test tells what it has seen.
 */
export const patienceSeconds = 500;

export interface Ended {
  readonly exitCode: number | null;
  /** That has ended it. Shells then say 128 and its number. */
  readonly endedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface StartedProcess {
  readonly ended: Promise<Ended>;
  hasEnded(): boolean;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
}

export interface ProcessOptions {
  /**
   * All of its environment besides PATH, HOME and TMPDIR: what a test's machine has set must not decide its
   * outcome.
   */
  readonly env?: Readonly<Record<string, string>>;
  readonly limitSeconds?: number;
}

/** Child processes in groups of their own, none of which outlives its test. */
export interface Processes {
  start(command: string, parameters: readonly string[], options?: ProcessOptions): StartedProcess;
  run(command: string, parameters: readonly string[], options?: ProcessOptions): Promise<Ended>;
  stop(): Promise<void>;
}

export function processes(): Processes {
  const running = new Map<ChildProcess, Promise<unknown>>();

  function start(
    command: string,
    parameters: readonly string[],
    { env = {}, limitSeconds = patienceSeconds }: ProcessOptions = {},
  ): StartedProcess {
    const startedMs = Date.now();
    const child = spawn(command, parameters, {
      cwd: projectRoot,
      detached: true,
      env: { ...basicEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => end(child), limitSeconds * 1000);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, endedBy) =>
        resolve({ exitCode, endedBy, stdout, stderr, seconds: (Date.now() - startedMs) / 1000 }),
      );
    }).finally(() => {
      clearTimeout(timer);
      running.delete(child);
    });
    running.set(child, ended);
    return {
      ended,
      hasEnded: () => !running.has(child),
      stdout: () => stdout,
      stderr: () => stderr,
      signal: (name) => {
        child.kill(name);
      },
    };
  }

  return {
    start,
    run: (command, parameters, options) => start(command, parameters, options).ended,
    async stop() {
      const last = [...running.entries()];
      for (const [child] of last) {
        end(child);
      }
      await Promise.allSettled(last.map(([, ended]) => ended));
    },
  };
}

/** What every program is given. */
export function basicEnvironment(): Readonly<Record<string, string>> {
  const { PATH = '', HOME = '', TMPDIR = tmpdir() } = process.env;
  return { PATH, HOME, TMPDIR, AWS_EC2_METADATA_DISABLED: 'true' };
}

/** The whole group: a shell's children too. */
function end(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    process.kill(-child.pid, 'SIGKILL');
  }
}

/** Waits until it is true; false when it does not come true in time. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  limitSeconds = patienceSeconds,
): Promise<boolean> {
  const deadlineMs = Date.now() + limitSeconds * 1000;
  while (!(await isTrue())) {
    if (Date.now() > deadlineMs) {
      return false;
    }
    await delay(50);
  }
  return true;
}

/** Node's parameters for a TypeScript entry of this project. */
export const typescript = (entry: string, ...parameters: readonly string[]): readonly string[] => [
  '--import',
  'tsx',
  entry,
  ...parameters,
];
