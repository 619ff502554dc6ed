import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** A POST that is sent again and again. */
export interface PacedPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How many, evenly over the time. */
  readonly count: number;
}

export interface Answered {
  readonly status: number;
  /** From when it was due to the end of its answer: who sends late does not look quick. */
  readonly ms: number;
  /** When it was due, of the system's clock; epoch. */
  readonly dueMs: number;
}

const stepMs = 5;

/**
 * Sends requests at an even pace, whether those before were answered or not, as many senders do.
 *
 * @returns the answers of each kind
 */
export async function sendPaced<Kind extends string>(
  posts: Readonly<Record<Kind, PacedPost>>,
  seconds: number,
): Promise<Readonly<Record<Kind, readonly Answered[]>>> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const startedMs = performance.now();
  const startedAtMs = Date.now();
  const kinds = Object.entries<PacedPost>(posts) as [Kind, PacedPost][];
  const sent = new Map<Kind, Promise<Answered>[]>(kinds.map(([kind]) => [kind, []]));
  const isDone = () => kinds.every(([kind, { count }]) => sent.get(kind)?.length === count);
  while (!isDone()) {
    const elapsedMs = performance.now() - startedMs;
    for (const [kind, post] of kinds) {
      const answers = sent.get(kind) ?? [];
      const pauseMs = (seconds * 1000) / post.count;
      while (answers.length < post.count && answers.length * pauseMs <= elapsedMs) {
        const dueMs = answers.length * pauseMs;
        answers.push(send(post, agent, startedMs + dueMs, startedAtMs + dueMs));
      }
    }
    await delay(stepMs);
  }
  const all = await Promise.all(
    kinds.map(async ([kind]) => [kind, await Promise.all(sent.get(kind) ?? [])] as const),
  );
  agent.destroy();
  return Object.fromEntries(all) as unknown as Record<Kind, readonly Answered[]>;
}

function send(
  { url, headers, body }: Omit<PacedPost, 'count'>,
  agent: Agent,
  dueAtMs: number,
  dueMs: number,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { agent, method: 'POST', headers }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, ms: performance.now() - dueAtMs, dueMs }),
      );
    });
    sending.on('error', (error: NodeJS.ErrnoException) => {
      // The server has hung up on a connection that was idle, while this was on its way (Node.js
      // documentation, "request.reusedSocket").
      if (sending.reusedSocket && error.code === 'ECONNRESET') {
        send({ url, headers, body }, agent, dueAtMs, dueMs).then(resolve, reject);
      } else {
        reject(error);
      }
    });
    sending.end(body);
  });
}
