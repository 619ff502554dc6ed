/** What is left where a signal ends a command: nothing, and no word. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../local/processes.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import { goodFile, goodGrant, newSigningKey } from './published-file.ts';

const key = newSigningKey();
let cli: Cli;
let server: Server;
let url: string;
let directory: string;
let asked = 0;

/** Grants, and sends the first half of a file. Whoever asks for anything else waits. */
const answer: RequestListener = async (request, response) => {
  asked += 1;
  const path = request.url ?? '';
  if (path.includes('/fallback-config')) {
    const { status, body } = goodGrant(`${url}/vault/file`);
    response.writeHead(status).end(body);
  } else if (path === '/vault/file') {
    const { status, headers = {}, body } = await goodFile(key);
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.write(body.slice(0, 20));
  } else if (path.startsWith('/vault/status/')) {
    response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
  }
};

beforeAll(async () => {
  cli = await bundledCli();
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-interrupted-'));
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await Promise.all([cli.stop(), rm(directory, { recursive: true })]);
});

function start(parameters: readonly string[]) {
  asked = 0;
  return cli.start([...parameters, '--control-plane', 'prod', '--endpoint', url], {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'a-secret',
  });
}

describe('a signal', () => {
  it.each([
    ['SIGINT', ['status']],
    ['SIGTERM', ['status', '--json']],
    ['SIGINT', ['export', '--reason', 'a test']],
  ] as const)('%s ends %j while it waits, without a word', async (signal, parameters) => {
    const command = start(parameters);
    expect(await eventually(() => asked > 0)).toBe(true);

    command.signal(signal);

    expect(await command.ended).toMatchObject({ endedBy: signal, stdout: '', stderr: '' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends a download, of which nothing is left', async (signal) => {
    const command = start([
      ...['fetch', '--kong-version', '3.9.1', '--public-key', key.pem],
      ...['--output', join(directory, 'config.json'), '--timeout', '86400'],
    ]);
    expect(await eventually(async () => (await readdir(directory)).length > 0)).toBe(true);

    command.signal(signal);

    expect(await command.ended).toMatchObject({ endedBy: signal, stdout: '', stderr: '' });
    expect(await readdir(directory)).toEqual([]);
  });
});
