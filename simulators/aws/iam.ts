import {
  anonymousPrincipal,
  getDenialReasons,
  type RequestAnalysis,
  runSimulation,
} from '@cloud-copilot/iam-simulate';
import * as v from 'valibot';

export interface PolicyDocument {
  readonly Version?: string | undefined;
  readonly Statement: readonly unknown[];
}

/** The policies that a deployment puts into force. */
export interface DeployedPolicies {
  /** By the ARN of their role. */
  readonly ofRoles: ReadonlyMap<string, readonly PolicyDocument[]>;
  /** By the ARN of their bucket, key, queue, function or role (which says who may assume it). */
  readonly ofResources: ReadonlyMap<string, PolicyDocument>;
}

/** Values of condition keys, by key. */
export type ConditionContext = Readonly<Record<string, string>>;

/** One request that a principal makes. */
export interface AccessRequest {
  /**
   * ARN of a role, a role's session, or a user; a service's host name; `anonymous` for an unsigned request.
   */
  readonly principalArn: string;
  /** For example `s3:PutObject`. */
  readonly action: string;
  readonly resourceArn: string;
  readonly context: ConditionContext;
  /** Of the VPC endpoint that the request takes; it must allow it, too. @default it takes none */
  readonly endpointPolicy?: PolicyDocument;
}

export interface AccessDecision {
  readonly allowed: boolean;
  /** In AWS's words, as an AccessDenied says it. */
  readonly reason: string;
  /** Given condition keys that do not apply to the action: a test that relies on one proves nothing. */
  readonly ignoredKeys: readonly string[];
}

export type Authorize = (request: AccessRequest) => Promise<AccessDecision>;

export interface AuthorizerOptions {
  readonly policies: DeployedPolicies;
  readonly accountId: string;
  /**
   * Policies of principals that are not the deployment's, by role ARN: the administrator's, a data plane's.
   */
  readonly others?: ReadonlyMap<string, readonly PolicyDocument[]>;
}

// A decision depends on nothing but what is in its key. The proof asks the same of many deployments that
// differ in few policies, and an evaluation takes long.
const decisions = new Map<string, Promise<AccessDecision>>();

/**
 * Decides as IAM does, over role policies and resource policies together (@cloud-copilot/iam-simulate). A
 * policy that is not valid (a misspelt action or operator) is an error, not a decision.
 */
export function authorizer({ policies, accountId, others = new Map() }: AuthorizerOptions): Authorize {
  return (request) => {
    const roleArn = roleOf(request.principalArn);
    const identity = policies.ofRoles.get(roleArn) ?? others.get(roleArn) ?? [];
    const resource = policies.ofResources.get(policyHolder(request.action, request.resourceArn));
    const whole = [...identity, ...(resource === undefined ? [] : [resource])].map(prepare);
    const isChecked = whole.every(({ text }) => validPolicies.has(text));
    // The first decision about a policy takes all of it, and so finds what is not valid anywhere in it.
    const read = (policy: PolicyDocument): EvaluablePolicy =>
      isChecked ? keepStatementsAbout(request.action, prepare(policy)) : prepare(policy);
    const identityPolicies = identity.map(read);
    const resourcePolicy = resource === undefined ? undefined : read(resource);
    const key = JSON.stringify([
      accountId,
      identityPolicies.map(({ number }) => number),
      resourcePolicy?.number ?? null,
      request,
    ]);
    const known = decisions.get(key);
    if (known !== undefined) {
      return known;
    }
    const decision = decide(request, accountId, identityPolicies, resourcePolicy);
    decisions.set(key, decision);
    return decision.then((decided) => {
      for (const { text } of whole) {
        validPolicies.add(text);
      }
      return decided;
    });
  };
}

async function decide(
  request: AccessRequest,
  accountId: string,
  identityPolicies: readonly EvaluablePolicy[],
  resourcePolicy: EvaluablePolicy | undefined,
): Promise<AccessDecision> {
  const { principalArn, action, resourceArn, context, endpointPolicy } = request;
  const isAnonymous = principalArn === 'anonymous';
  const isOfAccount = principalArn.startsWith('arn:');
  const roleArn = roleOf(principalArn);
  const results = await runSimulation(
    {
      request: {
        principal: isAnonymous ? anonymousPrincipal : principalArn,
        action,
        resource: { resource: resourceArn, accountId },
        contextVariables: {
          ...makeEvaluable(context),
          ...(isOfAccount
            ? { 'aws:PrincipalArn': roleArn, 'aws:PrincipalAccount': roleArn.split(':')[4] ?? '' }
            : {}),
        },
      },
      identityPolicies: isAnonymous
        ? []
        : identityPolicies.map(({ policy }, index) => ({ name: policyName(index), policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(endpointPolicy === undefined
        ? {}
        : { vpcEndpointPolicies: [{ name: 'endpoint', policy: endpointPolicy }] }),
      ...(resourcePolicy === undefined ? {} : { resourcePolicy: resourcePolicy.policy }),
    },
    {},
  );
  if (results.resultType !== 'single') {
    const what = results.resultType === 'error' ? JSON.stringify(results.errors) : 'a wildcard resource';
    throw new Error(`${action} on ${resourceArn} cannot be evaluated: ${what}`);
  }
  const allowed = results.overallResult === 'Allowed';
  return {
    allowed,
    reason: allowed
      ? 'allowed'
      : describeRefusal(request, results.result.analysis, identityPolicies, resourcePolicy),
    ignoredKeys: results.result.ignoredContextKeys ?? [],
  };
}

interface EvaluablePolicy {
  readonly policy: PolicyDocument;
  readonly text: string;
  /** The same for policies that say the same. */
  readonly number: number;
  /** Where its statements stand in the deployed policy; the first is 1. */
  readonly positions: readonly number[];
}

const evaluablePolicies = new WeakMap<PolicyDocument, EvaluablePolicy>();
const policyNumbers = new Map<string, number>();
/** Whole policies that an evaluation has taken, by their text. */
const validPolicies = new Set<string>();

function prepare(policy: PolicyDocument): EvaluablePolicy {
  const known = evaluablePolicies.get(policy);
  if (known !== undefined) {
    return known;
  }
  const evaluable = makeEvaluable(policy);
  const made = numberPolicy(
    evaluable,
    evaluable.Statement.map((_statement, index) => index + 1),
  );
  evaluablePolicies.set(policy, made);
  return made;
}

function numberPolicy(policy: PolicyDocument, positions: readonly number[]): EvaluablePolicy {
  const text = JSON.stringify([policy, positions]);
  const number = policyNumbers.get(text) ?? policyNumbers.size;
  policyNumbers.set(text, number);
  return { policy, text, number, positions };
}

const partsByAction = new WeakMap<EvaluablePolicy, Map<string, EvaluablePolicy>>();

/**
 * The part of a policy that can say anything about an action. IAM passes over the other statements, but
 * iam-simulate 0.1 compares all of each one, which takes most of its time.
 */
function keepStatementsAbout(action: string, whole: EvaluablePolicy): EvaluablePolicy {
  const parts = partsByAction.get(whole) ?? new Map<string, EvaluablePolicy>();
  partsByAction.set(whole, parts);
  const known = parts.get(action);
  if (known !== undefined) {
    return known;
  }
  const { Statement } = whole.policy;
  const about = whole.positions.filter((position) => isAbout(action, Statement[position - 1]));
  // A policy without a statement is not valid, and one that says nothing is not the same as none.
  const positions = about.length === 0 ? whole.positions.slice(0, 1) : about;
  const part = numberPolicy(
    { ...whole.policy, Statement: positions.map((position) => Statement[position - 1]) },
    positions,
  );
  parts.set(action, part);
  return part;
}

const statementActions = v.object({ Action: v.union([v.string(), v.array(v.string())]) });

/** False only where the statement names actions (not `NotAction`), and none is this one. */
function isAbout(action: string, statement: unknown): boolean {
  const read = v.safeParse(statementActions, statement);
  return !read.success || [read.output.Action].flat().some((pattern) => isAction(action, pattern));
}

/** As IAM compares actions: in any case, `*` for any characters and `?` for one. */
function isAction(action: string, pattern: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 'i').test(action);
}

// Each with a key of the same actions that no policy of ours uses.
const standIns = [
  ['kms:EncryptionContext:aws:s3:arn', 'kms:EncryptionAlgorithm'],
  ['kms:EncryptionContext:aws:logs:arn', 'kms:RequestAlias'],
] as const;

/**
 * iam-simulate 0.1 knows no keys of the form `kms:EncryptionContext:<name>`, and would leave such a condition
 * out. Another key in its place, in policies and request alike, keeps it in force.
 */
function makeEvaluable<Content>(content: Content): Content {
  const text = JSON.stringify(content);
  for (const [key, standIn] of standIns) {
    if (text.includes(standIn)) {
      throw new Error(`a policy uses ${standIn}, which stands in for ${key} here: choose another one`);
    }
  }
  return JSON.parse(
    standIns.reduce((said, [key, standIn]) => said.replaceAll(key, standIn), text),
  ) as Content;
}

const policyName = (index: number) => `policy${index + 1}`;

/** As AWS words it (IAM User Guide, "Troubleshoot access denied error messages"). */
function describeRefusal(
  { principalArn, action, resourceArn }: AccessRequest,
  analysis: RequestAnalysis,
  identityPolicies: readonly EvaluablePolicy[],
  resourcePolicy: EvaluablePolicy | undefined,
): string {
  const explicit = getDenialReasons(analysis).find(({ denialType }) => denialType === 'Explicit');
  let because = `because no policy allows the ${action} action`;
  if (explicit !== undefined && explicit.denialType !== 'Implicit') {
    const isResource = explicit.policyType === 'resource';
    const policy = isResource
      ? resourcePolicy
      : identityPolicies.find((_policy, index) => explicit.policyIdentifier === policyName(index));
    const statement = explicit.statementId ?? `statement ${policy?.positions[explicit.statementIndex - 1]}`;
    because = `with an explicit deny in ${isResource ? 'a resource-based' : 'an identity-based'} policy (${statement})`;
  }
  return `User: ${principalArn} is not authorized to perform: ${action} on resource: "${resourceArn}" ${because}`;
}

/** A session has the policies of its role. */
function roleOf(principalArn: string): string {
  const session = /^arn:aws:sts::(\d+):assumed-role\/([^/]+)\//.exec(principalArn);
  return session === null ? principalArn : `arn:aws:iam::${session[1]}:role/${session[2]}`;
}

/** Objects are under their bucket's policy, and a role's trust is asked by STS alone. */
function policyHolder(action: string, resourceArn: string): string {
  if (resourceArn.includes(':role/') && !action.startsWith('sts:')) {
    return '';
  }
  return resourceArn.startsWith('arn:aws:s3:::') ? (resourceArn.split('/')[0] ?? '') : resourceArn;
}
