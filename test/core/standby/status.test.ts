import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import type { Fetch } from '../../../core/fetch/http-client.ts';
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import { readConfigurationHash, statusFetch } from '../../../core/standby/status.ts';
import { pkiCertificates, sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';

const ends: (() => Promise<unknown>)[] = [];
const hash = 'a'.repeat(32);

afterEach(async () => {
  for (const end of ends.splice(0)) {
    await end();
  }
});

/** A status API with TLS only. */
async function tlsStatus(host: string, { certificate: cert, key }: ClusterCertificate) {
  const server = createHttpsServer({ cert, key }, (_, response) =>
    response.end(JSON.stringify({ configuration_hash: hash })),
  );
  const { port, stop } = await listen(server, host, 0);
  ends.push(stop);
  return port;
}

const elsewhere = () => false;

describe('a status API with TLS only', () => {
  it.each(['127.0.0.1', 'localhost', '127.0.0.2'])(
    'is asked on this machine, though its certificate is its own: %s',
    async (host) => {
      const port = await tlsStatus(host === 'localhost' ? '127.0.0.1' : host, await sharedCertificate());

      expect(await readConfigurationHash(`https://${host}:${port}`, { clock: systemClock })).toBe(hash);
    },
  );

  it('is refused elsewhere, with advice', async () => {
    const port = await tlsStatus('127.0.0.1', await sharedCertificate());
    const fetch = statusFetch(undefined, elsewhere);

    const reading = readConfigurationHash(`https://127.0.0.1:${port}`, { clock: systemClock, fetch });

    await expect(reading).rejects.toThrow(/DEPTH_ZERO_SELF_SIGNED_CERT.*--ca-file/);
  });

  it('is trusted elsewhere by --ca-file', async () => {
    const { controlPlane, dataPlane } = await pkiCertificates({ controlPlaneHost: '127.0.0.1' });
    const port = await tlsStatus('127.0.0.1', controlPlane);
    const secureContext = createSecureContext({ ca: dataPlane.ca });
    const read = (fetch: Fetch) =>
      readConfigurationHash(`https://127.0.0.1:${port}`, { clock: systemClock, fetch });

    expect(await read(statusFetch(secureContext, elsewhere))).toBe(hash);
    await expect(read(statusFetch(undefined, elsewhere))).rejects.toMatchObject({ code: 'kong' });
  });
});

it('asks a status API without TLS as it always did', async () => {
  const server = createHttpServer((_, response) =>
    response.end(JSON.stringify({ configuration_hash: hash })),
  );
  const { port, stop } = await listen(server, '127.0.0.1', 0);
  ends.push(stop);

  expect(await readConfigurationHash(`http://127.0.0.1:${port}/`, { clock: systemClock })).toBe(hash);
});
