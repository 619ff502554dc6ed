import { createServer } from 'node:http';
import { listen } from './control-plane/listening.ts';

/** What each answer holds, so that nobody takes another server's answer for this one's. */
export const echoMark = 'lifeboat-echo';

export interface EchoUpstream {
  readonly url: string;
  stop(): Promise<void>;
}

/** The service behind the one route that is proxied: answers whatever it is asked with `{"upstream", "method", "path"}`. */
export async function startEchoUpstream(): Promise<EchoUpstream> {
  const server = createServer(({ method, url }, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ upstream: echoMark, method, path: url }));
  });
  const { port, stop } = await listen(server, '127.0.0.1', 0);
  return { url: `http://127.0.0.1:${port}`, stop };
}
