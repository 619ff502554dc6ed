/** The end of stacks, and what they keep. */
import {
  type CloudFormationClient,
  DescribeStacksCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { clientsOf } from './account.ts';
import { type Kept, type Life, require } from './life.ts';
import { runCdk } from './programs.ts';
import { listStackResources } from './stack-resources.ts';
import { replicaStackName } from './synthesize.ts';

/**
 * Takes the protection off and destroys the stacks that are there, also after a deployment that failed. What
 * they leave is added to `kept`.
 *
 * @throws LifeError `failed` when one of them is there afterwards
 */
export async function destroyStacks(life: Life): Promise<void> {
  const { account, stackName, kept } = life.parts;
  const { first, second } = account.regions;
  const replica = { name: replicaStackName(stackName), region: second };
  const there: (typeof replica)[] = [];
  for (const each of [{ name: stackName, region: first }, replica]) {
    const client = clientsOf(account.environment, each.region).cloudFormation;
    if (!(await isThere(client, each.name))) {
      continue;
    }
    there.push(each);
    kept.push({ region: each.region, ...(await listWhatStays(client, each.name)) });
    await client.send(
      new UpdateTerminationProtectionCommand({ StackName: each.name, EnableTerminationProtection: false }),
    );
  }
  if (there.length > 0) {
    // The second region's stack may be the only one that is left.
    const { app } = await life.plan({}, there.includes(replica));
    await runCdk(account, ['destroy', '--all', '--force', '--app', app]);
  }
  for (const { name, region } of there) {
    const client = clientsOf(account.environment, region).cloudFormation;
    require(!(await isThere(
      client,
      name,
    )), `the stack ${name} in ${region} is still there after cdk destroy`);
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
  const resources = await listStackResources(client, StackName);
  const ofType = (type: string) =>
    resources.flatMap(({ ResourceType, PhysicalResourceId, ResourceStatus }) =>
      ResourceType === type && PhysicalResourceId !== undefined && ResourceStatus !== 'DELETE_COMPLETE'
        ? [PhysicalResourceId]
        : [],
    );
  return { buckets: ofType('AWS::S3::Bucket'), keys: ofType('AWS::KMS::Key') };
}
