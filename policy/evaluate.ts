import * as v from 'valibot';
import { type AccessRequest, authorizer } from '../simulators/aws/iam.ts';
import type { SynthesizedTemplate } from '../template/template.ts';
import { accountId, type MatrixTemplate, matrixTemplate, type Variant } from './deployment.ts';
import { physicalNames, routeArn } from './names.ts';
import { outsiders, policiesWithKey } from './policies.ts';
import { isOfAccount, principalsOf } from './principals.ts';
import { matrixRows } from './rows/matrix-rows.ts';
import type { MatrixRow } from './rows/row.ts';
import { findMisspellings } from './spelling.ts';

export interface MatrixCell {
  readonly row: MatrixRow;
  /** A principal of the matrix, or one that a key policy names. */
  readonly principal: string;
  readonly expected: boolean;
  readonly allowed: boolean;
  readonly reason: string;
}

export interface Matrix {
  readonly rows: readonly MatrixRow[];
  readonly cells: readonly MatrixCell[];
  /** Cells that are not as expected. */
  readonly unexpected: readonly MatrixCell[];
  /** Condition keys of rows that no evaluation took into account. Such a row would prove nothing. */
  readonly ignoredKeys: readonly string[];
  /** Actions, operators and keys of the policies that do not exist. */
  readonly misspellings: readonly string[];
  /** A sentence for each statement of the deployment that a given key policy lacks. */
  readonly keyPolicyFaults: readonly string[];
}

/**
 * Evaluates every row for every principal against the policies of the synthesized template.
 *
 * @param isAsked whether a row is. @default all are
 */
export async function evaluateMatrix(
  template: MatrixTemplate = matrixTemplate(),
  variant: Variant = {},
  isAsked: (row: MatrixRow) => boolean = () => true,
): Promise<Matrix> {
  const names = physicalNames(template, variant);
  const { policies, key, endpoints } = policiesWithKey(template, variant);
  const authorize = authorizer({ policies, accountId, others: outsiders(names) });
  const principals = principalsOf(variant);
  const rows = matrixRows(names, variant, endpoints).filter(isAsked);
  const ignored = new Set<string>();
  const cells: MatrixCell[] = [];
  const openRoutes = findOpenRoutes(template, names.apiId);
  const evaluate = async (row: MatrixRow, principal: string, arn: string, isExpected: Expectation) => {
    const { allowed, reason, ignoredKeys } = openRoutes.has(row.resourceArn)
      ? { allowed: true, reason: 'IAM is not asked on this route', ignoredKeys: [] }
      : await authorize(toRequest(row, arn));
    for (const ignoredKey of ignoredKeys) {
      ignored.add(`${row.action} on ${row.resource}: ${ignoredKey}`);
    }
    cells.push({ row, principal, expected: isExpected(allowed), allowed, reason });
  };
  for (const row of rows) {
    for (const principal of principals) {
      const isNamed = row.allowed.includes(principal);
      // Deployers may keep a key of their own from their own people.
      const mayBeRefused = variant.keyPolicy !== undefined && isOfAccount(principal);
      await evaluate(row, principal, names.principalArn(principal), (allowed) =>
        isNamed && mayBeRefused ? allowed : isNamed,
      );
    }
    if (row.resourceArn === names.encryptionKeyArn) {
      for (const arn of key.principals) {
        // They may manage the key, and never use it.
        await evaluate(row, arn, arn, (allowed) => managesKey(row.action) && allowed);
      }
    }
  }
  return {
    rows,
    cells,
    unexpected: cells.filter(({ expected, allowed }) => expected !== allowed),
    ignoredKeys: [...ignored],
    misspellings: await findMisspellings(policies),
    keyPolicyFaults: key.faults,
  };
}

/** Routes on which API Gateway lets everybody through: the function checks who it is. */
function findOpenRoutes({ Resources }: SynthesizedTemplate, apiId: string): ReadonlySet<string> {
  const route = v.object({ RouteKey: v.string(), AuthorizationType: v.literal('NONE') });
  const open = Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::ApiGatewayV2::Route')
    .flatMap(({ Properties }) => {
      const read = v.safeParse(route, Properties);
      return read.success ? [read.output.RouteKey] : [];
    });
  return new Set(open.map((routeKey) => routeArn(apiId, routeKey.replace(' ', ''))));
}

/** Tells what should be decided. It may take what was decided, where both are right. */
type Expectation = (allowed: boolean) => boolean;

function managesKey(action: string): boolean {
  return ['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].includes(action);
}

function toRequest(row: MatrixRow, principalArn: string): AccessRequest {
  const { action, resourceArn, context, endpointPolicy } = row;
  return { principalArn, action, resourceArn, context, ...(endpointPolicy && { endpointPolicy }) };
}
