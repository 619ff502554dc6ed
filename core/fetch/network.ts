import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { isPem } from '../access/certificate-with-key.ts';
import { nameForeignError } from '../error-code.ts';
import { readSmallFile } from '../read-small-file.ts';
import { type FindProxy, type ProxyEnvironment, readProxies } from './proxies.ts';

/** The ways to others, and whom to trust there. */
export interface Network {
  readonly findProxy: FindProxy;
  /** @default Node's own */
  readonly secureContext?: SecureContext | undefined;
}

export interface NetworkOptions {
  /** HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in upper or lower case, and NODE_EXTRA_CA_CERTS. */
  readonly environment: ProxyEnvironment;
  /** PEM certificates that are trusted besides Node's own. */
  readonly caFile?: string | undefined;
}

/** All that operating systems trust has some 250 kB. */
const largestCaBytes = 16 * 2 ** 20;

/**
 * Reads which proxies the environment names, and which CAs are trusted.
 *
 * @throws Error when the CA file cannot be read, or a proxy's URL is not read as it was meant
 */
export async function readNetwork({ environment, caFile }: NetworkOptions): Promise<Network> {
  const findProxy = readProxies(environment);
  return caFile === undefined
    ? { findProxy }
    : { findProxy, secureContext: await trusting(caFile, environment['NODE_EXTRA_CA_CERTS']) };
}

async function trusting(caFile: string, extraFile: string | undefined): Promise<SecureContext> {
  if (isPem(caFile)) {
    throw new Error('--ca-file takes the name of a file, and PEM itself was given');
  }
  const given = await readSmallFile(caFile, largestCaBytes).catch((error: unknown) => {
    throw new Error(`--ca-file ${caFile} cannot be read (${nameForeignError(error)})`);
  });
  if (!given.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Error(`--ca-file ${caFile} contains no PEM certificate`);
  }
  // What is named here takes the place of all that Node trusts by itself. A file that cannot be read Node
  // warns of, and goes on.
  const extra = await readFile(extraFile ?? '', 'utf8').catch(() => '');
  try {
    return createSecureContext({ ca: [...rootCertificates, ...(extra === '' ? [] : [extra]), given] });
  } catch (error) {
    throw new Error(`a certificate of --ca-file ${caFile} cannot be read (${nameForeignError(error)})`);
  }
}
