import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * Makes a name that is unique in account and region: the stack's, and the construct's too where the stack
 * holds more than Lifeboat.
 *
 * @param part - a direct child of the construct that is the whole deployment
 */
export function formatDeploymentName(part: Construct): string {
  const stack = Stack.of(part);
  const { scopes } = part.node;
  const whole = scopes.slice(scopes.indexOf(stack) + 1, -1).map(({ node }) => node.id);
  // Logical ids leave `Default` out as well.
  return [stack.stackName, ...whole.filter((id) => id !== 'Default')].join('-');
}
