import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { projectRoot } from '../../build/project-root.ts';

/** Runs `npm run simulate` in a process of its own, as a person would. */
export async function runSimulate(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulation/simulate.ts', ...args], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { status, output };
}
