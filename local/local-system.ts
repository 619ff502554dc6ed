import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { type DrillRecord, drillRecordSchema } from '../core/inspect/drill-record.ts';
import type { ClusterCertificate } from '../core/kong/cluster-connection.ts';
import { makeOutputId } from '../lib/operations/outputs.ts';
import type { Guard } from '../simulators/aws/access.ts';
import type { AlarmState } from '../simulators/aws/alarm-evaluation.ts';
import type { LocalCloudFormation } from '../simulators/aws/cloudformation.ts';
import type { LocalCloudWatch } from '../simulators/aws/cloudwatch.ts';
import type { QueueMeasure } from '../simulators/aws/fifo-queue.ts';
import type { Identity } from '../simulators/aws/identities.ts';
import { type LocalAws, startLocalAws } from '../simulators/aws/local-aws.ts';
import { deployedOutput, deployedStackName } from '../template/resolve.ts';
import { resourceId, type SynthesizedTemplate } from '../template/template.ts';
import { dataPlaneRoleId, inspectorRoleId, operatorRoleId, revisionFetcherRoleId } from './local-template.ts';
import { type Account, findFunction, type Measurement } from './provision/account.ts';
import { administratorName, policiesInForce } from './provision/policies-in-force.ts';
import { provision } from './provision/provision.ts';
import { watchAlarms } from './watch-alarms.ts';

export interface LocalSystemOptions {
  /** What is deployed, for one control plane: see `localTemplate`. */
  readonly template: SynthesizedTemplate;
  readonly controlPlane: { readonly name: string; readonly certificate: ClusterCertificate };
  /** Objects, keys and logs go here; objects and keys are found again at the next start. */
  readonly dataDirectory: string;
  /** Of the HTTP API. @default a free one */
  readonly port?: number | undefined;
}

/** Lifeboat as `cdk deploy` would set it up for one control plane, on this machine. */
export interface LocalSystem {
  readonly region: string;
  /** Of the deployed stack, whose outputs the local CloudFormation tells. */
  readonly stackName: string;
  /** Base URL of the HTTP API. */
  readonly apiUrl: string;
  readonly webhookUrl: string;
  readonly hookSecret: string;
  readonly hookSecretArn: string;
  readonly bucket: string;
  readonly signingKeyArn: string;
  /** What data planes of private networks invoke instead of the API. */
  readonly grantFunctionArn: string;
  /** By the variables that AWS SDKs read. */
  readonly awsEndpoints: LocalAws['endpoints'];
  /** Credentials of a data plane's role, and of the account's administrator. */
  readonly dataPlane: Identity;
  /** Credentials of an operator's role, which may send commands. */
  readonly operator: Identity;
  /** Credentials of the role of somebody who may look at revisions. */
  readonly inspector: Identity;
  /** Credentials of the role of somebody who may have any revision's file. */
  readonly revisionFetcher: Identity;
  readonly administrator: Identity;
  readonly clients: {
    /**
     * With the rights of presigned URLs: policies keep files from everybody else, administrators included.
     */
    readonly reader: S3Client;
    /** With those of the export's role, which a thief may have: nobody else may write there. */
    readonly exporter: S3Client;
    /** With the administrator's. */
    readonly s3: S3Client;
    readonly kms: KMSClient;
  };
  /**
   * Sends the schedule's message now, as if its time had come.
   *
   * @throws Error when the template has no schedule
   */
  ringSchedule(): Promise<void>;
  /**
   * Plays a drill now, as if its time had come, by the deployed function.
   *
   * @returns what the function has noted of it
   */
  playDrill(): Promise<DrillRecord>;
  /** Takes the HTTP API away, as an outage of API Gateway does. */
  stopApi(): Promise<void>;
  /** Whether no message waits, is delayed or is being worked on. */
  isIdle(): boolean;
  /** How many batches the export function was given. */
  exportCount(): number;
  /** Of the queues together: what was sent so far, and the age of the oldest message. */
  measureQueues(): QueueMeasure;
  /**
   * How many calls the policies were asked about so far.
   *
   * @param action for example `sqs:SendMessage`
   * @param resourceArn @default of whatever
   */
  countAccesses(action: string, resourceArn?: string): number;
  /** Everything the functions measured so far, and what was measured of them. */
  measurements(): readonly Measurement[];
  /** What policies refused and functions failed at so far, in the words of AWS. */
  refusals(): readonly string[];
  /** Sets the state of an alarm of the stack, until alarms are evaluated. */
  readonly setAlarmState: LocalCloudWatch['setState'];
  /**
   * Evaluates the alarms of the stack, by what was measured so far and what is in the queues now.
   *
   * @returns their states by name
   */
  evaluateAlarms(): ReadonlyMap<string, AlarmState>;
  /** Lets time pass for alarms alone: whatever is in a queue has been there for so much longer. */
  passTime(seconds: number): void;
  /** What an administrator of the account does. */
  readonly administration: {
    setVersioning(versioning: 'Enabled' | 'Suspended'): void;
    disableKey(arn: string): void;
    enableKey(arn: string): void;
    /** All keys of the account. */
    listKeys(): readonly string[];
    /** Has Lambda invoke a function, whose failure is its own. */
    invoke(functionName: string, event: object): Promise<void>;
    /** Takes API Gateway the right to invoke a function, or gives it back. */
    setInvocable(functionArn: string, isInvocable: boolean): void;
  };
  /** Adds a stack that is not Lifeboat's, or another one of it. */
  readonly putStack: LocalCloudFormation['putStack'];
  readonly logDirectory: string;
  stop(): Promise<void>;
}

const region = 'eu-central-1';
const accountId = '000000000000';
/** Logical ids of the inspect function begin with it. */
const inspectFunctionId = 'Inspect';
/** Logical ids of the export function begin with it. */
const exportFunctionId = 'Export';

/**
 * Deploys a template on this machine and starts everything; what could not start leaves nothing running.
 *
 * @throws Error that names what the template lacks, or has and the local system does not know
 */
export async function startLocalSystem(options: LocalSystemOptions): Promise<LocalSystem> {
  const { template, dataDirectory, port } = options;
  const running: Account['running'] = [];
  // What feeds others stops first.
  const stop = async () => {
    for (const part of running.reverse()) {
      await part.stop();
    }
  };
  try {
    const logDirectory = join(dataDirectory, 'logs');
    await mkdir(logDirectory, { recursive: true, mode: 0o700 });
    const refusals: string[] = [];
    let mayNot: Guard = async () => 'the policies are not in force yet';
    const aws = await startLocalAws({
      dataDirectory: join(dataDirectory, 'aws'),
      region,
      accountId,
      guard: (...asked) => mayNot(...asked),
    });
    running.push(aws);
    const account: Account = {
      aws,
      region,
      accountId,
      port,
      logDirectory,
      runtime: join(projectRoot, 'dist/simulators/lambda-runtime.mjs'),
      functions: [],
      integrations: new Map(),
      permissions: [],
      eventSources: [],
      schedules: [],
      eventInvokeConfigs: new Map(),
      measurements: [],
      queues: [],
      notInvocable: new Set(),
      refusals,
      api: undefined,
      mayNot: (...asked) => mayNot(...asked),
      checks: [],
      starts: [],
      running,
    };
    const deployment = await provision(template, account);
    const people = Object.entries(template.Resources)
      .filter(([id, { Type }]) => Type === 'AWS::IAM::Role' && peoplesRoles.test(id))
      .map(([id, { Type }]) => deployment.namesOf(id, Type).arn);
    const decide = policiesInForce(template, deployment, account.permissions, aws.kms.keyArns(), people);
    const accesses = new Map<string, Map<string, number>>();
    mayNot = async (...asked) => {
      const [principal, { action, resourceArn }] = asked;
      const ofAction = accesses.get(action) ?? new Map<string, number>();
      accesses.set(action, ofAction.set(resourceArn, (ofAction.get(resourceArn) ?? 0) + 1));
      const refusal =
        principal === 'apigateway.amazonaws.com' && account.notInvocable.has(resourceArn)
          ? `${principal} may not invoke ${resourceArn} any more`
          : await decide(...asked);
      refusals.push(...(refusal === undefined ? [] : [refusal]));
      return refusal;
    };
    await Promise.all(account.checks.map((check) => check()));
    const outputs = Object.fromEntries(
      Object.keys(template.Outputs).map((name) => [name, deployedOutput(template, name, deployment)]),
    );
    aws.cloudFormation.putStack({ name: deployedStackName, outputs });
    const system = await systemOf(options, account, outputs);
    for (const start of account.starts) {
      start();
    }
    const countAccesses = (action: string, resourceArn?: string) =>
      [...(accesses.get(action) ?? [])]
        .filter(([arn]) => resourceArn === undefined || arn === resourceArn)
        .reduce((sum, [, count]) => sum + count, 0);
    return { ...system, countAccesses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Logical ids of roles of people, who may also look at stacks and alarms. */
const peoplesRoles = new RegExp(`^(${[operatorRoleId, inspectorRoleId, revisionFetcherRoleId].join('|')})`);

/** What a person takes from the outputs of the stack, and does after the deployment. */
async function systemOf(
  { template, controlPlane }: LocalSystemOptions,
  account: Account,
  outputs: Readonly<Record<string, string>>,
): Promise<Omit<LocalSystem, 'stop' | 'countAccesses'>> {
  const { aws } = account;
  const output = (name: string) => {
    const value = outputs[name];
    if (value === undefined) {
      throw new Error(`the template has no output ${name}`);
    }
    return value;
  };
  const ofControlPlane = (name: string) => output(makeOutputId(name, controlPlane.name));
  const session = (roleName: string) =>
    aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/${roleName}/local`);
  const administrator = session(administratorName);
  const { secretsManager, kms, s3Of } = clientsOf(aws, administrator);
  const hookSecretArn = ofControlPlane('HookSecretArn');
  const grantFunctionArn = ofControlPlane('GrantFunctionArn');
  await secretsManager.send(
    new PutSecretValueCommand({
      SecretId: ofControlPlane('ClusterCertificateArn'),
      SecretString: JSON.stringify(controlPlane.certificate),
      ClientRequestToken: randomUUID(),
    }),
  );
  const { SecretString: hookSecret = '' } = await secretsManager.send(
    new GetSecretValueCommand({ SecretId: hookSecretArn }),
  );
  return {
    region,
    stackName: deployedStackName,
    apiUrl: output('ApiUrl'),
    webhookUrl: ofControlPlane('WebhookUrl'),
    hookSecret,
    hookSecretArn,
    bucket: output('Bucket'),
    signingKeyArn: output('SigningKeyArn'),
    grantFunctionArn,
    awsEndpoints: aws.endpoints,
    dataPlane: session(resourceId(template, 'AWS::IAM::Role', dataPlaneRoleId)),
    operator: session(resourceId(template, 'AWS::IAM::Role', operatorRoleId)),
    inspector: session(resourceId(template, 'AWS::IAM::Role', inspectorRoleId)),
    revisionFetcher: session(resourceId(template, 'AWS::IAM::Role', revisionFetcherRoleId)),
    administrator,
    clients: {
      reader: s3Of(findFunction(account, grantFunctionArn).identity),
      exporter: s3Of(
        findFunction(account, resourceId(template, 'AWS::Lambda::Function', exportFunctionId)).identity,
      ),
      s3: s3Of(administrator),
      kms,
    },
    async ringSchedule() {
      const [schedule] = account.schedules;
      if (schedule === undefined) {
        throw new Error(
          'nothing asks for exports regularly: the template has no enabled AWS::Scheduler::Schedule',
        );
      }
      await schedule.ring();
    },
    playDrill: () => playDrill(account, resourceId(template, 'AWS::Lambda::Function', inspectFunctionId)),
    stopApi: async () => account.api?.stop(),
    isIdle: () => account.eventSources.every(({ queueUrl }) => aws.sqs.countMessages(queueUrl) === 0),
    exportCount: () => account.eventSources.reduce((sum, { source }) => sum + source.invocations(), 0),
    measureQueues() {
      const measures = account.eventSources.map(({ queueUrl }) => aws.sqs.measureQueue(queueUrl));
      return {
        sentCount: measures.reduce((sum, { sentCount }) => sum + sentCount, 0),
        oldestSeconds: Math.max(0, ...measures.map(({ oldestSeconds }) => oldestSeconds)),
      };
    },
    measurements: () => account.measurements,
    refusals: () => account.refusals,
    setAlarmState: aws.cloudWatch.setState,
    ...watchAlarms(account),
    administration: {
      setVersioning: (versioning) => aws.s3.setVersioning(output('Bucket'), versioning),
      disableKey: aws.kms.disable,
      enableKey: aws.kms.enable,
      listKeys: aws.kms.keyArns,
      async invoke(functionName, event) {
        await findFunction(account, functionName)
          .lambda.invoke(event)
          .catch(() => undefined);
      },
      setInvocable(functionArn, isInvocable) {
        account.notInvocable[isInvocable ? 'delete' : 'add'](functionArn);
      },
    },
    putStack: aws.cloudFormation.putStack,
    logDirectory: account.logDirectory,
  };
}

async function playDrill(account: Account, functionName: string): Promise<DrillRecord> {
  const { lambda } = findFunction(account, functionName);
  // As Lambda answers: JSON.
  const noted = JSON.stringify(await lambda.invoke({ drill: { now: true } }));
  return v.parse(drillRecordSchema, JSON.parse(noted));
}

function clientsOf({ endpoints }: LocalAws, credentials: Identity) {
  return {
    secretsManager: new SecretsManagerClient({
      region,
      endpoint: endpoints.AWS_ENDPOINT_URL_SECRETS_MANAGER,
      credentials,
    }),
    kms: new KMSClient({ region, endpoint: endpoints.AWS_ENDPOINT_URL_KMS, credentials }),
    s3Of: (identity: Identity) =>
      new S3Client({
        region,
        endpoint: endpoints.AWS_ENDPOINT_URL_S3,
        credentials: identity,
        requestChecksumCalculation: 'WHEN_REQUIRED',
      }),
  };
}
