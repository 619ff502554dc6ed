/** What a call needs to be allowed to do. A call may need several: S3 calls KMS on the caller's behalf. */
export interface Access {
  /** For example `s3:PutObject`. */
  readonly action: string;
  readonly resourceArn: string;
  /** Values of the condition keys that the request gives. */
  readonly context: Readonly<Record<string, string>>;
}

/**
 * Decides whether a principal may.
 *
 * @returns why not, in AWS's words; undefined where it may
 */
export type Guard = (principalArn: string, access: Access) => Promise<string | undefined>;

/**
 * Everything here is plain HTTP on the loopback and counts as TLS, so that policies which demand TLS allow
 * it. The policy matrix alone shows that requests without TLS are refused.
 */
export const overTls = { 'aws:SecureTransport': 'true' } as const;
