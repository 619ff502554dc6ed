import { createServer } from 'node:http';
import { listen } from './control-plane/listening.ts';

/** What each answer holds: an answer without it came from another server. */
export const echoMark = 'lifeboat-echo';

export interface EchoUpstream {
  readonly url: string;
  stop(): Promise<void>;
}

/** A service to proxy to: it answers every request with `{"upstream", "method", "path"}`. */
export async function startEchoUpstream(): Promise<EchoUpstream> {
  const server = createServer(({ method, url }, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ upstream: echoMark, method, path: url }));
  });
  const { port, stop } = await listen(server, '127.0.0.1', 0);
  return { url: `http://127.0.0.1:${port}`, stop };
}
