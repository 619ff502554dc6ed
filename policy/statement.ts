import * as v from 'valibot';

const oneOrMore = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((given) => [given].flat()),
);

/** A statement of a policy, of which lists may be written as the one thing that is in them. */
export const policyStatement = v.looseObject({
  Sid: v.optional(v.string()),
  Effect: v.picklist(['Allow', 'Deny']),
  Principal: v.optional(v.union([v.literal('*'), v.record(v.string(), oneOrMore)])),
  Action: v.optional(oneOrMore),
  NotAction: v.optional(oneOrMore),
  Condition: v.optional(v.record(v.string(), v.record(v.string(), v.unknown())), {}),
});
