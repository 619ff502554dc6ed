import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  describeRequestFailure,
  fetchDirectly,
  fetchOver,
  readBodyText,
} from '../../../core/fetch/http-client.ts';
import { readNetwork } from '../../../core/fetch/network.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';
import { removeEverything, temporaryDirectory } from '../../simulators/kong/running-kong.ts';
import { privateHost, startPrivateNetwork } from './private-network.ts';

describe('an HTTP client', () => {
  let network: Awaited<ReturnType<typeof startPrivateNetwork>>;
  let caFile: string;
  const ends: (() => Promise<unknown>)[] = [];
  const url = `https://${privateHost}/grant`;

  beforeEach(async () => {
    const inner = await listen(
      createServer((request, response) => response.end(`${request.headers.host}${request.url}`)),
      '127.0.0.1',
      0,
    );
    network = await startPrivateNetwork(inner.port);
    caFile = join(await temporaryDirectory(), 'ca.pem');
    await writeFile(caFile, network.ca);
    ends.push(inner.stop, network.stop);
  });

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
    await removeEverything();
  });

  it('goes through the proxy, and trusts the private CA', async () => {
    const environment = { HTTPS_PROXY: network.proxyUrl.replace('http://', 'http://user:s%65cret@') };
    const client = fetchOver(await readNetwork({ environment, caFile }));

    const response = await client(url, {});

    expect(await readBodyText(response, 1_000)).toEqual({ text: `${privateHost}/grant`, isCut: false });
    const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(network.tunnels).toEqual([{ to: `${privateHost}:443`, authorization }]);
  });

  it('goes to an exception directly, and trusts the private CA', async () => {
    const client = fetchOver(
      await readNetwork({
        environment: { HTTPS_PROXY: network.proxyUrl, NO_PROXY: '*' },
        caFile,
      }),
    );

    // Found, trusted, and another name than the certificate’s.
    const failure = await client(`https://localhost:${network.tlsPort}/`, {}).catch(describeRequestFailure);

    expect(failure).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(network.tunnels).toEqual([]);
  });

  it('trusts the CAs of NODE_EXTRA_CA_CERTS still, when it is given another one', async () => {
    const other = await startPrivateNetwork(9);
    ends.push(other.stop);
    const otherFile = `${caFile}.other`;
    await writeFile(otherFile, other.ca);
    const environment = { HTTPS_PROXY: network.proxyUrl, NODE_EXTRA_CA_CERTS: caFile };
    const client = fetchOver(await readNetwork({ environment, caFile: otherFile }));

    const response = await client(url, {});

    expect(response.status).toBe(200);
  });

  it('trusts no private CA that it was not given', async () => {
    const client = fetchOver(await readNetwork({ environment: { HTTPS_PROXY: network.proxyUrl } }));

    expect(await client(url, {}).catch(describeRequestFailure)).toMatch(
      /^(UNABLE_TO_VERIFY|SELF_SIGNED)\w+: no authority .* --ca-file adds one$/,
    );
  });

  it('says what the proxy answered, and never its password', async () => {
    network.refuse('407 Proxy Authentication Required');
    const environment = { HTTPS_PROXY: network.proxyUrl.replace('http://', 'http://user:secret@') };
    const client = fetchOver(await readNetwork({ environment, caFile }));

    const failure = await client(url, {}).catch(describeRequestFailure);

    expect(failure).toBe(`through the proxy ${new URL(network.proxyUrl).host}: it answered 407`);
  });

  it('says that it is the proxy that is not there', async () => {
    const gone = await listen(createServer(), '127.0.0.1', 0);
    await gone.stop();
    const client = fetchOver(
      await readNetwork({ environment: { HTTPS_PROXY: `http://127.0.0.1:${gone.port}` } }),
    );

    const failure = await client(url, {}).catch(describeRequestFailure);

    expect(failure).toBe(`through the proxy 127.0.0.1:${gone.port}: ECONNREFUSED`);
  });

  it('gives up when it is told to', async () => {
    const client = fetchOver(await readNetwork({ environment: { HTTPS_PROXY: network.proxyUrl }, caFile }));

    const failure = client(url, { signal: AbortSignal.abort('enough') });

    await expect(failure).rejects.toBe('enough');
  });

  it('fails when the other side turns to another protocol', async () => {
    const server = createTcpServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
        });
    });
    const { port, stop } = await listen(server, '127.0.0.1', 0);
    ends.push(stop);

    const failure = await fetchDirectly(`http://127.0.0.1:${port}/`).catch(describeRequestFailure);

    expect(failure).toBe('the connection was closed without an answer');
  });

  it.each([
    [
      'a proxy of another kind',
      { HTTPS_PROXY: 'socks5://user:secret@proxy:1080' },
      undefined,
      /^HTTPS_PROXY is not/,
    ],
    ['a proxy that is none', { HTTP_PROXY: 'http://' }, undefined, /^HTTP_PROXY is not/],
    [
      'a CA file that is not there',
      {},
      '/nowhere/ca.pem',
      /--ca-file \/nowhere\/ca\.pem cannot be read \(ENOENT/,
    ],
    ['a CA file without certificates', {}, '/dev/null', /--ca-file \/dev\/null contains no PEM certificate/],
  ])('does not begin with %s', async (_what, environment, file, words) => {
    const failure = await readNetwork({ environment, caFile: file }).then(
      () => 'it began',
      (error: Error) => error.message,
    );

    expect(failure).toMatch(words);
    expect(failure).not.toContain('secret');
  });
});
