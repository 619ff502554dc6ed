/** An answer that is an error, by RFC 9457 (application/problem+json). */
export interface Problem {
  /** HTTP status code. */
  readonly status: number;
  readonly title: string;
  /** What was wrong with this request and what to do about it. Never holds anything secret. */
  readonly detail: string;
  /** Further members of the problem, for machines. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Who asks names a data-plane version that the deployment does not publish for. */
export function unknownVersion(kongVersion: string, dataPlaneVersions: readonly string[]): Problem {
  return {
    status: 404,
    title: 'No file for this version',
    detail: `There are no files for data planes ${kongVersion}; there are for ${dataPlaneVersions.join(', ')}.`,
    more: { kongVersions: dataPlaneVersions },
  };
}
