import * as v from 'valibot';

// Loose: what is handed on to other tools must be the whole template.
const resource = v.looseObject({
  Type: v.string(),
  Properties: v.optional(v.record(v.string(), v.unknown()), {}),
  Metadata: v.optional(v.record(v.string(), v.unknown())),
  DependsOn: v.optional(v.union([v.string(), v.array(v.string())])),
});

/** What of a CloudFormation template counts here. */
export const templateSchema = v.looseObject({
  Resources: v.record(v.string(), resource),
  Outputs: v.optional(v.record(v.string(), v.object({ Value: v.unknown() })), {}),
});

export type SynthesizedTemplate = v.InferOutput<typeof templateSchema>;

/**
 * Logical id of the one resource of a type whose id begins with `start`.
 *
 * @throws Error when there is none, or more than one
 */
export function resourceId({ Resources }: SynthesizedTemplate, type: string, start: string): string {
  const [id, ...more] = Object.entries(Resources)
    .filter(([logicalId, { Type }]) => Type === type && logicalId.startsWith(start))
    .map(([logicalId]) => logicalId);
  if (id === undefined || more.length > 0) {
    throw new Error(`the template needs exactly one ${type} whose id begins with ${start}`);
  }
  return id;
}
