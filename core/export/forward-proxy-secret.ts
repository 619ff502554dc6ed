import * as v from 'valibot';
import {
  describePemOddity,
  readCertificates,
  UnusableClusterCertificate,
} from '../access/certificate-with-key.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import type { ForwardProxy } from '../kong/forward-proxy.ts';
import type { ReportOddity } from '../secret-oddity.ts';
import { readJsonSecret, type SecretSource, UnusableSecret } from './json-secret.ts';

const proxySecret = v.object({
  username: v.optional(v.string(), ''),
  password: v.optional(v.string(), ''),
  ca: v.optional(v.string(), ''),
});

/**
 * A forward proxy with the credentials and the CA in its secret: JSON with `username` and `password`, or
 * `ca`, PEM, or all of them.
 *
 * @param reportOddity is told, by the secret's id, how the secret is stored where that had to be mended
 * @throws ControlPlaneError `refused` when the secret does not hold that, `no-secret` when it is not given,
 * `cancelled` when the signal ends it; the message never quotes the secret
 */
export async function readForwardProxy(
  source: SecretSource,
  url: URL,
  reportOddity: ReportOddity,
): Promise<ForwardProxy> {
  const { secretId } = source;
  try {
    const { fields, oddity } = await readJsonSecret(source, proxySecret);
    const { username, password, ca } = fields;
    requireUsable(username, password, ca);
    const authorities = ca.trim() === '' ? {} : { ca: readCertificates(ca, 'ca').join('') };
    const pemOddity = describePemOddity(ca);
    reportOddity(
      secretId,
      oddity ?? (pemOddity === undefined ? undefined : `JSON whose "ca" is ${pemOddity}`),
    );
    return { url, ...(username === '' ? {} : { credentials: { username, password } }), ...authorities };
  } catch (error) {
    if (!(error instanceof UnusableClusterCertificate || error instanceof UnusableSecret)) {
      throw error;
    }
    throw new ControlPlaneError(
      'refused',
      `what secret ${secretId} has for forward proxy ${url.host} cannot be used: ${error.message}. Put {"username": "…", "password": "…"} ` +
        'there, and "ca": PEM for a proxy with TLS whose certificate is of a private authority',
    );
  }
}

function requireUsable(username: string, password: string, ca: string): void {
  if (username === '' && password === '' && ca.trim() === '') {
    throw new UnusableSecret('the secret has neither "username" and "password" nor "ca"');
  }
  if (username === '' && password !== '') {
    throw new UnusableSecret('the secret has a "password" and no "username"');
  }
  // RFC 7617, 2: the proxy would take the rest for the password.
  if (username.includes(':')) {
    throw new UnusableSecret('there is a colon in "username"');
  }
}
