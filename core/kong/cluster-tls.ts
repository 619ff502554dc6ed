import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

// kong/conf_loader and `kong hybrid gen_cert`: the one name of shared mode.
const sharedServerName = 'kong_clustering';

/** How one gets in, as a control plane's address has it. */
export interface ClusterIdentification {
  readonly mtls: 'shared' | 'pki';
  readonly serverName?: string | undefined;
}

/** PEM, as a cluster certificate has it. */
export interface CertificatePem {
  readonly certificate: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

export interface ClusterTls extends Pick<SecureContextOptions, 'cert' | 'key' | 'ca'> {
  readonly servername: string;
}

/** With what a data plane comes to a cluster endpoint, and whom it takes for the control plane. */
export function clusterTls(
  { mtls, serverName }: ClusterIdentification,
  { certificate, key, ca }: CertificatePem,
  host: string,
): ClusterTls {
  return {
    cert: certificate,
    key,
    // In shared mode the one certificate that both sides have is trusted, whoever signed it. What stands
    // behind it is not: an authority's other certificates must not pass for the control plane.
    ...(mtls === 'shared' ? { ca: firstOf(certificate), allowPartialTrustChain: true } : {}),
    ...(mtls === 'pki' && ca !== undefined ? { ca } : {}),
    // An address is no name to ask for (RFC 6066, 3). The certificate is checked against it all the same.
    servername: serverName ?? (mtls === 'shared' ? sharedServerName : isIP(host) === 0 ? host : ''),
  };
}

/** The first certificate of a PEM text; the text where that is none, which TLS then says. */
function firstOf(certificates: string): string {
  try {
    return new X509Certificate(certificates).toString();
  } catch {
    return certificates;
  }
}
