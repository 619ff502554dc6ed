/** The policy of a deployer's own encryption key, with the names of the matrix in place of the deployer's. */
import * as v from 'valibot';
import type { PolicyDocument } from '../simulators/aws/iam.ts';
import { policyStatement } from './statement.ts';

const document = v.object({
  Version: v.optional(v.string()),
  Statement: v.pipe(v.array(policyStatement), v.nonEmpty()),
});
// `aws kms get-key-policy` prints {"Policy": "<JSON>"}, and with `--output text` the JSON itself.
const printedPolicy = v.pipe(
  v.string(),
  v.parseJson(),
  v.union([
    v.pipe(
      v.object({ Policy: v.pipe(v.string(), v.parseJson(), document) }),
      v.transform(({ Policy }) => Policy),
    ),
    document,
  ]),
);

type Statement = v.InferOutput<typeof policyStatement>;

export interface CheckedKeyPolicy {
  readonly policy: PolicyDocument;
  /** The principals that its own statements allow something: roles, users, services. */
  readonly principals: readonly string[];
  /** A sentence for each statement of the deployment that is missing or was changed. */
  readonly faults: readonly string[];
}

/** The file is no key policy that can be proved. The message says why, and what to do. */
export class KeyPolicyError extends Error {
  override readonly name = 'KeyPolicyError';
}

/**
 * Reads a key's policy as `aws kms get-key-policy` prints it.
 *
 * @param account the deployer's; by default the only one that the policy names
 * @param replacement the account number that takes its place
 * @returns the policy, with the replaced account
 * @throws KeyPolicyError
 */
export function readKeyPolicy(
  text: string,
  account: string | undefined,
  replacement: string,
): PolicyDocument {
  const read = v.safeParse(printedPolicy, text);
  if (!read.success) {
    throw new KeyPolicyError(
      'this is no key policy: give it as `aws kms get-key-policy --policy-name default --output text --key-id ...` prints it',
    );
  }
  const deployerAccount = account ?? findOnlyAccount(text);
  return JSON.parse(JSON.stringify(read.output).replaceAll(deployerAccount, replacement)) as PolicyDocument;
}

function findOnlyAccount(text: string): string {
  const named = [
    ...new Set([...text.matchAll(/arn:aws[a-z-]*:iam::(\d{12}):/g)].map(([, account]) => account)),
  ];
  const [only, ...more] = named;
  if (only === undefined || more.length > 0) {
    throw new KeyPolicyError(
      `the policy names ${named.length === 0 ? 'no account' : `the accounts ${named.join(', ')}`}: say with --account which one Lifeboat is deployed in`,
    );
  }
  return only;
}

/** Whether a policy has a statement of this Sid, whatever it says. */
export function hasStatement(policy: PolicyDocument, sid: string): boolean {
  return v.parse(document, policy).Statement.some(({ Sid }) => Sid === sid);
}

/**
 * Replaces the statements that a policy has of the deployment by those of the deployment that is proved,
 * whose roles have the names of the matrix. A statement is known by its Sid, and replaced only where it says
 * the same.
 *
 * @param expected the statements that the deployment asks for
 */
export function replaceDeploymentStatements(
  policy: PolicyDocument,
  expected: readonly unknown[],
): CheckedKeyPolicy {
  const statements = v.parse(document, policy).Statement;
  const expectedBySid = new Map(
    expected.map((each) => v.parse(policyStatement, each)).map((each) => [each.Sid, each]),
  );
  const sids = new Set(statements.map(({ Sid }) => Sid));
  const changed = statements.filter((each) => {
    const same = expectedBySid.get(each.Sid);
    return same !== undefined && describeEffect(each) !== describeEffect(same);
  });
  const kept = statements.filter((each) => !expectedBySid.has(each.Sid) || changed.includes(each));
  const replaced = [...expectedBySid.values()].filter(
    ({ Sid }) => sids.has(Sid) && !changed.some((each) => each.Sid === Sid),
  );
  return {
    policy: { ...policy, Statement: [...kept, ...replaced] },
    principals: [...new Set(kept.flatMap(listPrincipals))],
    faults: [
      ...[...expectedBySid.keys()]
        .filter((sid) => !sids.has(sid))
        .map((sid) => `statement ${sid} is missing: put it in, from the output EncryptionKeyStatements`),
      ...changed.map(
        ({ Sid }) =>
          `statement ${Sid} is not as the output EncryptionKeyStatements has it: put that one in its place`,
      ),
    ],
  };
}

/** Tells what a statement does, without the principals that it names. */
function describeEffect({ Effect, Action = [], Condition }: Statement): string {
  const conditions = Object.entries(Condition).flatMap(([operator, tests]) =>
    Object.keys(tests).map((key) => `${operator} ${key}`),
  );
  return JSON.stringify([Effect, [...Action].sort(), conditions.sort()]);
}

/** Lists whom a statement allows something, but for the account, which stands for its IAM policies. */
function listPrincipals({ Effect, Principal }: Statement): readonly string[] {
  if (Effect === 'Deny' || Principal === undefined || Principal === '*') {
    return [];
  }
  return Object.values(Principal)
    .flat()
    .filter((each) => each !== '*' && !/^\d{12}$|:root$/.test(each));
}
