import * as v from 'valibot';
import { type AccessRequest, authorizer } from '../simulators/aws/iam.ts';
import type { SynthesizedTemplate } from '../template/template.ts';
import { type MatrixRow, matrixRows, routeArn } from './matrix-rows.ts';
import {
  accountId,
  everyday,
  keepers,
  type MatrixTemplate,
  matrixTemplate,
  ofReplica,
  outsiders,
  type PrincipalName,
  physicalNames,
  policiesWithKey,
  type Variant,
} from './proved-deployment.ts';
import { misspellings } from './spelling.ts';

export interface MatrixCell {
  readonly row: MatrixRow;
  /** One of the matrix's own, or whom a key policy names. */
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
  /** Condition keys of rows that no evaluation took into account: such a row would prove nothing. */
  readonly ignoredKeys: readonly string[];
  /** Actions, operators and keys of the policies that do not exist. */
  readonly misspellings: readonly string[];
  /** What of the deployment's statements a given key policy lacks. */
  readonly keyPolicyFaults: readonly string[];
}

/** Evaluates every row for every principal against the policies of the synthesized template. */
export async function evaluateMatrix(
  template: MatrixTemplate = matrixTemplate(),
  variant: Variant = {},
): Promise<Matrix> {
  const names = physicalNames(template, variant);
  const { policies, key } = policiesWithKey(template, variant);
  const authorize = authorizer({ policies, accountId, others: outsiders(names) });
  const principals: readonly PrincipalName[] = [
    ...everyday,
    ...(variant.lockdown ? keepers : []),
    ...(variant.replica ? ofReplica : []),
  ];
  const rows = matrixRows(names, variant);
  const ignored = new Set<string>();
  const cells: MatrixCell[] = [];
  const openRoutes = openRoutesOf(template, names.apiId);
  const evaluate = async (row: MatrixRow, principal: string, arn: string, isExpected: Expectation) => {
    const { allowed, reason, ignoredKeys } = openRoutes.has(row.resourceArn)
      ? { allowed: true, reason: 'IAM is not asked on this route', ignoredKeys: [] }
      : await authorize(requestOf(row, arn));
    for (const ignoredKey of ignoredKeys) {
      ignored.add(`${row.action} on ${row.resource}: ${ignoredKey}`);
    }
    cells.push({ row, principal, expected: isExpected(allowed), allowed, reason });
  };
  for (const row of rows) {
    for (const principal of principals) {
      const isNamed = row.allowed.includes(principal);
      // Whoever has a key of their own may keep it from their own people.
      const mayBeRefused = variant.keyPolicy !== undefined && isOfAccount(principal);
      await evaluate(row, principal, names.principalArn(principal), (allowed) =>
        isNamed && mayBeRefused ? allowed : isNamed,
      );
    }
    if (row.resourceArn === names.encryptionKeyArn) {
      for (const arn of key.principals) {
        // They may manage the key; what it protects is not for them.
        await evaluate(row, arn, arn, (allowed) => managesKey(row.action) && allowed);
      }
    }
  }
  return {
    rows,
    cells,
    unexpected: cells.filter(({ expected, allowed }) => expected !== allowed),
    ignoredKeys: [...ignored],
    misspellings: await misspellings(policies),
    keyPolicyFaults: key.faults,
  };
}

/** Where API Gateway lets everybody through, and the function itself looks who it is. */
function openRoutesOf({ Resources }: SynthesizedTemplate, apiId: string): ReadonlySet<string> {
  const route = v.object({ RouteKey: v.string(), AuthorizationType: v.literal('NONE') });
  const open = Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::ApiGatewayV2::Route')
    .flatMap(({ Properties }) => {
      const read = v.safeParse(route, Properties);
      return read.success ? [read.output.RouteKey] : [];
    });
  return new Set(open.map((routeKey) => routeArn(apiId, routeKey.replace(' ', ''))));
}

/** What is right, where that may depend on what is. */
type Expectation = (allowed: boolean) => boolean;

/** Principals whose rights are the account's own business. */
function isOfAccount(principal: PrincipalName): boolean {
  return ['administrator', 's3 and kms role', ...keepers].includes(principal);
}

function managesKey(action: string): boolean {
  return ['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'].includes(action);
}

function requestOf(row: MatrixRow, principalArn: string): AccessRequest {
  return { principalArn, action: row.action, resourceArn: row.resourceArn, context: row.context };
}
