import * as v from 'valibot';

const rule = v.strictObject({
  Id: v.string(),
  Status: v.literal('Enabled'),
  Prefix: v.optional(v.string(), ''),
  NoncurrentVersionExpiration: v.optional(
    v.strictObject({ NoncurrentDays: v.number(), NewerNoncurrentVersions: v.optional(v.number(), 0) }),
  ),
  AbortIncompleteMultipartUpload: v.optional(v.strictObject({ DaysAfterInitiation: v.number() })),
});

/**
 * `LifecycleConfiguration` of a bucket. A rule that can touch a current version (Expiration...,
 * Transition...) is no rule to this reader.
 */
export const lifecycle = v.object({ Rules: v.array(rule) });

export type Lifecycle = v.InferOutput<typeof lifecycle>;

export interface StoredVersion {
  readonly key: string;
  /** In days. */
  readonly writtenAt: number;
}

/**
 * What is left of some versions after a time (S3 User Guide, "Lifecycle configuration elements"): a version
 * is noncurrent from the day on that the next one of its key was written, and goes when it has been so for
 * longer than the days of a rule, and as many newer noncurrent ones are there as the rule keeps.
 *
 * @param versions in the order in which they were written
 */
export function leftAfter(
  { Rules }: Lifecycle,
  versions: readonly StoredVersion[],
  today: number,
): readonly StoredVersion[] {
  return versions.filter((version, index) => {
    const newer = versions.slice(index + 1).filter(({ key }) => key === version.key);
    const [next] = newer;
    if (next === undefined) {
      return true;
    }
    const noncurrentDays = today - next.writtenAt;
    return !Rules.some(
      ({ Prefix, NoncurrentVersionExpiration: expiration }) =>
        expiration !== undefined &&
        version.key.startsWith(Prefix) &&
        noncurrentDays > expiration.NoncurrentDays &&
        newer.length - 1 >= expiration.NewerNoncurrentVersions,
    );
  });
}
