import * as v from 'valibot';
import type { PhysicalNames } from '../../template/resolve.ts';
import type { Account } from './account.ts';

export interface Resource {
  readonly logicalId: string;
  readonly properties: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** How resources of one type are provisioned. */
export interface ResourceType {
  /** @throws Error when a property is missing, wrong, or not understood here */
  create(account: Account, resource: Resource): PhysicalNames | Promise<PhysicalNames>;
}

/**
 * @param understood - every property that is understood; a resource with any other one is refused, as it
 * would act differently on AWS
 * @param create - makes the resource
 */
export function resourceType<const Understood extends v.ObjectEntries>(
  understood: Understood,
  create: (
    account: Account,
    logicalId: string,
    properties: v.InferOutput<v.StrictObjectSchema<Understood, undefined>>,
    metadata: Resource['metadata'],
  ) => PhysicalNames | Promise<PhysicalNames>,
): ResourceType {
  const schema = v.strictObject(understood);
  return {
    create(account, { logicalId, properties, metadata }) {
      const parsed = v.safeParse(schema, properties);
      if (!parsed.success) {
        throw new Error(parsed.issues.map(describeIssue).join('; '));
      }
      return create(account, logicalId, parsed.output, metadata);
    },
  };
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? '';
  const isUnknown = issue.type === 'strict_object' && issue.expected === 'never';
  return isUnknown
    ? `the property ${path} is not understood by the local system`
    : `the property ${path} is not what the local system understands (${issue.message})`;
}

/** Says nothing that shows while the system runs. */
export const withoutEffect = v.optional(v.unknown());
