import { SQSClient } from '@aws-sdk/client-sqs';
import type { Access, Guard } from '../../simulators/aws/access.ts';
import type { HttpApi } from '../../simulators/aws/api-gateway.ts';
import type { EventInvokeConfig } from '../../simulators/aws/asynchronous-invocation.ts';
import type { EventSource } from '../../simulators/aws/event-source.ts';
import type { Identity } from '../../simulators/aws/identities.ts';
import type { LambdaFunction } from '../../simulators/aws/lambda-function.ts';
import type { LocalAws } from '../../simulators/aws/local-aws.ts';
import type { Schedule } from '../../simulators/aws/scheduler.ts';

export interface ProvisionedFunction {
  readonly name: string;
  readonly arn: string;
  /** Its role's session. */
  readonly identity: Identity;
  readonly lambda: LambdaFunction;
}

/** One measurement, as CloudWatch would get it. */
export interface Measurement {
  readonly at: Date;
  /** Lifeboat's own, or AWS's. */
  readonly namespace: string;
  /** The logical id of the function that was measured, or has measured; of others that of what was. */
  readonly functionId: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The account that a template is provisioned into, and what it holds so far. */
export interface Account {
  readonly aws: LocalAws;
  readonly region: string;
  readonly accountId: string;
  /** Of the HTTP API. @default a free one */
  readonly port: number | undefined;
  readonly logDirectory: string;
  /** The bundled runtime of functions, which `npm run build` makes. */
  readonly runtime: string;

  readonly functions: ProvisionedFunction[];
  readonly integrations: Map<string, ProvisionedFunction>;
  readonly permissions: Permission[];
  readonly eventSources: { readonly queueUrl: string; readonly source: EventSource }[];
  /** Those that send messages to a queue. */
  readonly schedules: Schedule[];
  /** By the ARN of the function. */
  readonly eventInvokeConfigs: Map<string, EventInvokeConfig>;
  readonly measurements: Measurement[];
  /** Functions that API Gateway may not invoke any more, by their ARNs. */
  readonly notInvocable: Set<string>;
  readonly queues: { readonly name: string; readonly url: string }[];
  /** What was refused or could not be done, in the words of the service. */
  readonly refusals: string[];
  api: HttpApi | undefined;

  /** Says why a principal may not, once the template's policies are in force. */
  readonly mayNot: Guard;
  /**
   * Questions to the policies, for when all of them are in force; one throws where the deployment would fail.
   */
  readonly checks: (() => Promise<void>)[];
  /** What begins to run when everything is there and checked. */
  readonly starts: (() => void)[];
  /** What runs, the last one started last. */
  readonly running: { stop(): Promise<void> }[];
}

/** Lets a service invoke a function. */
export interface Permission {
  readonly functionArn: string;
  readonly principal: string;
  readonly action: string;
  readonly sourceArn: string;
}

/** A session of a role, for a service that the role must trust. */
export function assumeRole(
  account: Account,
  service: string,
  roleArn: string,
  sessionName: string,
  context: Access['context'] = {},
): Identity {
  const failure = `${sessionName}: its role cannot be assumed.`;
  requireAllowed(account, failure, service, ['sts:AssumeRole'], roleArn, context);
  const roleName = roleArn.split('/').at(-1);
  return account.aws.identities.issue(
    `arn:aws:sts::${account.accountId}:assumed-role/${roleName}/${sessionName}`,
  );
}

/** Lets the deployment fail with this sentence when a principal may not do all of these. */
export function requireAllowed(
  { checks, mayNot }: Account,
  failure: string,
  principal: string,
  actions: readonly string[],
  resourceArn: string,
  context: Access['context'] = {},
): void {
  checks.push(async () => {
    for (const action of actions) {
      const refusal = await mayNot(principal, { action, resourceArn, context });
      if (refusal !== undefined) {
        throw new Error(`${failure} ${refusal}`);
      }
    }
  });
}

export function sqsClient({ aws, region }: Account, credentials: Identity): SQSClient {
  return new SQSClient({ region, endpoint: aws.sqs.endpoint, credentials });
}

export function queueUrl({ aws, accountId }: Account, queueArn: string): string {
  return `${aws.sqs.endpoint}/${accountId}/${queueArn.split(':').at(-1)}`;
}

/** @throws Error when no function has this name or ARN */
export function findFunction({ functions }: Account, nameOrArn: string): ProvisionedFunction {
  const found = functions.find(({ name, arn }) => name === nameOrArn || arn === nameOrArn);
  if (found === undefined) {
    throw new Error(`there is no function ${nameOrArn}`);
  }
  return found;
}
