import {
  type CloudFormationClient,
  paginateListStackResources,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';

/** All resources of a stack: CloudFormation tells a hundred at a time, and two control planes have more. */
export async function listStackResources(
  client: CloudFormationClient,
  StackName: string,
): Promise<readonly StackResourceSummary[]> {
  const resources: StackResourceSummary[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName })) {
    resources.push(...(page.StackResourceSummaries ?? []));
  }
  return resources;
}
