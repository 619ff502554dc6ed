/** The end of stacks, and what they keep. */
import {
  type CloudFormationClient,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { clientsOf } from './account.ts';
import type { Kept, Life } from './life.ts';
import { runCdk } from './programs.ts';
import { replicaStackName } from './synthesize.ts';

/**
 * Takes the protection off and destroys the stacks that are there, also after a deployment that failed. What
 * they leave is added to `kept`.
 */
export async function destroyStacks(life: Life): Promise<void> {
  const { account, stackName, kept } = life.parts;
  const { first, second } = account.regions;
  const all = [
    { name: stackName, region: first },
    { name: replicaStackName(stackName), region: second },
  ];
  const there: string[] = [];
  for (const { name, region } of all) {
    const client = clientsOf(account.environment, region).cloudFormation;
    if (!(await isThere(client, name))) {
      continue;
    }
    there.push(name);
    kept.push({ region, ...(await listWhatStays(client, name)) });
    await client.send(
      new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: false }),
    );
  }
  if (there.length > 0) {
    const { app } = await life.plan({}, there.length > 1);
    await runCdk(account, ['destroy', '--all', '--force', '--app', app]);
  }
  life.forgetDeployment();
}

export async function isThere(client: CloudFormationClient, StackName: string): Promise<boolean> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    return stack !== undefined && stack.StackStatus !== 'DELETE_COMPLETE';
  } catch (error) {
    // CloudFormation's own code for it is that of any wrong input.
    if (error instanceof Error && error.name === 'ValidationError') {
      return false;
    }
    throw error;
  }
}

async function listWhatStays(
  client: CloudFormationClient,
  StackName: string,
): Promise<Pick<Kept, 'buckets' | 'keys'>> {
  const { StackResourceSummaries: resources = [] } = await client.send(
    new ListStackResourcesCommand({ StackName }),
  );
  const ofType = (type: string) =>
    resources.flatMap(({ ResourceType, PhysicalResourceId, ResourceStatus }) =>
      ResourceType === type && PhysicalResourceId !== undefined && ResourceStatus !== 'DELETE_COMPLETE'
        ? [PhysicalResourceId]
        : [],
    );
  return { buckets: ofType('AWS::S3::Bucket'), keys: ofType('AWS::KMS::Key') };
}
