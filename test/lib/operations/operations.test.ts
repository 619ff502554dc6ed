import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { maxTries } from '../../../core/export/export-batch.ts';
import { type MetricName, metricNames } from '../../../lambdas/telemetry.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import { makeHeadingAnchor } from '../../../lib/operations/alarms.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import {
  type Deployment,
  deploy,
  deployWithReplica,
  ofType,
  one,
  type Resource,
  twoControlPlanes,
} from '../deployment.ts';

const topic = 'arn:aws:sns:eu-central-1:111122223333:on-call';
const runbookUrl = 'https://wiki.example.com/lifeboat/runbook';
const controlPlanes = ['prod', 'staging'] as const;
const deployment = deploy({ ...twoControlPlanes, alarmTopicArn: topic, runbookUrl });
const topicOfSecond = 'arn:aws:sns:eu-west-1:111122223333:on-call';
const replicated = deployWithReplica(
  { ...twoControlPlanes, alarmTopicArn: topic, runbookUrl },
  { alarmTopicArn: topicOfSecond },
);
// The schedule of these settings rings every 7 minutes.
const watchSeconds = 3 * 7 * 60;

const stat = v.object({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.array(v.object({ Name: v.string(), Value: v.string() })),
});
const alarmProperties = v.object({
  AlarmName: v.string(),
  AlarmDescription: v.string(),
  AlarmActions: v.optional(v.array(v.string()), []),
  OKActions: v.optional(v.array(v.string()), []),
});
const metricAlarmProperties = v.object({
  ...alarmProperties.entries,
  ...v.partial(stat).entries,
  Statistic: v.optional(v.string()),
  Period: v.optional(v.number()),
  Metrics: v.optional(
    v.array(
      v.object({
        Id: v.string(),
        Expression: v.optional(v.string()),
        MetricStat: v.optional(v.object({ Metric: stat, Period: v.number(), Stat: v.string() })),
      }),
    ),
    [],
  ),
  ComparisonOperator: v.picklist(['GreaterThanOrEqualToThreshold', 'LessThanThreshold']),
  Threshold: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.optional(v.number()),
  TreatMissingData: v.picklist(['breaching', 'notBreaching', 'ignore', 'missing']),
});

type MetricAlarm = v.InferOutput<typeof metricAlarmProperties>;

interface WatchedMetric {
  readonly id: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly statistic: string;
}

function metricsOf(alarm: MetricAlarm): readonly WatchedMetric[] {
  const given = [
    ...alarm.Metrics.flatMap(({ Id, MetricStat }) =>
      MetricStat === undefined
        ? []
        : [{ ...MetricStat.Metric, Id, Period: MetricStat.Period, Stat: MetricStat.Stat }],
    ),
    ...(alarm.MetricName === undefined ? [] : [{ ...alarm, Id: alarm.MetricName, Stat: alarm.Statistic }]),
  ];
  return given.map(({ Id, Namespace, MetricName = '', Dimensions = [], Period = 0, Stat = '' }) => ({
    id: Id,
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])),
    seconds: Period,
    statistic: Stat,
  }));
}

const metricAlarmsOf = (of: Pick<Deployment, 'resources'>) =>
  ofType(of, 'AWS::CloudWatch::Alarm').map(({ properties }) => v.parse(metricAlarmProperties, properties));
const metricAlarms = metricAlarmsOf(deployment);
const composites = ofType(deployment, 'AWS::CloudWatch::CompositeAlarm');
const alarms = [...metricAlarms, ...composites.map(({ properties }) => v.parse(alarmProperties, properties))];

const alarmsOfSecond = metricAlarmsOf(replicated.second);
const replicationAlarms = metricAlarmsOf(replicated.first).filter(
  ({ AlarmName }) => !metricAlarms.some((each) => each.AlarmName === AlarmName),
);

function alarmNamed(name: string, among: readonly MetricAlarm[] = metricAlarms): MetricAlarm {
  const found = among.find(({ AlarmName }) => AlarmName === name);
  if (found === undefined) {
    throw new Error(`no alarm is called "${name}"`);
  }
  return found;
}

const ofProd = (heading: string, among?: readonly MetricAlarm[]) =>
  alarmNamed(`Lifeboat prod: ${heading}`, among);

/** What metrics have in one period, by their names; what is not named is missing there. */
type Measured = Readonly<Record<string, number>>;

/** The state that CloudWatch gives an alarm after one period with these values. Knows the few expressions that there are. */
function stateOf(alarm: MetricAlarm, measured: Measured): 'ALARM' | 'OK' {
  const names = new Map(metricsOf(alarm).map(({ id, name }) => [id, name]));
  const filled = (term: string): number => {
    const id = /^FILL\((\w+), 0\)$/.exec(term)?.[1] ?? '';
    const name = names.get(id);
    if (name === undefined) {
      throw new Error(`"${term}" is no metric of this alarm, filled with zeros`);
    }
    return measured[name] ?? 0;
  };
  const sum = (terms: string) => terms.split(' + ').reduce((total, term) => total + filled(term), 0);
  const holds = (condition: string): boolean => {
    const [, terms = '', operator, limit] = /^(.+) (>|>=|==) (\d+)$/.exec(condition) ?? [];
    const value = sum(terms);
    return operator === '>'
      ? value > Number(limit)
      : operator === '>='
        ? value >= Number(limit)
        : value === Number(limit);
  };
  const expression = alarm.Metrics.find(({ Expression }) => Expression !== undefined)?.Expression;
  const conditions = /^IF\((.+), 1, 0\)$/.exec(expression ?? '')?.[1];
  const value =
    expression === undefined
      ? measured[alarm.MetricName ?? '']
      : conditions === undefined
        ? sum(expression)
        : Number(conditions.split(' AND ').every(holds));
  const breaching =
    value === undefined
      ? alarm.TreatMissingData === 'breaching'
      : alarm.ComparisonOperator === 'LessThanThreshold'
        ? value < alarm.Threshold
        : value >= alarm.Threshold;
  return breaching ? 'ALARM' : 'OK';
}

describe('an alarm', () => {
  it('is there for each control plane, and one for the webhook that all share', () => {
    const names = alarms.map(({ AlarmName }) => AlarmName);

    const headings = [
      'Nothing verified',
      'Nothing verified, outages included',
      'Export failing',
      'Control plane unreachable',
      'Data plane version without a file',
      'Foreign object replaced',
      'Grant while the control plane is healthy',
      'Grants failing',
      'Export function crashing',
      'Changes waiting in the queue',
      'Dead letters',
    ];
    expect(names.toSorted()).toEqual(
      [
        'Lifeboat: Webhook failing',
        ...controlPlanes.flatMap((name) => headings.map((heading) => `Lifeboat ${name}: ${heading}`)),
      ].toSorted(),
    );
  });

  it('on a metric of Lifeboat asks for one that the functions emit, of its own control plane and nothing more', () => {
    const own = metricAlarms.flatMap((alarm) =>
      metricsOf(alarm)
        .filter(({ namespace }) => namespace === 'Lifeboat')
        .map(({ name, dimensions }) => ({ alarm: alarm.AlarmName, name, dimensions })),
    );

    expect(own.length).toBeGreaterThan(2 * controlPlanes.length);
    for (const { alarm, name, dimensions } of own) {
      expect(metricNames).toContain(name);
      expect(dimensions).toEqual({ ControlPlane: /^Lifeboat (\S+):/.exec(alarm)?.[1] });
    }
  });

  it.each<[heading: string, seconds: number, metrics: Readonly<Record<string, string>>, missing: string]>([
    ['Nothing verified, outages included', watchSeconds, { Published: 'Sum', Unchanged: 'Sum' }, 'breaching'],
    ['Control plane unreachable', watchSeconds, { ControlPlaneUnreachable: 'Sum' }, 'notBreaching'],
    ['Data plane version without a file', watchSeconds, { VersionsWithoutFile: 'Minimum' }, 'notBreaching'],
    ['Export failing', watchSeconds, { ExportFailed: 'Sum' }, 'notBreaching'],
    ['Export function crashing', watchSeconds, { Errors: 'Sum', Throttles: 'Sum' }, 'notBreaching'],
    ['Foreign object replaced', 300, { ManifestReplaced: 'Sum' }, 'notBreaching'],
    ['Grants failing', 300, { Errors: 'Sum', Throttles: 'Sum', '5xx': 'Sum' }, 'notBreaching'],
    ['Changes waiting in the queue', 300, { ApproximateAgeOfOldestMessage: 'Maximum' }, 'notBreaching'],
    ['Dead letters', 300, { ApproximateNumberOfMessagesVisible: 'Maximum' }, 'notBreaching'],
    [
      'Grant while the control plane is healthy',
      // As long as the schedule, so that an export has looked as well.
      7 * 60,
      { GrantsIssued: 'Sum', Published: 'Sum', Unchanged: 'Sum', ControlPlaneUnreachable: 'Sum' },
      'notBreaching',
    ],
  ])('"%s" watches its metrics over %d s', (heading, seconds, expected, missing) => {
    const alarm = ofProd(heading);

    const watched = metricsOf(alarm);
    expect(Object.fromEntries(watched.map(({ name, statistic }) => [name, statistic]))).toEqual(expected);
    expect(new Set(watched.map((metric) => metric.seconds))).toEqual(new Set([seconds]));
    expect(alarm).toMatchObject({ EvaluationPeriods: 1, TreatMissingData: missing });
    expect(alarm.DatapointsToAlarm ?? 1).toBe(1);
  });

  it.each<[heading: string, measured: Measured, state: 'ALARM' | 'OK']>([
    ['Nothing verified, outages included', { Published: 1, Unchanged: 0 }, 'OK'],
    ['Nothing verified, outages included', { Published: 0, Unchanged: 1 }, 'OK'],
    ['Nothing verified, outages included', { Published: 0, Unchanged: 0 }, 'ALARM'],
    ['Nothing verified, outages included', {}, 'ALARM'],
    ['Control plane unreachable', { ControlPlaneUnreachable: maxTries }, 'OK'],
    ['Control plane unreachable', { ControlPlaneUnreachable: maxTries + 1 }, 'ALARM'],
    ['Control plane unreachable', {}, 'OK'],
    ['Data plane version without a file', { VersionsWithoutFile: 0 }, 'OK'],
    ['Data plane version without a file', { VersionsWithoutFile: 1 }, 'ALARM'],
    ['Export failing', { ExportFailed: 1 }, 'OK'],
    ['Export failing', { ExportFailed: 2 }, 'ALARM'],
    ['Export function crashing', { Errors: 2 }, 'OK'],
    ['Export function crashing', { Errors: 2, Throttles: 1 }, 'ALARM'],
    ['Foreign object replaced', { ManifestReplaced: 0 }, 'OK'],
    ['Foreign object replaced', { ManifestReplaced: 1 }, 'ALARM'],
    ['Grants failing', { Errors: 0, Throttles: 0, '5xx': 0 }, 'OK'],
    ['Grants failing', {}, 'OK'],
    ['Grants failing', { Errors: 1 }, 'ALARM'],
    ['Grants failing', { Throttles: 1 }, 'ALARM'],
    ['Grants failing', { '5xx': 1 }, 'ALARM'],
    ['Changes waiting in the queue', { ApproximateAgeOfOldestMessage: 899 }, 'OK'],
    ['Changes waiting in the queue', { ApproximateAgeOfOldestMessage: 900 }, 'ALARM'],
    ['Changes waiting in the queue', {}, 'OK'],
    ['Dead letters', { ApproximateNumberOfMessagesVisible: 1 }, 'ALARM'],
    ['Dead letters', {}, 'OK'],
    ['Grant while the control plane is healthy', { GrantsIssued: 1, Unchanged: 1 }, 'ALARM'],
    ['Grant while the control plane is healthy', { GrantsIssued: 1, Published: 1 }, 'ALARM'],
    ['Grant while the control plane is healthy', { Unchanged: 1 }, 'OK'],
    ['Grant while the control plane is healthy', { GrantsIssued: 9 }, 'OK'],
    [
      'Grant while the control plane is healthy',
      { GrantsIssued: 9, Unchanged: 1, ControlPlaneUnreachable: 1 },
      'OK',
    ],
  ])('"%s" with %j is %s', (heading, measured, state) => {
    expect(stateOf(ofProd(heading), measured)).toBe(state);
  });

  it.each([
    [2, 'OK'],
    [3, 'ALARM'],
  ] as const)('on the webhook, after %d errors in 15 minutes, is %s', (errors, state) => {
    const alarm = alarmNamed('Lifeboat: Webhook failing');

    expect(metricsOf(alarm)).toMatchObject([{ name: 'Errors', seconds: 900, statistic: 'Sum' }]);
    expect(stateOf(alarm, { Errors: errors })).toBe(state);
  });

  it('on a function, a queue or a route names the one of its control plane', () => {
    const api = one(deployment, 'AWS::ApiGatewayV2::Api').id;
    const dimensions = (heading: string) => metricsOf(ofProd(heading)).map((metric) => metric.dimensions);
    const lambda = (...words: readonly string[]) => ({
      FunctionName: one(deployment, 'AWS::Lambda::Function', ...words).id,
    });

    expect(dimensions('Export function crashing')).toEqual([lambda('Exportprod'), lambda('Exportprod')]);
    expect(dimensions('Grants failing')).toEqual([
      lambda('Presignprod'),
      lambda('Presignprod'),
      { ApiId: api, Stage: '$default', Method: 'GET', Resource: '/control-planes/prod/fallback-config' },
    ]);
    expect(dimensions('Dead letters')).toEqual([
      { QueueName: expect.stringContaining('ExportprodDeadLetters') },
    ]);
    expect(dimensions('Changes waiting in the queue')).toEqual([
      { QueueName: expect.stringContaining('ExportprodQueue') },
    ]);
  });

  it('watches nothing that strangers can send', () => {
    const watched = metricAlarms.flatMap((alarm) => metricsOf(alarm).map(({ name }) => name));

    const theirs: readonly MetricName[] = ['HooksRefused', 'GrantsRefused'];
    expect(watched.filter((name) => [...theirs, '4xx', 'Count'].includes(name))).toEqual([]);
    // A flood of hooks is throttled, and that is nobody's error.
    expect(metricsOf(alarmNamed('Lifeboat: Webhook failing')).map(({ name }) => name)).toEqual(['Errors']);
  });
});

describe('where data planes use cluster certificates', () => {
  const clusterCertificate = { certificates: [exampleCertificate] };
  const both = deploy({
    ...twoControlPlanes,
    controlPlanes: {
      prod: { ...twoControlPlanes.controlPlanes.prod, dataPlaneAuth: { iam: true, clusterCertificate } },
      staging: { ...twoControlPlanes.controlPlanes.staging, dataPlaneAuth: { clusterCertificate } },
    },
  });
  const metricsNamed = (alarm: string) =>
    metricsOf(alarmNamed(alarm, metricAlarmsOf(both))).map(({ name, dimensions }) => [
      name,
      dimensions['Method'],
    ]);

  it('no alarm looks at their route, which is open to strangers', () => {
    const watched = metricAlarmsOf(both).flatMap((alarm) => metricsOf(alarm));

    expect(watched.filter(({ dimensions }) => dimensions['Method'] === 'POST')).toEqual([]);
    expect(metricsNamed('Lifeboat prod: Grants failing')).toEqual([
      ['Errors', undefined],
      ['Throttles', undefined],
      ['5xx', 'GET'],
    ]);
  });

  it('grants that fail are noticed without the route of IAM', () => {
    const failing = alarmNamed('Lifeboat staging: Grants failing', metricAlarmsOf(both));

    const states = [{}, { Errors: 1 }, { Throttles: 1 }].map((measured) => stateOf(failing, measured));

    expect(metricsNamed('Lifeboat staging: Grants failing')).toEqual([
      ['Errors', undefined],
      ['Throttles', undefined],
    ]);
    expect(states).toEqual(['OK', 'ALARM', 'ALARM']);
  });

  it('the dashboard counts each route that there is, among what strangers send', () => {
    const counted = (name: string) =>
      dashboard(both)
        .flatMap(({ properties }) => properties.metrics)
        .filter((metric) => metric[1] === name && JSON.stringify(metric).includes('/fallback-config'))
        .map((metric) => `${metric[metric.indexOf('Method') + 1]} ${metric[metric.indexOf('Resource') + 1]}`);

    const routes = [
      'GET /control-planes/prod/fallback-config',
      'POST /control-planes/prod/fallback-config',
      'POST /control-planes/staging/fallback-config',
    ];
    expect(counted('4xx')).toEqual(routes);
    expect(counted('Count')).toEqual(routes);
  });
});

/** Minutes at which an alarm is in this state, when the schedule's exports find the file unchanged at these minutes. */
function minutesIn(state: 'ALARM' | 'OK', alarm: MetricAlarm, verifiedAt: readonly number[], until: number) {
  const [metric] = metricsOf(alarm);
  const window = (metric?.seconds ?? 0) / 60;
  return Array.from({ length: until }, (_, minute) => minute + 1)
    .filter((minute) => minute >= window)
    .filter((minute) => {
      // A sliding window that ends now (CloudWatch User Guide, "Alarm evaluation window").
      const runs = verifiedAt.filter((at) => at > minute - window && at <= minute).length;
      return stateOf(alarm, runs === 0 ? {} : { Unchanged: runs }) === state;
    });
}

describe('the alarm that nothing was verified', () => {
  it.each([
    [1, 15],
    [5, 15],
    [6, 18],
    [20, 60],
    [60, 180],
  ])(
    'with a schedule of %d minutes looks at %d, and one lost ring does not page',
    (scheduleMinutes, window) => {
      const alarm = ofProd(
        'Nothing verified, outages included',
        metricAlarmsOf(deploy({ ...twoControlPlanes, scheduleMinutes })),
      );
      const rings = Array.from({ length: 12 }, (_, ring) => (ring + 1) * scheduleMinutes);
      // Late by a minute, as an export after a settle time may be.
      const withOneLost = rings.filter((_, ring) => ring !== 6).map((at, ring) => at + (ring === 6 ? 1 : 0));

      const paged = minutesIn('ALARM', alarm, withOneLost, 12 * scheduleMinutes);

      expect(metricsOf(alarm)[0]?.seconds).toBe(window * 60);
      expect(paged).toEqual([]);
    },
  );

  it('pages a quarter of an hour after the last metric', () => {
    const alarm = ofProd(
      'Nothing verified, outages included',
      metricAlarmsOf(deploy({ ...twoControlPlanes, scheduleMinutes: 5 })),
    );

    const [first] = minutesIn('ALARM', alarm, [5, 10, 15, 20], 60);

    expect(first).toBe(35);
  });

  it.each(controlPlanes)('tells nobody while %s is known to be away', (name) => {
    const inner = one(deployment, 'AWS::CloudWatch::Alarm', `NothingVerified${name}`);
    const unreachable = one(deployment, 'AWS::CloudWatch::Alarm', `Unreachable${name}`);

    const { properties } = one(deployment, 'AWS::CloudWatch::CompositeAlarm', name);

    expect(properties).toMatchObject({
      AlarmName: `Lifeboat ${name}: Nothing verified`,
      AlarmRule: `ALARM("${inner.arn}")`,
      ActionsSuppressor: unreachable.arn,
      // Not for long: real ones wait for it, too.
      ActionsSuppressorWaitPeriod: 120,
      // The schedule must ring after the outage, and an export end.
      ActionsSuppressorExtensionPeriod: (7 + 5) * 60,
    });
    expect(inner.properties).not.toHaveProperty('AlarmActions');
  });
});

describe('the topic', () => {
  const silent = controlPlanes.map((name) => `Lifeboat ${name}: Nothing verified, outages included`);
  const ofTheft = controlPlanes.flatMap((name) => [
    `Lifeboat ${name}: Foreign object replaced`,
    `Lifeboat ${name}: Grant while the control plane is healthy`,
  ]);

  it('hears of every alarm, but of those that others are made of', () => {
    const heard = alarms.filter(({ AlarmActions }) => AlarmActions.join() === topic);

    expect(heard.map(({ AlarmName }) => AlarmName).toSorted()).toEqual(
      alarms
        .map(({ AlarmName }) => AlarmName)
        .filter((name) => !silent.includes(name))
        .toSorted(),
    );
  });

  it('hears when one is over, but for a theft, which is not over because it was repaired', () => {
    const unended = alarms
      .filter(({ OKActions }) => OKActions.length === 0)
      .map(({ AlarmName }) => AlarmName);

    expect(unended.toSorted()).toEqual([...silent, ...ofTheft].toSorted());
  });

  it('may be missing: alarms then change their state and tell nobody', () => {
    const without = deploy(twoControlPlanes);

    const actions = [
      ...ofType(without, 'AWS::CloudWatch::Alarm'),
      ...ofType(without, 'AWS::CloudWatch::CompositeAlarm'),
    ].filter(({ properties }) => 'AlarmActions' in properties || 'OKActions' in properties);

    expect(metricAlarmsOf(without)).toHaveLength(metricAlarms.length);
    expect(actions).toEqual([]);
  });
});

describe('the alarms of a replica', () => {
  it('are there for each control plane: what was not copied in the vault’s region, all else in its own', () => {
    const names = (of: readonly MetricAlarm[]) => of.map(({ AlarmName }) => AlarmName).toSorted();

    expect(names(replicationAlarms)).toEqual(
      controlPlanes.map((name) => `Lifeboat ${name}: Replication failing`),
    );
    expect(names(alarmsOfSecond)).toEqual(
      controlPlanes.flatMap((name) =>
        ['Grant in the second region', 'Grants failing', 'Replica behind'].map(
          (heading) => `LifeboatReplica ${name}: ${heading}`,
        ),
      ),
    );
  });

  it('count what S3 could not copy of a control plane’s files, by its rule', () => {
    const alarm = ofProd('Replication failing', replicationAlarms);

    expect(metricsOf(alarm)).toEqual([
      {
        id: 'OperationsFailedReplication',
        namespace: 'AWS/S3',
        name: 'OperationsFailedReplication',
        dimensions: {
          SourceBucket: one(replicated.first, 'AWS::S3::Bucket').arn.replace('arn:aws:s3:::', ''),
          DestinationBucket: expect.stringMatching(
            /^\{LifeboatReplica\.ReplicaBucketName\w+ in eu-west-1\}$/,
          ),
          RuleId: 'prod',
        },
        seconds: 300,
        statistic: 'Sum',
      },
    ]);
    expect([0, 1].map((failed) => stateOf(alarm, { OperationsFailedReplication: failed }))).toEqual([
      'OK',
      'ALARM',
    ]);
  });

  it('ask for the latency of the replica’s bucket by what is known there, and begin at 15 minutes', () => {
    const alarm = alarmNamed('LifeboatReplica prod: Replica behind', alarmsOfSecond);
    const bucketName = one(replicated.second, 'AWS::S3::Bucket').arn.replace('arn:aws:s3:::', '');

    expect(alarm).toMatchObject({
      Metrics: [
        {
          Expression: `SELECT MAX(ReplicationLatency) FROM SCHEMA("AWS/S3", DestinationBucket, RuleId, SourceBucket) WHERE DestinationBucket = '${bucketName}' AND RuleId = 'prod'`,
        },
      ],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 900,
      TreatMissingData: 'notBreaching',
    });
  });

  it.each([
    [{}, 'OK'],
    [{ GrantsIssued: 0 }, 'OK'],
    [{ GrantsIssued: 1 }, 'ALARM'],
  ] as const)('hold a grant there to be worth a look: %j is %s', (measured, state) => {
    const alarm = alarmNamed('LifeboatReplica staging: Grant in the second region', alarmsOfSecond);

    expect(metricsOf(alarm)).toMatchObject([{ dimensions: { ControlPlane: 'staging' } }]);
    expect(stateOf(alarm, measured)).toBe(state);
  });

  it('tell the topic of their own region', () => {
    const told = (of: readonly MetricAlarm[]) => new Set(of.flatMap(({ AlarmActions }) => AlarmActions));

    expect(told(alarmsOfSecond)).toEqual(new Set([topicOfSecond]));
    expect(told(replicationAlarms)).toEqual(new Set([topic]));
  });

  it('are all on its dashboard, but for the one of the vault’s region', () => {
    const body = JSON.stringify(one(replicated.second, 'AWS::CloudWatch::Dashboard').properties);

    const ids = ofType(replicated.second, 'AWS::CloudWatch::Alarm').map(({ id }) => id);
    expect(ids).toHaveLength(6);
    expect(ids.filter((id) => !body.includes(id))).toEqual([]);
  });
});

describe('the runbook', () => {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  // What stands in a code block is no heading.
  const prose = runbook.replaceAll(/^ *(?:\d+\. )?```[\s\S]*?^ *```$/gm, '');
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  const sections = [...(prose.split(/^# /m)[2] ?? '').matchAll(/^## (.+)$/gm)].map(
    ([, heading = '']) => heading,
  );
  const headingOf = (alarmName: string) => alarmName.replace(/^Lifeboat(Replica)?( \S+)?: /, '');
  const everywhere = [...alarms, ...replicationAlarms, ...alarmsOfSecond];

  it('has a section for each alarm, named as it is, and none for an alarm that there is not', () => {
    const alarmHeadings = new Set(everywhere.map(({ AlarmName }) => headingOf(AlarmName)));

    expect(sections.length).toBe(new Set(sections).size);
    expect(new Set(sections)).toEqual(alarmHeadings);
  });

  it('is where each alarm’s description leads, at its own section', () => {
    const anchors = new Set(headings.map(makeHeadingAnchor));

    for (const { AlarmName, AlarmDescription } of everywhere) {
      const [, linked = ''] =
        / https:\/\/wiki\.example\.com\/lifeboat\/runbook#(\S+)$/.exec(AlarmDescription) ?? [];
      expect(anchors).toContain(linked);
      expect(linked).toBe(makeHeadingAnchor(headingOf(AlarmName)));
    }
  });

  it('says in each of these sections what it means, how urgent it is, where to look, what to do, and when it is over', () => {
    const incomplete = sections.filter((section) => {
      const [, text = ''] = prose.split(`\n## ${section}\n`);
      const own = text.split(/\n#+ /)[0] ?? '';
      return (
        !['Means', 'Urgent', 'Over when'].every((part) => own.includes(`**${part}**`)) ||
        !/\*\*(Look first|Do)\*\*/.test(own)
      );
    });

    expect(incomplete).toEqual([]);
  });

  it('leads nowhere that does not exist', () => {
    const anchors = new Set(headings.map(makeHeadingAnchor));

    const dead = [...runbook.matchAll(/\]\(#([^)]+)\)/g)]
      .map(([, to = '']) => to)
      .filter((to) => !anchors.has(to));

    expect(dead).toEqual([]);
    expect(anchors.size).toBe(headings.length);
  });

  it('asks the log for messages that the code writes', () => {
    const sources = ['lambdas', 'core']
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
      )
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const asked = [
      ...[...runbook.matchAll(/message (?:=|like) ["/]([^"/]+)["/]/g)].map(([, message = '']) => message),
      ...[...runbook.matchAll(/message in \[([^\]]+)\]/g)].flatMap(([, list = '']) =>
        [...list.matchAll(/"([^"]+)"/g)].map(([, message = '']) => message),
      ),
    ];

    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((message) => !sources.includes(message))).toEqual([]);
  });

  it('asks for metrics that the code emits', () => {
    const asked = [...runbook.matchAll(/measured ([A-Z]\w+)/g)].map(([, name = '']) => name);

    expect(asked.length).toBeGreaterThan(2);
    expect(asked.filter((name) => !metricNames.some((known) => known === name))).toEqual([]);
  });

  it('asks for outputs that the stack has', () => {
    const asked = [...runbook.matchAll(/\(output "?([A-Z][A-Za-z]+)/g)].map(([, name = '']) => name);

    const known = Object.keys(deployment.outputs);
    expect(asked.length).toBeGreaterThan(3);
    expect(
      asked.filter((name) => !known.some((output) => output.replace(/(prod|staging)$/, '') === name)),
    ).toEqual([]);
  });
});

const dashboardBody = v.object({
  widgets: v.array(
    v.object({
      type: v.string(),
      x: v.number(),
      y: v.number(),
      width: v.number(),
      height: v.number(),
      properties: v.object({
        title: v.optional(v.string(), ''),
        markdown: v.optional(v.string(), ''),
        query: v.optional(v.string(), ''),
        alarms: v.optional(v.array(v.string()), []),
        metrics: v.optional(v.array(v.array(v.unknown())), []),
      }),
    }),
  ),
});

function dashboard(of: Deployment): v.InferOutput<typeof dashboardBody>['widgets'] {
  const { properties } = one(of, 'AWS::CloudWatch::Dashboard');
  return v.parse(dashboardBody, JSON.parse(String(properties['DashboardBody']))).widgets;
}

describe('the dashboard', () => {
  const widgets = dashboard(deployment);
  const titles = widgets.map(({ properties }) => properties.title);

  it('has the stack’s name, as alarms have; in a stack of somebody else also that of the construct', () => {
    const theirs = new Stack(new App({ context: { 'aws:cdk:disable-asset-staging': true } }), 'Platform');
    new Lifeboat(theirs, 'Gateways', { ...twoControlPlanes, dataEvents: true });

    const template = Template.fromStack(theirs);

    expect(one(deployment, 'AWS::CloudWatch::Dashboard').properties['DashboardName']).toBe('Lifeboat');
    template.hasResourceProperties('AWS::CloudWatch::Dashboard', { DashboardName: 'Platform-Gateways' });
    template.hasResourceProperties('AWS::CloudTrail::Trail', { TrailName: 'Platform-Gateways-vault' });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'Platform-Gateways prod: Dead letters',
    });
  });

  it('answers in the order in which people ask, and says how to read each answer', () => {
    const texts = widgets.filter(({ type }) => type === 'text').toSorted((one, other) => one.y - other.y);

    const said = texts.map(({ properties }) => properties.markdown.split('\n\n'));
    expect(said.map(([heading]) => heading)).toEqual([
      '# Can a new data plane boot now, with which configuration, and how old is it?',
      '# Is the pipeline keeping up?',
      '# What do strangers send?',
      '# What does it cost?',
    ]);
    for (const [, howToRead = ''] of said) {
      expect(howToRead.length).toBeGreaterThan(100);
    }
  });

  it('shows metrics that the functions emit, for each control plane', () => {
    const own = widgets.flatMap(({ properties }) =>
      properties.metrics
        .filter(([namespace]) => namespace === 'Lifeboat')
        .map(([, name, , value]) => `${name} ${value}`),
    );

    const shown = new Set(own.map((metric) => metric.split(' ')[0]));
    expect([...shown].filter((name) => !metricNames.some((known) => known === name))).toEqual([]);
    // What a function measures and nobody looks at need not be measured; what a forger leaves has its alarm.
    expect(metricNames.filter((name) => !shown.has(name))).toEqual(['ManifestReplaced']);
    for (const name of shown) {
      expect(own).toEqual(expect.arrayContaining(controlPlanes.map((value) => `${name} ${value}`)));
    }
  });

  it('shows what strangers send below their heading only', () => {
    const [from = 0, to = 0] = widgets
      .filter(({ properties }) => /^# What d(o strangers|oes it cost)/.test(properties.markdown))
      .map(({ y }) => y);

    const theirs = widgets.filter(({ properties }) =>
      properties.metrics.some(([, name]) => ['HooksRefused', 'GrantsRefused', '4xx'].includes(String(name))),
    );

    expect(theirs).toHaveLength(3);
    expect(theirs.filter(({ y }) => y <= from || y >= to)).toEqual([]);
  });

  it('asks the exports’ logs with what is in the vault, and how long ago that was verified', () => {
    const [query = ''] = widgets.map(({ properties }) => properties.query).filter((text) => text !== '');

    const logGroups = controlPlanes.map((name) => one(deployment, 'AWS::Logs::LogGroup', `Export${name}`).id);
    expect([...query.matchAll(/SOURCE '(\w+)'/g)].map(([, group]) => group)).toEqual(logGroups);
    expect(query).toContain('filter message in ["published", "unchanged"]');
    // Only a limit may follow a dedup (CloudWatch Logs User Guide, "dedup").
    expect(query).toMatch(/\| sort @timestamp desc\n\| dedup controlPlane, kongVersion$/);
    expect(query).toContain('minutesAgo');
  });

  it('shows every alarm', () => {
    const shown = widgets.flatMap(({ properties }) => properties.alarms);

    const all = [...ofType(deployment, 'AWS::CloudWatch::Alarm'), ...composites].map(({ arn }) => arn);
    expect(shown.toSorted()).toEqual(all.toSorted());
  });

  it('counts gigabyte-seconds with the memory that a function has', () => {
    const memory = new Map(
      ofType(deployment, 'AWS::Lambda::Function').map(({ id, properties }: Resource) => [
        id,
        properties['MemorySize'],
      ]),
    );
    const { properties } = widgets[titles.indexOf('GB-seconds')] ?? {};

    const counted = (properties?.metrics ?? []).flatMap(([first], index, all) => {
      const { expression = '' } = v.parse(
        v.object({ expression: v.optional(v.string()) }),
        typeof first === 'object' ? first : {},
      );
      return expression === ''
        ? []
        : [[all[index + 1]?.[3], Number(expression.split(' * ')[1]) * 1024] as const];
    });

    expect(new Map(counted as [string, number][])).toEqual(memory);
  });

  it('covers no widget with another, and leaves none outside', () => {
    const cells = widgets.flatMap(({ x, y, width, height }) =>
      Array.from(
        { length: width * height },
        (_, cell) => `${x + (cell % width)} ${y + Math.floor(cell / width)}`,
      ),
    );

    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...widgets.map(({ x, width }) => x + width))).toBe(24);
  });

  it('and the alarms fit into AWS with ten control planes', () => {
    const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'] };
    const names = Array.from({ length: 10 }, (_, index) => `${index}${'-a'.repeat(19)}b`);

    const largest = deploy({ controlPlanes: Object.fromEntries(names.map((name) => [name, unit])) });

    const alarmsShown = dashboard(largest).map(({ properties }) => properties.alarms.length);
    const all = [
      ...metricAlarmsOf(largest),
      ...ofType(largest, 'AWS::CloudWatch::CompositeAlarm').map(({ properties }) =>
        v.parse(alarmProperties, properties),
      ),
    ];
    // CloudWatch User Guide, "Dashboard body structure": 100 alarms in a widget.
    expect(Math.max(...alarmsShown)).toBeLessThanOrEqual(100);
    // CloudWatch API Reference, PutMetricAlarm: 255 characters of name, 1,024 of description.
    expect(Math.max(...all.map(({ AlarmName }) => AlarmName.length))).toBeLessThanOrEqual(255);
    expect(Math.max(...all.map(({ AlarmDescription }) => AlarmDescription.length))).toBeLessThanOrEqual(1024);
    // CloudFormation User Guide, "Quotas".
    expect(largest.resources.length).toBeLessThanOrEqual(500);
  });
});

describe('the data events of the vault', () => {
  const watching = deploy({ ...twoControlPlanes, dataEvents: true });
  const vaultBucket = one(watching, 'AWS::S3::Bucket', 'Vault');
  const log = one(watching, 'AWS::S3::Bucket', 'DataEvents');
  const trail = one(watching, 'AWS::CloudTrail::Trail');

  it('are there when they are asked for', () => {
    expect(ofType(deployment, 'AWS::CloudTrail::Trail')).toEqual([]);
    expect(ofType(deployment, 'AWS::S3::Bucket')).toHaveLength(1);
  });

  it('are those of its objects, read and written, and no management events', () => {
    expect(trail.properties['AdvancedEventSelectors']).toEqual([
      {
        Name: expect.any(String),
        FieldSelectors: [
          { Field: 'eventCategory', Equals: ['Data'] },
          { Field: 'resources.type', Equals: ['AWS::S3::Object'] },
          { Field: 'resources.ARN', StartsWith: [`${vaultBucket.arn}/`] },
        ],
      },
    ]);
    expect(trail.properties).toMatchObject({ IsLogging: true, EnableLogFileValidation: true });
  });

  it('lie in a bucket of their own that nothing but this trail writes to', () => {
    const name = String(trail.properties['TrailName']);
    const { properties } = one(watching, 'AWS::S3::BucketPolicy', 'DataEvents');
    const { Statement } = v.parse(
      v.object({ Statement: v.array(v.record(v.string(), v.unknown())) }),
      properties['PolicyDocument'],
    );

    const allowed = Statement.filter(({ Effect }) => Effect === 'Allow');
    const fromTrail = {
      Principal: { Service: 'cloudtrail.amazonaws.com' },
      Condition: {
        StringEquals: { 'aws:SourceArn': `arn:aws:cloudtrail:eu-central-1:111122223333:trail/${name}` },
      },
    };
    expect(trail.properties['S3BucketName']).toBe(log.arn.replace('arn:aws:s3:::', ''));
    expect(allowed).toMatchObject([
      { ...fromTrail, Action: 's3:GetBucketAcl', Resource: log.arn },
      { ...fromTrail, Action: 's3:PutObject', Resource: `${log.arn}/AWSLogs/111122223333/*` },
    ]);
  });

  it('outlive the deployment, keep what was overwritten, and go after a year', () => {
    expect(log.deletionPolicy).toBe('Retain');
    expect(log.properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true },
      LifecycleConfiguration: {
        Rules: [{ ExpirationInDays: 365, NoncurrentVersionExpiration: { NoncurrentDays: 365 } }],
      },
    });
  });
});
