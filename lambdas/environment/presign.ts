import { X509Certificate } from 'node:crypto';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import * as v from 'valibot';
import type { ClusterTrust } from '../../core/access/cluster-trust.ts';
import { readDerElements } from '../../core/der.ts';
import { controlPlaneName } from '../../core/names.ts';
import { commaSeparated, nonEmptyText, versionList } from './fields.ts';
import { grantEntries } from './grants.ts';

export const presignEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  BUCKET: nonEmptyText,
  ...grantEntries,
  DATA_PLANE_VERSIONS: versionList,
  /** ARN of the role that plays drills; empty where there are none. */
  DRILL_ROLE_ARN: v.string(),
  /** What the API's stage says in each event: who may invoke the function directly does not know it. */
  API_ORIGIN: nonEmptyText,
  /** Comma-separated SHA-256 fingerprints (base64url) of data planes' certificates. */
  CLUSTER_CERTIFICATES: commaSeparated(
    v.pipe(v.string(), v.regex(/^[\w-]{43}$/, 'a SHA-256 in base64url is expected')),
  ),
  /** Certificates of authorities that issue for data planes, see `packedCertificates`. */
  CLUSTER_AUTHORITIES: v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return unpackCertificates(dataset.value);
      } catch {
        addIssue({ message: 'packed certificates are expected' });
        return NEVER;
      }
    }),
  ),
  /** Comma-separated common names of which their certificates must have one; empty for any. */
  CLUSTER_COMMON_NAMES: commaSeparated(nonEmptyText),
});

/** The variables that the construct must set. */
export type PresignVariables = v.InferInput<typeof presignEnvironment>;

/** Whose assertions are accepted: nobody's where the deployment names no certificates. */
export function readClusterTrust(
  environment: Pick<
    v.InferOutput<typeof presignEnvironment>,
    'CLUSTER_CERTIFICATES' | 'CLUSTER_AUTHORITIES' | 'CLUSTER_COMMON_NAMES'
  >,
): ClusterTrust {
  return {
    certificates: environment.CLUSTER_CERTIFICATES,
    authorities: environment.CLUSTER_AUTHORITIES,
    commonNames: environment.CLUSTER_COMMON_NAMES,
  };
}

/** Packs certificates into a short text: a function's whole environment has 4 KB. */
export function packCertificates(certificates: readonly X509Certificate[]): string {
  return certificates.length === 0
    ? ''
    : brotliCompressSync(Buffer.concat(certificates.map(({ raw }) => raw))).toString('base64');
}

function unpackCertificates(packed: string): readonly X509Certificate[] {
  return packed === ''
    ? []
    : readDerElements(brotliDecompressSync(Buffer.from(packed, 'base64'))).map(
        ({ whole }) => new X509Certificate(whole),
      );
}
