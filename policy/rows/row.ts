import type { ConditionContext, PolicyDocument } from '../../simulators/aws/iam.ts';
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
  /** Of the VPC endpoint that the request takes. @default it takes none */
  readonly endpointPolicy?: PolicyDocument;
}

type MakeRow = (
  action: string,
  context: ConditionContext,
  when: string,
  ...allowed: readonly PrincipalName[]
) => MatrixRow;

/** Makes rows about one resource. */
export function rowsAbout(resource: string, resourceArn: string): MakeRow {
  return (action, context, when, ...allowed) => ({ action, resource, when, allowed, resourceArn, context });
}

/** Makes rows about the objects of a bucket, by their keys. */
export function rowsOfObjects(
  bucketArn: string,
  nameOf: (key: string) => string = (key) => key,
): (key: string, ...row: Parameters<MakeRow>) => MatrixRow {
  return (key, ...row) => rowsAbout(nameOf(key), `${bucketArn}/${key}`)(...row);
}
