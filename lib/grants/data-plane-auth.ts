/** Data planes whose certificate is one of these: `cluster_mtls = shared`. */
export interface ClusterCertificates {
  /** PEM, without their keys; two while the certificate is replaced. */
  readonly certificates: readonly string[];
}

/** Data planes whose certificate was issued by one of these: `cluster_mtls = pki`. */
export interface ClusterAuthorities {
  /** PEM of the authorities; root or intermediate. */
  readonly authorities: readonly string[];
  /**
   * Common names that a certificate of theirs must have one of.
   * @default any
   */
  readonly commonNames?: readonly string[] | undefined;
}

/** Whose certificates are trusted: listed ones, or those that an authority has issued. */
export interface TrustedCertificates {
  readonly certificates?: readonly string[] | undefined;
  readonly authorities?: readonly string[] | undefined;
  readonly commonNames?: readonly string[] | undefined;
}

/**
 * How data planes prove who they are when they ask for a grant. It has the form of the setting
 * `dataPlaneAuth` in cdk.json.
 */
export class DataPlaneAuth {
  /** By AWS credentials (SigV4). `Lifeboat.grantBootstrap` allows a role to ask, per control plane. */
  static iam(): DataPlaneAuth {
    return new DataPlaneAuth(true);
  }

  /** By the certificate that hybrid mode gave them, and its key: for data planes without AWS credentials. */
  static clusterCertificate(trusted: ClusterCertificates | ClusterAuthorities): DataPlaneAuth {
    return new DataPlaneAuth(false, trusted);
  }

  /**
   * In any of several ways: IAM, listed certificates, and authorities, each at most once.
   *
   * @throws Error when one of them is given twice, because one would be lost
   */
  static anyOf(...ways: readonly DataPlaneAuth[]): DataPlaneAuth {
    const clusterCertificates = ways.flatMap(({ clusterCertificate }) => clusterCertificate ?? []);
    const kinds = [
      ...ways.filter(({ iam }) => iam).map(() => 'iam'),
      ...clusterCertificates.flatMap((each) => Object.keys(each)),
    ];
    const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index);
    if (twice !== undefined) {
      throw new Error(`DataPlaneAuth.anyOf has ${twice} in two ways: put all into one`);
    }
    return new DataPlaneAuth(
      ways.some(({ iam }) => iam),
      clusterCertificates.length === 0 ? undefined : Object.assign({}, ...clusterCertificates),
    );
  }

  readonly iam: boolean;
  readonly clusterCertificate?: TrustedCertificates | undefined;

  private constructor(iam: boolean, clusterCertificate?: TrustedCertificates) {
    this.iam = iam;
    this.clusterCertificate = clusterCertificate;
  }
}
