/** Pairs of templates: what an update from one to the other would do, as the `cdk`'s own diff tells it. */
import { fullDiff, ResourceImpact, type TemplateDiff } from '@aws-cdk/cloudformation-diff';

/** What holds or opens configurations, or tells what became of them. */
export const lastingTypes: readonly string[] = [
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::KMS::Key',
  'AWS::SecretsManager::Secret',
  'AWS::Logs::LogGroup',
];

const replacing: ReadonlySet<ResourceImpact> = new Set([
  ResourceImpact.WILL_REPLACE,
  ResourceImpact.MAY_REPLACE,
]);

export function compareTemplates(from: object, to: object): TemplateDiff {
  return fullDiff({ ...from }, { ...to });
}

/** What would be made anew, empty, in the place of what is there. */
export function replaced({ resources }: TemplateDiff): readonly string[] {
  return resources.logicalIds.filter((id) => replacing.has(resources.get(id).changeImpact));
}

export function gone({ resources }: TemplateDiff): readonly string[] {
  return resources.logicalIds.filter((id) => resources.get(id).isRemoval);
}

/** What a policy is where nobody needs to know what it says. */
export const noPolicy = { PolicyDocument: { Statement: [] } };

/** The properties of a resource with which CloudFormation would make it anew, or may. */
export function replacingProperties(
  type: string,
  properties: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const template = (Properties: object) => ({ Resources: { Only: { Type: type, Properties } } });
  // The comparison reads each policy, and stumbles where there is none.
  const bare = 'PolicyDocument' in properties ? noPolicy : {};
  const { propertyUpdates } = compareTemplates(
    template(bare),
    template({ ...properties, ...bare }),
  ).resources.get('Only');
  return Object.fromEntries(
    Object.entries(properties).filter(([name]) => {
      const impact = propertyUpdates[name]?.changeImpact;
      return impact !== undefined && replacing.has(impact);
    }),
  );
}
