import type { ConditionContext } from '../../simulators/aws/iam.ts';
import type { PrincipalName } from '../principals.ts';

export interface MatrixRow {
  readonly action: string;
  /** What a person calls the resource. */
  readonly resource: string;
  /** What is special about the request; empty where nothing is. */
  readonly when: string;
  /** Everybody else must be refused. */
  readonly allowed: readonly PrincipalName[];
  readonly resourceArn: string;
  readonly context: ConditionContext;
}

export function row(
  action: string,
  resource: string,
  resourceArn: string,
  context: ConditionContext,
  when: string,
  ...allowed: readonly PrincipalName[]
): MatrixRow {
  return { action, resource, when, allowed, resourceArn, context };
}

/** Makes rows about the objects of a bucket, by their keys. */
export function rowsOfObjects(
  bucketArn: string,
  nameOf: (key: string) => string = (key) => key,
): (
  action: string,
  key: string,
  context: ConditionContext,
  when: string,
  ...allowed: readonly PrincipalName[]
) => MatrixRow {
  return (action, key, context, when, ...allowed) =>
    row(action, nameOf(key), `${bucketArn}/${key}`, context, when, ...allowed);
}
