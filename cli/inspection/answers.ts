/** What the API answers to questions about revisions (docs/design.md#http-api), as far as it is read. */
import * as v from 'valibot';
import { ApiError } from '../../core/fetch/api-request.ts';
import { instant } from '../../core/instant.ts';

const revision = v.object({
  revision: v.number(),
  builtAt: instant,
  exportedAt: instant,
  entities: v.record(v.string(), v.number()),
  sizeBytes: v.number(),
  sha256: v.string(),
  pinned: v.boolean(),
  rollbackOf: v.optional(v.number()),
});
export type Revision = v.InferOutput<typeof revision>;

const file = { controlPlane: v.string(), kongVersion: v.string() };
const next = v.optional(v.string());

export const statusAnswer = v.object({
  controlPlane: v.string(),
  lookedAt: instant,
  checkedAt: v.optional(instant),
  disbelieved: v.optional(v.string()),
  versions: v.array(
    v.object({
      kongVersion: v.string(),
      state: v.string(),
      problem: v.optional(v.string()),
      current: v.optional(revision),
      behindSince: v.optional(instant),
      notServedSince: v.optional(instant),
    }),
  ),
  held: v.optional(
    v.object({
      since: instant,
      reason: v.string(),
      // Undefined from a release that does not say it.
      what: v.optional(v.string()),
      losses: v.optional(v.record(v.string(), v.number())),
      sees: v.optional(v.string()),
    }),
  ),
  approvedUntil: v.optional(instant),
  lastCommand: v.optional(
    v.object({
      command: v.string(),
      id: v.optional(v.string()),
      by: v.string(),
      reason: v.string(),
      at: instant,
      outcome: v.string(),
      revision: v.optional(v.number()),
    }),
  ),
  // Undefined where no drills are played, and from a release that plays none.
  drill: v.optional(
    v.object({
      state: v.string(),
      at: v.optional(instant),
      outcome: v.optional(v.string()),
      versions: v.optional(
        v.array(
          v.object({
            kongVersion: v.string(),
            fault: v.optional(v.string()),
            detail: v.optional(v.string()),
          }),
        ),
        [],
      ),
      revisions: v.optional(
        v.object({
          broken: v.array(v.object({ kongVersion: v.string(), revision: v.number(), detail: v.string() })),
        }),
      ),
    }),
  ),
  pluginVersionsOmittedSince: v.optional(instant),
  certificateEndsAt: v.optional(instant),
});
export type StatusAnswer = v.InferOutput<typeof statusAnswer>;

const listedVersion = v.variant('isOwn', [
  v.object({ ...revision.entries, isOwn: v.literal(true) }),
  v.object({ isOwn: v.literal(false), versionId: v.string(), what: v.string() }),
]);
export type ListedVersion = v.InferOutput<typeof listedVersion>;

export const revisionsAnswer = v.object({ ...file, versions: v.array(listedVersion), next });

/** A name, a value or a reference, as core/inspect/shown-entity.ts makes them. */
const label = {
  type: v.string(),
  id: v.optional(v.string()),
  name: v.optional(v.string()),
  /** Whether it is too large for its fields to be told. */
  isCut: v.optional(v.boolean()),
};
const entity = v.object({ ...label, fields: v.record(v.string(), v.unknown()) });
export type Entity = v.InferOutput<typeof entity>;

export const revisionAnswer = v.object({
  ...file,
  ...revision.entries,
  /** Absent where none were asked for. */
  rows: v.optional(v.array(entity)),
  next,
});

const difference = v.object({
  kind: v.picklist(['added', 'updated', 'removed']),
  ...label,
  fields: v.array(v.object({ field: v.string(), before: v.unknown(), after: v.unknown() })),
});
export type Difference = v.InferOutput<typeof difference>;

export const diffAnswer = v.object({
  ...file,
  from: revision,
  to: revision,
  total: v.number(),
  differences: v.array(difference),
  next,
});
export type DiffAnswer = v.InferOutput<typeof diffAnswer>;

export const verificationAnswer = v.object({
  ...file,
  revision: v.number(),
  sha256: v.string(),
  outcome: v.picklist(['passed', 'failed']),
  checks: v.array(v.object({ check: v.string(), outcome: v.string(), detail: v.string() })),
  broken: v.array(v.unknown()),
});
export type Verification = v.InferOutput<typeof verificationAnswer>;

/**
 * @returns the answer as it came, and what is read of it
 * @throws ApiError `failed` for what is no such answer
 */
export function readAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
): { readonly json: Readonly<Record<string, unknown>>; readonly read: v.InferOutput<Schema> } {
  try {
    const json = JSON.parse(text);
    return { json, read: v.parse(schema, json) };
  } catch (error) {
    throw new ApiError(
      'failed',
      'the answer is none that Lifeboat gives: check --endpoint, and whether its stack is of the release of this command',
      { cause: error },
    );
  }
}
