/** The programs that a life is played with: the real `cdk`, and `lifeboat` as it is shipped. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../build/project-root.ts';
import type { Account } from './account.ts';
import { LifeError } from './failure.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** @default only 0 */
  readonly expected?: readonly number[];
  /** Beside those of the account. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Kills the program after so long. @default 20 minutes */
  readonly patienceMs?: number;
}

/** As long as CloudFormation may take with a stack. */
const patienceMs = 1_200_000;

/** @throws LifeError `failed` with the last lines it said, when it ends otherwise than expected */
export function runCdk(account: Account, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return run(account, `cdk ${args[0]}`, [join(projectRoot, 'node_modules/aws-cdk/bin/cdk'), ...args], {
    ...options,
    environment: { CI: 'true', ...options.environment },
  });
}

/** The bundle, as the package has it. @throws LifeError as above */
export function runLifeboat(
  account: Account,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  return run(
    account,
    `lifeboat ${args.slice(0, 2).join(' ')}`,
    [join(projectRoot, 'dist/lifeboat.cjs'), ...args],
    { ...options, environment: { NODE_NO_WARNINGS: '1', ...options.environment } },
  );
}

function run(
  account: Account,
  title: string,
  args: readonly string[],
  { expected = [0], environment = {}, patienceMs: longestMs = patienceMs }: RunOptions,
): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMs,
    // Nothing of the person's own AWS or Lifeboat settings but what the account says.
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...account.environment,
      ...environment,
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => {
      if (code !== null && expected.includes(code)) {
        done({ code, stdout, stderr });
        return;
      }
      failed(
        new LifeError(
          'failed',
          `${title} ended with ${code ?? signal}, not with ${expected.join(' or ')}:\n${lastLines(`${stdout}\n${stderr}`)}`,
        ),
      );
    });
  });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(-25)
    .map((line) => `    ${line.slice(0, 400)}`)
    .join('\n');
}
