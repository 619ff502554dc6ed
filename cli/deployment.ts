/**
 * Finds everything that commands need of a deployment by the name of its CloudFormation stack: the outputs of
 * `LifeboatStack` or `LifeboatReplicaStack` (lib/operations/outputs.ts).
 */
import type { Stack } from '@aws-sdk/client-cloudformation';
import { InvalidArgumentError } from 'commander';
import { describeCallFailure } from '../core/aws-calls.ts';
import { findClosest } from '../core/closest-name.ts';
import { ApiError } from '../core/fetch/api-request.ts';
import { type AwsAccess, type AwsOptions, awsAccess, regionOf } from './aws-access.ts';
import { parseEndpoint } from './options.ts';
import { readStack, readStackArn } from './stack-option.ts';

/** What the outputs say of one control plane. A replica's stack has the first three alone. */
export interface DeployedControlPlane {
  readonly name: string;
  readonly grantUrl: string;
  readonly grantArn?: string | undefined;
  readonly grantFunctionArn?: string | undefined;
  readonly webhookUrl?: string | undefined;
  /** Undefined where nobody is an operator. */
  readonly commandArn?: string | undefined;
  readonly inspectArn?: string | undefined;
  readonly revisionGrantArn?: string | undefined;
  /** The role that data planes of other accounts assume. */
  readonly readerRoleArn?: string | undefined;
  /** ARNs of secrets. */
  readonly hookSecretArn?: string | undefined;
  readonly clusterCertificateArn?: string | undefined;
}

export interface Deployment {
  readonly stackName: string;
  readonly stackArn: string;
  /** What the ids of its outputs begin with: nothing where it is alone in its stack. */
  readonly part: string;
  /** Of the stack, and of all that is in it. */
  readonly region: string;
  readonly accountId: string;
  /** Base URL of the HTTP API. */
  readonly apiUrl: URL;
  readonly bucket: string | undefined;
  /** Undefined in a replica's stack, which signs nothing. */
  readonly signingKeyArn: string | undefined;
  /** By name, at least one. */
  readonly controlPlanes: readonly DeployedControlPlane[];
}

export interface StackOptions extends AwsOptions {
  readonly stack?: string | undefined;
}

/**
 * Reads the outputs of a stack, with the right `cloudformation:DescribeStacks` on it.
 *
 * @param given where the caller has made it already. @default that of the options
 * @throws InvalidArgumentError when no stack is named, there is none of this name, or it has no outputs of
 * Lifeboat; ApiError when CloudFormation cannot be asked; StandbyError `denied` without usable credentials
 */
export async function findDeployment(options: StackOptions, given?: AwsAccess): Promise<Deployment> {
  if (options.stack === undefined) {
    throw new InvalidArgumentError('no stack is named: give --stack, or set LIFEBOAT_STACK');
  }
  const { stack, part } = readStack(options.stack);
  const { sdk, credentials } = given ?? (await awsAccess(options));
  const ofArn = readStackArn(stack);
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(ofArn === undefined ? sdk : { ...sdk, region: ofArn.region });
  const where = { region: await regionOf(client), accessKeyId: credentials.accessKeyId };
  const ask = async (input: { readonly StackName?: string }) =>
    (await client.send(new DescribeStacksCommand(input))).Stacks ?? [];
  const found = await ask({ StackName: stack }).catch(async (error: unknown) => {
    if (isMissing(error)) {
      const others = await ask({}).catch(() => undefined);
      throw new InvalidArgumentError(describeMissing(stack, where, others));
    }
    throw describeFailure(error, stack, where);
  });
  const [only, ...more] = found;
  if (only === undefined || more.length > 0) {
    // AWS answers with one: a name is unique among the stacks of a region that are not deleted.
    const arns = found.map(({ StackId }) => StackId).join(', ');
    throw new InvalidArgumentError(`${found.length} stacks match "${stack}" (${arns}): give the ARN of one`);
  }
  return readDeployment(only, part);
}

/**
 * The control plane of this name, or the only one.
 *
 * @throws InvalidArgumentError that lists those that there are
 */
export function findControlPlane(
  { stackName, controlPlanes }: Deployment,
  name: string | undefined,
): DeployedControlPlane {
  const found = name === undefined ? controlPlanes : controlPlanes.filter((each) => each.name === name);
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) {
    return only;
  }
  const names = controlPlanes.map((each) => each.name).join(', ');
  throw new InvalidArgumentError(
    name === undefined
      ? `stack "${stackName}" has several control planes, ${names}: name one with --control-plane`
      : `stack "${stackName}" has no control plane "${name}": there is ${names}`,
  );
}

/** The options of a command that asks for grants, with what a stack says in place of `--endpoint`. */
export async function locateGrants<
  Options extends StackOptions & { readonly controlPlane?: string | undefined },
>(options: Options) {
  const deployment = await findDeployment(options);
  const { name: controlPlane } = findControlPlane(deployment, options.controlPlane);
  return { ...options, controlPlane, endpoint: [deployment.apiUrl], region: deployment.region };
}

interface Asked {
  readonly region: string;
  readonly accessKeyId: string;
}

/** CloudFormation's own code for it is that of any wrong input. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message);
}

const describeAsked = ({ region, accessKeyId }: Asked) =>
  `in region ${region}, in the account of access key ${accessKeyId}`;

function describeMissing(stack: string, asked: Asked, others: readonly Stack[] | undefined): string {
  const lifeboats = (others ?? []).filter(isLifeboat).flatMap(({ StackName = [] }) => StackName);
  const closest = findClosest(stack, lifeboats);
  const known =
    others === undefined
      ? 'check its name, --region and --profile'
      : lifeboats.length === 0
        ? 'no stack there has outputs of Lifeboat. Check --region and --profile'
        : `${closest === undefined ? 'the' : `did you mean ${closest}? The`} stacks of Lifeboat there are ${lifeboats.join(', ')}`;
  return `there is no stack "${stack}" ${describeAsked(asked)}: ${known}`;
}

const deniedCodes = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']);
const refusedCredentials = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

function describeFailure(error: unknown, stack: string, asked: Asked): ApiError {
  const said = `CloudFormation was asked for stack "${stack}" ${describeAsked(asked)}: ${describeCallFailure(error)}.`;
  const code = error instanceof Error ? error.name : '';
  if (deniedCodes.has(code)) {
    const name = readStackArn(stack)?.name ?? stack;
    const right = `cloudformation:DescribeStacks on arn:*:cloudformation:${asked.region}:*:stack/${name}/*`;
    return new ApiError('denied', `${said} The role needs ${right}; or give --endpoint instead of --stack`);
  }
  if (refusedCredentials.has(code)) {
    return new ApiError(
      'denied',
      `${said} Check the credentials, which may have expired or be of another partition, and this machine’s clock`,
    );
  }
  return new ApiError('failed', `${said} Ask again, or give --endpoint instead of --stack`, { cause: error });
}

const outputsOf = ({ Outputs = [] }: Stack): ReadonlyMap<string, string> =>
  new Map(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));

/**
 * Finds all deployments of a region that publish, with the right `cloudformation:DescribeStacks` on all
 * stacks. A second region's stack gives copies, and is not among them.
 *
 * @returns by name, at least one
 * @throws as `findDeployment`
 */
export async function findDeployments({ sdk, credentials }: AwsAccess): Promise<readonly Deployment[]> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(sdk);
  const where = { region: await regionOf(client), accessKeyId: credentials.accessKeyId };
  const stacks: Stack[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client
      .send(new DescribeStacksCommand(NextToken === undefined ? {} : { NextToken }))
      .catch((error: unknown) => {
        throw describeFailure(error, '*', where);
      });
    stacks.push(...(page.Stacks ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  const found = stacks.flatMap((stack) =>
    partsOf(stack).map((part) => readDeployment(stack, part || 'Default')),
  );
  const publishing = found.filter(({ signingKeyArn }) => signingKeyArn !== undefined);
  if (publishing.length === 0) {
    throw new InvalidArgumentError(
      `no stack in region ${where.region}, in the account of access key ${where.accessKeyId}, has outputs of Lifeboat: give --region, or --stack`,
    );
  }
  return publishing.sort((one, other) => (one.stackName < other.stackName ? -1 : 1));
}

/** The name as an output's id has it (lib/operations/outputs.ts, makeOutputId). */
const grantUrlId = /^GrantUrl([a-z0-9X]{1,40})$/;

/** The deployments that a stack has, by what the ids of their outputs begin with. */
function partsOf(stack: Stack): readonly string[] {
  const ids = [...outputsOf(stack).keys()];
  return ids
    .flatMap((id) => /^(\w*)ApiUrl$/.exec(id)?.[1] ?? [])
    .filter((part) => ids.some((id) => id.startsWith(part) && grantUrlId.test(id.slice(part.length))));
}

const isLifeboat = (stack: Stack) => partsOf(stack).length > 0;

/**
 * @param asked which one was named. @default the only one
 */
function choosePart(stack: Stack, asked: string | undefined): string {
  const parts = partsOf(stack);
  const names = parts.map((part) => part || 'Default');
  const found = asked === undefined ? parts : parts.filter((_, index) => names[index] === asked);
  const [part, ...more] = found;
  const { StackName = '', StackStatus = '', Outputs = [] } = stack;
  if (parts.length === 0) {
    throw new InvalidArgumentError(
      `stack "${StackName}" (${StackStatus}) has no outputs of Lifeboat${Outputs.length === 0 ? ', nor any other' : ''}: name the stack that ` +
        '`npm run deploy` made. A construct in a stack of your own has them unless it says `outputs: false`; else give --endpoint',
    );
  }
  if (part === undefined || more.length > 0) {
    const calls = names.map((name) => `--stack ${StackName}/${name}`).join(', ');
    throw new InvalidArgumentError(
      asked === undefined
        ? `stack "${StackName}" has several deployments of Lifeboat: give one of ${calls}`
        : `stack "${StackName}" has no deployment of Lifeboat "${asked}": there is ${calls}`,
    );
  }
  return part;
}

function readDeployment(stack: Stack, asked: string | undefined): Deployment {
  const { StackId = '', StackName = '' } = stack;
  const part = choosePart(stack, asked);
  const outputs = new Map(
    [...outputsOf(stack)].flatMap(([id, value]) =>
      id.startsWith(part) ? [[id.slice(part.length), value] as const] : [],
    ),
  );
  const { region = '', accountId = '' } = readStackArn(StackId) ?? {};
  const controlPlanes = [...outputs.keys()].flatMap((id) => {
    const suffix = grantUrlId.exec(id)?.[1];
    return suffix === undefined ? [] : [readControlPlane(outputs, suffix)];
  });
  return {
    stackName: StackName,
    stackArn: StackId,
    part,
    region,
    accountId,
    apiUrl: parseEndpoint(outputs.get('ApiUrl') ?? ''),
    bucket: outputs.get('Bucket'),
    signingKeyArn: outputs.get('SigningKeyArn'),
    controlPlanes: controlPlanes.sort((one, other) => (one.name < other.name ? -1 : 1)),
  };
}

/** @param suffix the name as ids have it */
function readControlPlane(outputs: ReadonlyMap<string, string>, suffix: string): DeployedControlPlane {
  const output = (name: string) => outputs.get(`${name}${suffix}`);
  return {
    // No capital letter is in a name.
    name: suffix.replaceAll('X', '-'),
    grantUrl: output('GrantUrl') ?? '',
    grantArn: output('GrantArn'),
    grantFunctionArn: output('GrantFunctionArn'),
    webhookUrl: output('WebhookUrl'),
    commandArn: output('CommandArn'),
    inspectArn: output('InspectArn'),
    revisionGrantArn: output('RevisionGrantArn'),
    readerRoleArn: output('ReaderRoleArn'),
    hookSecretArn: output('HookSecretArn'),
    clusterCertificateArn: output('ClusterCertificateArn'),
  };
}
