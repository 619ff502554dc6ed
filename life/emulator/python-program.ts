/** Programs from PyPI, each in a folder of its own: nothing is installed on the machine. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LifeError } from '../failure.ts';

const run = promisify(execFile);
/** Slow networks and machines are normal. */
const installTimeoutMs = 300_000;

export interface PythonProgram {
  /** Path of the program. */
  readonly command: string;
  readonly version: string;
}

/**
 * Makes a folder for programs: a virtual environment of Python.
 *
 * @param folder is made
 * @throws LifeError `unplayable` where there is no Python 3, or one without `venv` and `pip`
 */
export async function makePythonFolder(folder: string): Promise<void> {
  try {
    await run('python3', ['--version']);
  } catch {
    throw new LifeError(
      'unplayable',
      'there is no python3 on the PATH, which the emulator needs: install Python 3.10 or newer, or name a running emulator with --endpoint',
    );
  }
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: installTimeoutMs });
  } catch (error) {
    throw new LifeError(
      'unplayable',
      `python3 makes no folder with pip: ${lastLine(error)}. On Debian and Ubuntu install python3-venv, or name a running emulator with --endpoint`,
      { cause: error },
    );
  }
}

/**
 * Installs a program into such a folder.
 *
 * @param version exactly this one. @default the newest
 * @param beside packages that it needs and does not ask for
 * @throws LifeError `unplayable` where pip gets nothing
 */
export async function installProgram(
  folder: string,
  name: string,
  version: string | undefined,
  beside: readonly string[],
): Promise<PythonProgram> {
  const python = join(folder, 'bin', 'python');
  const wanted = version === undefined ? name : `${name}==${version}`;
  try {
    await run(
      python,
      ['-m', 'pip', 'install', '--quiet', '--upgrade', '--no-input', '--no-cache-dir', wanted, ...beside],
      {
        timeout: installTimeoutMs,
        env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      },
    );
    const read = `import importlib.metadata as m; print(m.version("${name}"))`;
    const { stdout } = await run(python, ['-c', read]);
    return { command: join(folder, 'bin', name), version: stdout.trim() };
  } catch (error) {
    throw new LifeError(
      'unplayable',
      `pip does not install ${wanted}: ${lastLine(error)}. Is PyPI reached from here (PIP_INDEX_URL, proxy)? Or name a running emulator with --endpoint`,
      { cause: error },
    );
  }
}

function lastLine(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return (said || String(error)).split('\n').at(-1) ?? '';
}
