import { readValidity } from '../kong/certificate-validity.ts';
import type { ClusterCertificate } from '../kong/cluster-connection.ts';

/** The cluster certificate, read anew for each connection. */
export interface WatchedCertificate {
  read(signal?: AbortSignal): Promise<ClusterCertificate>;
  /** When the one ends that was read last; undefined where that failed. */
  endsAt(): Date | undefined;
}

/** Remembers the end of a certificate, whoever reads it. */
export function watchCertificate(
  read: (signal?: AbortSignal) => Promise<ClusterCertificate>,
): WatchedCertificate {
  let endsAt: Date | undefined;
  return {
    async read(signal) {
      endsAt = undefined;
      const certificate = await read(signal);
      endsAt = readValidity(certificate.certificate).to;
      return certificate;
    },
    endsAt: () => endsAt,
  };
}
