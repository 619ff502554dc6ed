/** The policy of a deployer's own encryption key, as the proof can take it: with the names of the matrix in place of the deployer's. */
import * as v from 'valibot';
import type { PolicyDocument } from '../simulators/aws/iam.ts';

const oneOrMore = v.union([
  v.pipe(
    v.string(),
    v.transform((one) => [one]),
  ),
  v.array(v.string()),
]);
const statement = v.looseObject({
  Sid: v.optional(v.string()),
  Effect: v.picklist(['Allow', 'Deny']),
  Principal: v.optional(v.union([v.literal('*'), v.record(v.string(), oneOrMore)])),
  Action: v.optional(oneOrMore, []),
  Condition: v.optional(v.record(v.string(), v.record(v.string(), v.unknown())), {}),
});
const document = v.object({
  Version: v.optional(v.string()),
  Statement: v.pipe(v.array(statement), v.nonEmpty()),
});
// `aws kms get-key-policy` prints {"Policy": "<JSON>"}, and with `--output text` the JSON itself.
const given = v.pipe(
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

type Statement = v.InferOutput<typeof statement>;

export interface ProvableKeyPolicy {
  readonly policy: PolicyDocument;
  /** Whom it names itself: roles, users, services. */
  readonly principals: readonly string[];
  /** What of the deployment's statements is missing or was changed, a sentence each. */
  readonly faults: readonly string[];
}

/** The file cannot be proved; the message says why and what to do. */
export class KeyPolicyError extends Error {
  override readonly name = 'KeyPolicyError';
}

/**
 * Reads a key's policy as `aws kms get-key-policy` prints it.
 *
 * @param account the deployer's; where it is not said, the one that the policy names
 * @returns the policy, with `as` in the place of that account
 * @throws KeyPolicyError
 */
export function readKeyPolicy(text: string, account: string | undefined, as: string): PolicyDocument {
  const read = v.safeParse(given, text);
  if (!read.success) {
    throw new KeyPolicyError(
      'this is no key policy: give it as `aws kms get-key-policy --policy-name default --output text --key-id ...` prints it',
    );
  }
  const theirs = account ?? onlyAccount(text);
  return JSON.parse(JSON.stringify(read.output).replaceAll(theirs, as)) as PolicyDocument;
}

function onlyAccount(text: string): string {
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
 * Puts the deployment's own statements, whose roles have the names of the matrix, in the place of those that the policy has of them: known by
 * their Sid, and taken only where they say the same.
 *
 * @param ours what the deployment asks for
 */
export function provable(policy: PolicyDocument, ours: readonly unknown[]): ProvableKeyPolicy {
  const theirs = v.parse(document, policy).Statement;
  const wanted = new Map(ours.map((each) => v.parse(statement, each)).map((each) => [each.Sid, each]));
  const found = new Set(theirs.map(({ Sid }) => Sid));
  const changed = theirs.filter((each) => {
    const same = wanted.get(each.Sid);
    return same !== undefined && shape(each) !== shape(same);
  });
  const kept = theirs.filter((each) => !wanted.has(each.Sid) || changed.includes(each));
  const present = [...wanted.values()].filter(
    ({ Sid }) => found.has(Sid) && !changed.some((each) => each.Sid === Sid),
  );
  return {
    policy: { ...policy, Statement: [...kept, ...present] },
    principals: [...new Set(kept.flatMap(namedIn))],
    faults: [
      ...[...wanted.keys()]
        .filter((sid) => !found.has(sid))
        .map((sid) => `statement ${sid} is missing: put it in, from the output EncryptionKeyStatements`),
      ...changed.map(
        ({ Sid }) =>
          `statement ${Sid} is not as the output EncryptionKeyStatements has it: put that one in its place`,
      ),
    ],
  };
}

/** What a statement does, but for whose names stand in it. */
function shape({ Effect, Action, Condition }: Statement): string {
  const conditions = Object.entries(Condition).flatMap(([operator, tests]) =>
    Object.keys(tests).map((key) => `${operator} ${key}`),
  );
  return JSON.stringify([Effect, [...Action].sort(), conditions.sort()]);
}

/** The account itself stands for its IAM policies, which the matrix has of its own. */
function namedIn({ Effect, Principal }: Statement): readonly string[] {
  if (Effect === 'Deny' || Principal === undefined || Principal === '*') {
    return [];
  }
  return Object.values(Principal)
    .flat()
    .filter((each) => each !== '*' && !/^\d{12}$|:root$/.test(each));
}
