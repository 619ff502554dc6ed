/**
 * The processes below nginx's master. They hold no connection: the master serves for them. But they are
 * there, with a time of start and with work, as they can be seen from outside.
 */
import { spawn } from 'node:child_process';

const busyScript =
  'const end = Date.now() + Number(process.argv[1]); while (Date.now() < end); process.stdin.resume();';

/**
 * Starts a worker, which ends with its master, or when it is told to.
 *
 * @param {number} loadMs for which it works, as with a large file
 */
export function startWorker(loadMs) {
  const [command, parameters] =
    loadMs > 0 ? [process.execPath, ['-e', busyScript, String(loadMs)]] : ['cat', []];
  // Its input ends when the master does, however that ends.
  const worker = spawn(command, parameters, {
    argv0: 'nginx: worker process',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  worker.unref();
  worker.stdin.unref();
  worker.stdin.on('error', () => undefined);
  return () => worker.stdin.end();
}

/**
 * Uses the processor for so long, as a master does that reads a file, and answers requests meanwhile, as its
 * old workers do.
 *
 * @param {number} ms
 */
export async function work(ms) {
  for (const start = performance.now(); performance.now() - start < ms; ) {
    const slice = performance.now() + 5;
    while (performance.now() < slice);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
