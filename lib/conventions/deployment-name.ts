import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * Name for what must be unique in account and region: the stack's, and in a stack that has more in it than Lifeboat the construct's, too.
 *
 * @param part - a construct of the deployment, just below the one that is the whole of it
 */
export function formatDeploymentName(part: Construct): string {
  const stack = Stack.of(part);
  const { scopes } = part.node;
  const whole = scopes.slice(scopes.indexOf(stack) + 1, -1).map(({ node }) => node.id);
  // As logical ids leave it out.
  return [stack.stackName, ...whole.filter((id) => id !== 'Default')].join('-');
}
