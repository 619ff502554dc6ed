/**
 * A first deployment that fails leaves nothing, and the next one succeeds
 * (docs/runbook.md#the-first-deployment-failed).
 */
import {
  DeleteStackCommand,
  DescribeStacksCommand,
  UpdateTerminationProtectionCommand,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import { Life, require } from '../life.ts';
import { destroyStacks } from '../removal.ts';
import { listStackResources } from '../stack-resources.ts';

/** The stack that is tried twice. */
export const triedAgain = (stackName: string) => `${stackName}Again`;

/** Takes it from CloudFormation to tell that there is no such policy. */
const missingPolicy = (accountId: string) =>
  `arn:aws:iam::${accountId}:policy/lifeboat-there-is-no-such-policy`;

export async function failAndTryAgain({ parts, account }: Life): Promise<void> {
  const other = new Life({ ...parts, stackName: triedAgain(parts.stackName) });
  const { cloudFormation } = account.clients;
  const StackName = other.parts.stackName;
  const isDeployed = await other.tryToDeploy({ permissionsBoundaryArn: missingPolicy(account.id) });
  if (isDeployed) {
    other.note(
      `${account.emulator?.name} deploys roles with a boundary that is not there: a failed first try is not shown`,
    );
  } else {
    const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    require(stack?.StackStatus ===
      'ROLLBACK_COMPLETE', `after a first deployment that failed the stack is ${stack?.StackStatus}, and not rolled back: ${stack?.StackStatusReason ?? ''}`);
    const resources = await listStackResources(cloudFormation, StackName);
    const left = resources.filter(({ ResourceStatus }) => ResourceStatus !== 'DELETE_COMPLETE');
    require(left.length ===
      0, `it has left ${left.map(({ LogicalResourceId, ResourceStatus }) => `${LogicalResourceId} (${ResourceStatus})`).join(', ')}`);
    require(!(await other.tryToDeploy({})), 'cdk deploy deletes a stack that is protected from that');
    await cloudFormation.send(
      new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: false }),
    );
    await cloudFormation.send(new DeleteStackCommand({ StackName }));
    await waitUntilStackDeleteComplete({ client: cloudFormation, maxWaitTime: 900 }, { StackName });
    await other.change({});
  }
  await destroyStacks(other);
}
