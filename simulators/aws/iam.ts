import {
  anonymousPrincipal,
  getDenialReasons,
  type RequestAnalysis,
  runSimulation,
} from '@cloud-copilot/iam-simulate';

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
}

export interface AccessDecision {
  readonly allowed: boolean;
  /** In AWS's words, as an AccessDenied says it. */
  readonly reason: string;
  /**
   * Condition keys that were given and do not apply to the action: a test that relies on one would prove
   * nothing.
   */
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
    const identityPolicies = identity.map(prepare);
    const resourcePolicy = resource === undefined ? undefined : prepare(resource);
    const numbers = identityPolicies.map(({ number }) => number);
    const key = JSON.stringify([accountId, numbers, resourcePolicy?.number ?? null, request]);
    const known = decisions.get(key);
    if (known !== undefined) {
      return known;
    }
    const decision = decide(request, accountId, identityPolicies, resourcePolicy);
    decisions.set(key, decision);
    return decision;
  };
}

async function decide(
  request: AccessRequest,
  accountId: string,
  identityPolicies: readonly EvaluablePolicy[],
  resourcePolicy: EvaluablePolicy | undefined,
): Promise<AccessDecision> {
  const { principalArn, action, resourceArn, context } = request;
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
        : identityPolicies.map(({ policy }, index) => ({ name: `policy${index + 1}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
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
    reason: allowed ? 'allowed' : describeRefusal(request, results.result.analysis),
    ignoredKeys: results.result.ignoredContextKeys ?? [],
  };
}

interface EvaluablePolicy {
  readonly policy: PolicyDocument;
  /** The same for policies that say the same. */
  readonly number: number;
}

const evaluablePolicies = new WeakMap<PolicyDocument, EvaluablePolicy>();
const policyNumbers = new Map<string, number>();

function prepare(policy: PolicyDocument): EvaluablePolicy {
  const known = evaluablePolicies.get(policy);
  if (known !== undefined) {
    return known;
  }
  const text = JSON.stringify(policy);
  const number = policyNumbers.get(text) ?? policyNumbers.size;
  policyNumbers.set(text, number);
  const made = { policy: makeEvaluable(policy), number };
  evaluablePolicies.set(policy, made);
  return made;
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

/** As AWS words it (IAM User Guide, "Troubleshoot access denied error messages"). */
function describeRefusal(
  { principalArn, action, resourceArn }: AccessRequest,
  analysis: RequestAnalysis,
): string {
  const explicit = getDenialReasons(analysis).find(({ denialType }) => denialType === 'Explicit');
  const because =
    explicit === undefined || explicit.denialType === 'Implicit'
      ? `because no policy allows the ${action} action`
      : `with an explicit deny in ${explicit.policyType === 'resource' ? 'a resource-based' : 'an identity-based'} policy (${explicit.statementId ?? `statement ${explicit.statementIndex}`})`;
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
