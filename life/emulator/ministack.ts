/** MiniStack (PyPI, MIT): a CloudFormation, an API Gateway and a Lambda that nobody here wrote. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LifeError } from '../failure.ts';
import { freePort } from './free-port.ts';
import type { PythonProgram } from './python-program.ts';

/** With which the whole life was played; an older or newer one may have other gaps. */
export const provedVersion = '1.5.33';

/** KMS signs with it, and MiniStack does not ask for it. */
export const besideMiniStack = ['cryptography'];

export interface RunningEmulator {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** What it is and which version, for reports. */
  readonly name: string;
  stop(): Promise<void>;
}

const startPatienceMs = 60_000;
const saidLength = 2_000;

/**
 * Starts it on 127.0.0.1, with nothing of this machine's environment but the PATH.
 *
 * @param folder for its files
 * @throws LifeError `unplayable` when it does not answer
 */
export async function startMiniStack(
  { command, version }: PythonProgram,
  folder: string,
  region: string,
): Promise<RunningEmulator> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // Its functions are started by a script below this folder, as CommonJS, whatever a folder above says.
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
  const child = spawn(command, [], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its functions are children of its own.
    detached: true,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      TMPDIR: folder,
      LANG: 'C.UTF-8',
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_REGION: region,
      LAMBDA_EXECUTOR: 'local',
      // Both listen on all addresses, whatever BIND_HOST says.
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      // It looks for a container engine otherwise.
      DOCKER_HOST: 'unix:///nonexistent',
      S3_DATA_DIR: join(folder, 's3'),
      STATE_DIR: join(folder, 'state'),
      // Functions have what it has. Real ones have a session token, and sign URLs for the S3 of their region.
      AWS_SESSION_TOKEN: 'session',
      // Lambda says it to each function (Lambda Developer Guide, "Defined runtime environment variables").
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/lifeboat',
      AWS_ENDPOINT_URL_S3: url,
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      // The end of it, for whoever asks why it did not start: the folder goes with the life.
      said = `${said}${text}`.slice(-saidLength);
    });
  }
  const stop = () => endGroup(child);
  const failure = new Promise<string>((ended) => {
    child.once('error', ({ message }) => ended(message));
    child.once('close', (code, signal) => ended(`it ended with ${code ?? signal}`));
  });
  if (await answers(url, failure)) {
    return { url, name: `MiniStack ${version}`, stop };
  }
  const why = await Promise.race([
    failure,
    sleep(0, `no answer at ${url} within ${startPatienceMs / 1000} s`),
  ]);
  await stop();
  throw new LifeError(
    'unplayable',
    `MiniStack ${version} does not start: ${why}. Try another version with --ministack, or name a running emulator with --endpoint. It said:\n${said.trim() || '(nothing)'}`,
  );
}

async function answers(url: string, failure: Promise<string>): Promise<boolean> {
  let hasFailed = false;
  failure.then(() => {
    hasFailed = true;
  });
  for (const startedMs = performance.now(); performance.now() - startedMs < startPatienceMs && !hasFailed; ) {
    const isUp = await fetch(`${url}/_ministack/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) {
      return true;
    }
    await sleep(200);
  }
  return false;
}

/** Ends a process and its children, which are a group. */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name);
    } catch {
      // It has ended meanwhile.
    }
  };
  signal('SIGTERM');
  await Promise.race([ended, sleep(5_000)]);
  // Functions that outlive it, too.
  signal('SIGKILL');
  await ended;
}
