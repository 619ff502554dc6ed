import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';
import { newSigningKey } from '../cli/published-file.ts';
import { eventually, processes } from '../local/processes.ts';

/**
 * Listens, with a full queue: as over a slow way the first packet is lost, and the one that is sent again
 * after a second is taken.
 */
const slowServer = `
import { createServer, connect } from 'node:net';
import { writeSync } from 'node:fs';
const answer = 'HTTP/1.1 403 Forbidden\\r\\ncontent-length: 0\\r\\n\\r\\n';
const server = createServer((socket) => socket.on('error', () => undefined).end(answer));
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  const { port } = server.address();
  for (let filler = 0; filler < 4; filler += 1) {
    connect(port, '127.0.0.1').on('error', () => undefined).resume();
  }
  // Behind the connections, and before one of them is taken.
  process.nextTick(() => {
    writeSync(1, port + '\\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 950);
  });
});
`;

/** A name with an IPv4 address, and an IPv6 address that leads nowhere. */
const twoAddresses = `
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
const found = [{ address: '127.0.0.1', family: 4 }, { address: '2001:db8::1', family: 6 }];
dns.lookup = (host, options, done) => done(null, found);
syncBuiltinESMExports();
`;

const children = processes();
let cli: Cli;
beforeAll(async () => {
  cli = await bundledCli();
});
afterAll(async () => {
  await children.stop();
  await cli.stop();
});

it('lets the client wait for seconds for an address, before the next one of the name is tried', async () => {
  const [server, addresses] = [join(cli.directory, 'server.mjs'), join(cli.directory, 'addresses.mjs')];
  await writeFile(server, slowServer);
  await writeFile(addresses, twoAddresses);
  const slow = children.start(process.execPath, [server]);
  await eventually(() => slow.stdout().endsWith('\n'));

  const { stderr } = await cli.run(
    [
      'fetch',
      ...['--control-plane', 'prod', '--kong-version', '3.9.1', '--public-key', newSigningKey().pem],
      ...[
        '--endpoint',
        `http://localhost:${slow.stdout().trim()}`,
        '--output',
        join(cli.directory, 'x.json'),
      ],
    ],
    {
      NODE_OPTIONS: `--import=${addresses}`,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
    },
  );

  expect(stderr).toContain('answered 403');
});
