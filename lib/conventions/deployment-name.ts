import { Stack, Token } from 'aws-cdk-lib';
import type { Construct, IConstruct } from 'constructs';

const mark = Symbol.for('lifeboat.deployment');

/** Says that this construct is a whole deployment, whose parts bear its name. */
export function markDeployment(whole: Construct): void {
  Object.defineProperty(whole, mark, { value: true });
}

/**
 * Makes a name that is unique in account and region: the stack's, and the construct's too where the stack
 * holds more than Lifeboat.
 *
 * @param part anywhere in a deployment
 * @throws Error outside of one
 */
export function formatDeploymentName(part: IConstruct): string {
  return [Stack.of(part).stackName, ...findOwnIds(part)].join('-');
}

/** The ids of the construct that is the whole deployment, and of those above it in the stack. */
function findOwnIds(part: IConstruct): readonly string[] {
  const { scopes } = part.node;
  const end = scopes.findLastIndex((scope) => mark in scope);
  if (end === -1) {
    throw new Error(`${part.node.path} is no part of a deployment`);
  }
  const whole = scopes.slice(scopes.indexOf(Stack.of(part)) + 1, end + 1).map(({ node }) => node.id);
  // Logical ids leave `Default` out as well.
  return whole.filter((id) => id !== 'Default');
}

/**
 * What ids of a deployment's outputs begin with: nothing where the stack holds nothing but Lifeboat.
 * CloudFormation accepts letters and digits only.
 */
export function formatOutputPrefix(part: IConstruct): string {
  return findOwnIds(part)
    .join('')
    .replaceAll(/[^A-Za-z0-9]/g, '');
}

/** As above, and unique in the account, where dashboards of all regions have their names. */
export function formatDashboardName(part: IConstruct): string {
  const name = formatDeploymentName(part);
  // The id of a construct may have any characters (CloudWatch API Reference, PutDashboard).
  const taken = Token.isUnresolved(name) ? name : name.replaceAll(/[^\w-]/g, '-');
  return `${taken}-${Stack.of(part).region}`;
}

/**
 * What names of log groups begin with that an AWS service delivers to by itself. CloudWatch Logs allows each
 * of them in a resource policy, of 5,120 characters, and all below `/aws/vendedlogs/` together (CloudWatch
 * Logs User Guide, "Enable logging from AWS services"): elsewhere the policy is full after some dozens of
 * APIs.
 */
export function formatVendedLogPrefix(part: IConstruct): string {
  return `/aws/vendedlogs/lifeboat/${Stack.of(part).stackName}/`;
}
