/**
 * What an emulator lacks of AWS, and how the life is played all the same. Each gap was needed for the version
 * beside it. Before a life is played each is looked for: one that is closed is not worked around, and the
 * program says so, for the work-around to be taken out of here.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { GetBucketReplicationCommand, PutBucketReplicationCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SynthesizedTemplate } from '../../template/template.ts';
import { LifeError } from '../failure.ts';

/**
 * Where the emulator's functions find a control plane of this machine: MiniStack (1.5.33) turns https to
 * 127.0.0.1 and localhost into http. It works whether that is so or not, and is not looked for.
 */
export const controlPlaneAddress = '127.0.0.2';

/** A template, of which a work-around changes parts in place. */
type Template = Pick<SynthesizedTemplate, 'Resources'>;
type Resource = SynthesizedTemplate['Resources'][string];

export interface Gap {
  readonly name: string;
  /** In which it was seen. */
  readonly neededFor: string;
  /** What is then not shown, or shown in another way. */
  readonly what: string;
  /** A resource that the emulator takes when the gap is closed, and the output that is looked at then. */
  readonly probe: { readonly resources: Readonly<Record<string, unknown>>; readonly output?: unknown };
  /** @default that it is taken is enough */
  readonly isClosedBy?: (output: string) => boolean;
  readonly workAround: (template: Template, emulatorUrl: string) => Template;
}

/** Clients of an emulator's CloudFormation. */
export interface RegionalClients {
  readonly first: CloudFormationClient;
  readonly second: CloudFormationClient;
}

const metricQuery = {
  Id: 'm',
  ReturnData: true,
  MetricStat: { Metric: { Namespace: 'Probe', MetricName: 'Probe' }, Period: 60, Stat: 'Sum' },
};
const alarm = { ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1, Threshold: 1 };
const httpApi = {
  Type: 'AWS::ApiGatewayV2::Api',
  Properties: { Name: 'probe', ProtocolType: 'HTTP' },
};

const topic = { Type: 'AWS::SNS::Topic' };
const elsewhere = 'LifeboatProbeElsewhere';

/** Worked around by `mirrorOutputs`, and not in a template. */
export const outputsOfOtherRegions: Gap = {
  name: 'outputs of another region',
  neededFor: 'MiniStack 1.5.33',
  what: 'Fn::GetStackOutput does not read its Region: the first region gets a stack that repeats the outputs of the second one',
  probe: {
    resources: { Probe: topic },
    output: {
      'Fn::GetStackOutput': { StackName: elsewhere, Region: 'eu-west-1', OutputName: 'Probe' },
    },
  },
  workAround: (template) => template,
};

export const gaps: readonly Gap[] = [
  outputsOfOtherRegions,
  {
    name: 'alarms on expressions',
    neededFor: 'MiniStack 1.5.33',
    what: 'alarms on an expression of metrics are left out',
    probe: {
      resources: {
        Probe: { Type: 'AWS::CloudWatch::Alarm', Properties: { ...alarm, Metrics: [metricQuery] } },
      },
    },
    workAround: (template) =>
      leaveOut(
        template,
        ({ Type, Properties }) => Type === 'AWS::CloudWatch::Alarm' && Properties['Metrics'] !== undefined,
      ),
  },
  {
    name: 'address of an API',
    neededFor: 'MiniStack 1.5.33',
    what: 'its name, ID.execute-api.localhost, is no name of DNS: outputs have the emulator’s address with a path instead',
    probe: {
      resources: { Probe: httpApi },
      output: { 'Fn::GetAtt': ['Probe', 'ApiEndpoint'] },
    },
    isClosedBy: (endpoint) => !/\.localhost(:\d+)?$/.test(endpoint),
    workAround: (template, emulatorUrl) =>
      rewrite(template, (value) => {
        const api = attributeOf(value, 'ApiEndpoint');
        return api === undefined
          ? value
          : {
              'Fn::Join': ['', [`${emulatorUrl}/_aws/execute-api/`, { Ref: api }, '/$default']],
            };
      }),
  },
];

/** What an emulator says of itself. */
export interface ProbedEmulator {
  readonly accountId: string;
  /** Those that it has. */
  readonly open: readonly Gap[];
}

/**
 * Which gaps an emulator has.
 *
 * @param name of the emulator, for errors
 * @throws LifeError `unplayable` when it takes no stack at all
 */
export async function probeEmulator(
  { first, second }: RegionalClients,
  name: string,
): Promise<ProbedEmulator> {
  const { StackId = '' } = await first
    .send(
      new CreateStackCommand({
        StackName: 'LifeboatProbe',
        TemplateBody: JSON.stringify({ Resources: { Probe: topic } }),
      }),
    )
    .catch((error: unknown) => {
      throw new LifeError(
        'unplayable',
        `${name} has no CloudFormation that takes a stack (${String(error)}): name an emulator that runs, and is empty, with --endpoint`,
        { cause: error },
      );
    });
  await first.send(new DeleteStackCommand({ StackName: StackId }));
  const there = await putOutputs(second, elsewhere, { Probe: 'elsewhere' });
  const open = await findGaps(first);
  await second.send(new DeleteStackCommand({ StackName: there }));
  return { accountId: StackId.split(':')[4] ?? '', open };
}

/** Repeats the outputs of a stack of the second region in the first, under the same name. */
export async function mirrorOutputs({ first, second }: RegionalClients, StackName: string): Promise<void> {
  const { Stacks: [stack] = [] } = await second.send(new DescribeStacksCommand({ StackName }));
  const outputs = (stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
    OutputKey,
    OutputValue,
  ]);
  await first.send(new DeleteStackCommand({ StackName })).catch(() => undefined);
  await putOutputs(first, StackName, Object.fromEntries(outputs));
}

/** @returns the stack's name, once it is there */
async function putOutputs(
  client: CloudFormationClient,
  StackName: string,
  outputs: Readonly<Record<string, string>>,
): Promise<string> {
  const template = {
    Resources: { Nothing: topic },
    Outputs: Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }])),
  };
  await client.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(template) }));
  await waitUntilStackCreateComplete({ client, maxWaitTime: 60, minDelay: 1 }, { StackName });
  return StackName;
}

async function findGaps(cloudFormation: CloudFormationClient): Promise<readonly Gap[]> {
  const open = await Promise.all(
    gaps.map(async (gap, index) => {
      const output = await deployProbe(cloudFormation, `LifeboatProbe${index}`, gap.probe);
      return output === undefined || gap.isClosedBy?.(output) === false;
    }),
  );
  return gaps.filter((_gap, index) => open[index]);
}

/** Works around these gaps, in a template that was read for this. */
export function workAround(template: Template, open: readonly Gap[], emulatorUrl: string): Template {
  return open.reduce((adapted, gap) => gap.workAround(adapted, emulatorUrl), template);
}

const probePatienceMs = 60_000;

/** @returns the output, empty where there is none; undefined when the emulator does not take the stack */
async function deployProbe(
  cloudFormation: CloudFormationClient,
  StackName: string,
  { resources, output }: Gap['probe'],
): Promise<string | undefined> {
  const template = {
    Resources: resources,
    ...(output === undefined ? {} : { Outputs: { Probe: { Value: output } } }),
  };
  try {
    await cloudFormation.send(
      new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(template), OnFailure: 'DELETE' }),
    );
    for (let waitedMs = 0; waitedMs < probePatienceMs; waitedMs += 100) {
      const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      if (stack?.StackStatus === 'CREATE_COMPLETE') {
        return stack.Outputs?.[0]?.OutputValue ?? '';
      }
      if (stack?.StackStatus !== 'CREATE_IN_PROGRESS') {
        return undefined;
      }
      await sleep(100);
    }
    return undefined;
  } catch {
    // Refused, or gone again: a gap.
    return undefined;
  } finally {
    await cloudFormation.send(new DeleteStackCommand({ StackName })).catch(() => undefined);
  }
}

/** Without some resources; what refers to their ARNs gets one that leads nowhere. */
function leaveOut(template: Template, isLeftOut: (resource: Resource) => boolean): Template {
  const gone = new Set(
    Object.entries(template.Resources).flatMap(([id, resource]) => (isLeftOut(resource) ? [id] : [])),
  );
  const left = {
    ...template,
    Resources: Object.fromEntries(Object.entries(template.Resources).filter(([id]) => !gone.has(id))),
  };
  return rewrite(left, (value) => {
    const id = attributeOf(value, 'Arn');
    return id === undefined || !gone.has(id) ? value : `arn:aws:cloudwatch:::alarm:${id}`;
  });
}

function rewrite(template: Template, change: (value: unknown) => unknown): Template {
  return JSON.parse(JSON.stringify(template, (_key, value: unknown) => change(value)));
}

/** @returns the resource whose attribute a value is; undefined when it is anything else */
function attributeOf(value: unknown, attribute: string): string | undefined {
  const found =
    typeof value === 'object' && value !== null && 'Fn::GetAtt' in value ? value['Fn::GetAtt'] : undefined;
  return Array.isArray(found) && found[1] === attribute ? String(found[0]) : undefined;
}

/**
 * Tells S3 of the replication that CloudFormation has dropped (MiniStack 1.5.33).
 *
 * @returns whether that was needed
 */
export async function replicateBucket(s3: S3Client, source: string, destination: string): Promise<boolean> {
  const isThere = await s3.send(new GetBucketReplicationCommand({ Bucket: source })).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await s3.send(
      new PutBucketReplicationCommand({
        Bucket: source,
        ReplicationConfiguration: {
          Role: 'arn:aws:iam::000000000000:role/replication',
          Rules: [
            {
              Status: 'Enabled',
              Priority: 1,
              Filter: { Prefix: '' },
              DeleteMarkerReplication: { Status: 'Disabled' },
              Destination: { Bucket: `arn:aws:s3:::${destination}` },
            },
          ],
        },
      }),
    );
  }
  return !isThere;
}
