/** Runs in a function's thread: loads its bundle once (the cold start) and hands it event after event. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Invocation } from './lambda-function.ts';

type Handler = (
  event: unknown,
  context: { readonly getRemainingTimeInMillis: () => number },
) => Promise<unknown>;

const { bundle } = workerData as { readonly bundle: string };
const { handler } = (await import(bundle)) as { readonly handler: Handler };

// Invocations count from 1.
parentPort?.postMessage({ id: 0, result: null } satisfies Answer);
parentPort?.on('message', async ({ id, event, deadlineMs }: Invocation) => {
  const answer: Answer = await handler(event, {
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  }).then(
    (result) => ({ id, result }),
    (error: unknown) => ({
      id,
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
  parentPort?.postMessage(answer);
});
