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
