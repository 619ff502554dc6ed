import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AnsweringServer {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  /** What has come so far. */
  readonly requests: readonly IncomingMessage[];
  stop(): Promise<void>;
}

/** An HTTP server that answers as the test wants. */
export async function answeringServer(answer: RequestListener): Promise<AnsweringServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
    // Whoever wants the body has begun to read it.
    request.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
