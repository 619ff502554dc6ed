import { describe, expect, it } from '@jest/globals';
import { maxTries } from '../../../core/export/export-batch.ts';
import { type MetricName, metricNames } from '../../../lambdas/telemetry.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import { listReadMetrics } from '../../../simulators/aws/alarm-evaluation.ts';
import {
  alarmNamed,
  deployWatched,
  type Measured,
  type MetricAlarm,
  metricAlarmsOf,
  stateOf,
  topic,
} from '../alarms.ts';
import { controlPlaneNames, deploy, ofType, one, twoControlPlanes } from '../deployment.ts';

const deployment = deployWatched();
// The schedule of these settings rings every 7 minutes.
const watchSeconds = 3 * 7 * 60;
const metricAlarms = metricAlarmsOf(deployment);

/** Others look at one. */
const periodsOf: Readonly<Record<string, number>> = {
  'Configuration pinned': 4,
  'Drill failing': 26,
};

const ofProd = (heading: string, among: readonly MetricAlarm[] = metricAlarms) =>
  alarmNamed(`Lifeboat prod: ${heading}`, among);

describe('an alarm', () => {
  it('is there for each control plane, and one for the webhook that all share', () => {
    const names = metricAlarms.map(({ AlarmName }) => AlarmName);

    const headings = [
      'No file verified',
      'Configuration held',
      'Configuration pinned',
      'Export failing',
      'Control plane unreachable',
      'Data plane version without a file',
      'Cluster certificate ending',
      'Data plane version not served',
      'Foreign object replaced',
      'Bucket keeps no versions',
      'Signing key missing',
      'Grant while the control plane is healthy',
      'Grants failing',
      'Export function crashing',
      'Changes waiting in the queue',
      'Dead letters',
      'Drill failing',
      'Not listening',
    ];
    expect(names.toSorted()).toEqual(
      [
        'Lifeboat: Webhook failing',
        ...controlPlaneNames.flatMap((name) => headings.map((heading) => `Lifeboat ${name}: ${heading}`)),
      ].toSorted(),
    );
  });

  it('on a signing key that is missing is there only where one besides that which signs is set', () => {
    const alone = metricAlarmsOf(deploy(twoControlPlanes)).map(({ AlarmName }) => AlarmName);

    expect(alone.filter((name) => name.includes('Signing key'))).toEqual([]);
  });

  it('on a metric of Lifeboat asks for one that the functions emit, of its own control plane and nothing more', () => {
    const own = metricAlarms.flatMap((alarm) =>
      listReadMetrics(alarm)
        .filter(({ namespace }) => namespace === 'Lifeboat')
        .map(({ name, dimensions }) => ({ alarm: alarm.AlarmName, name, dimensions })),
    );

    expect(own.length).toBeGreaterThan(2 * controlPlaneNames.length);
    for (const { alarm, name, dimensions } of own) {
      expect(metricNames).toContain(name);
      expect(dimensions).toEqual({
        Deployment: 'Lifeboat',
        ControlPlane: /^Lifeboat (\S+):/.exec(alarm)?.[1],
      });
    }
  });

  it.each<[heading: string, seconds: number, metrics: Readonly<Record<string, string>>, missing: string]>([
    ['No file verified', watchSeconds, { Verified: 'SampleCount' }, 'breaching'],
    // Each check finds it held again: between two of them the alarm must not end.
    ['Configuration held', watchSeconds, { Held: 'Sum' }, 'notBreaching'],
    ['Configuration pinned', 6 * 60 * 60, { Pinned: 'Sum' }, 'notBreaching'],
    ['Control plane unreachable', watchSeconds, { ControlPlaneUnreachable: 'Sum' }, 'notBreaching'],
    [
      'Data plane version without a file',
      watchSeconds,
      { VersionsWithoutFile: 'SampleCount' },
      'notBreaching',
    ],
    ['Data plane version not served', watchSeconds, { VersionsNotServed: 'Sum' }, 'notBreaching'],
    ['Cluster certificate ending', watchSeconds, { CertificateDaysLeft: 'Minimum' }, 'notBreaching'],
    ['Export failing', watchSeconds, { ExportFailed: 'Sum' }, 'notBreaching'],
    ['Export function crashing', watchSeconds, { Errors: 'Sum', Throttles: 'Sum' }, 'notBreaching'],
    ['Foreign object replaced', 300, { ManifestReplaced: 'Sum' }, 'notBreaching'],
    ['Bucket keeps no versions', watchSeconds, { NotVersioned: 'Sum' }, 'notBreaching'],
    ['Signing key missing', watchSeconds, { SigningKeysMissing: 'SampleCount' }, 'notBreaching'],
    ['Grants failing', 300, { Errors: 'Sum', Throttles: 'Sum', '5xx': 'Sum' }, 'notBreaching'],
    ['Changes waiting in the queue', 300, { ApproximateAgeOfOldestMessage: 'Maximum' }, 'notBreaching'],
    ['Dead letters', 300, { ApproximateNumberOfMessagesVisible: 'Maximum' }, 'notBreaching'],
    ['Drill failing', 3600, { DrillSucceeded: 'Maximum' }, 'breaching'],
    ['Not listening', 900, { Listening: 'Sum', Verified: 'Minimum' }, 'breaching'],
    [
      'Grant while the control plane is healthy',
      // As long as the schedule, so that an export has looked as well.
      7 * 60,
      { GrantsIssued: 'Sum', Verified: 'Minimum' },
      'notBreaching',
    ],
  ])('"%s" watches its metrics over %d s', (heading, seconds, expected, missing) => {
    const alarm = ofProd(heading);

    const watched = listReadMetrics(alarm);
    expect(Object.fromEntries(watched.map(({ name, statistic }) => [name, statistic]))).toEqual(expected);
    expect(new Set(watched.map((metric) => metric.periodSeconds))).toEqual(new Set([seconds]));
    const periods = periodsOf[heading] ?? 1;
    expect(alarm).toMatchObject({ EvaluationPeriods: periods, TreatMissingData: missing });
    expect(alarm.DatapointsToAlarm ?? periods).toBe(periods);
    // So much in all CloudWatch takes: a week, of short periods a day (PutMetricAlarm, "Period").
    expect(periods * seconds).toBeLessThanOrEqual((seconds < 3600 ? 1 : 7) * 24 * 60 * 60);
  });

  it.each<[heading: string, measured: Measured, state: 'ALARM' | 'OK']>([
    ['No file verified', { Verified: 1 }, 'OK'],
    ['No file verified', { Verified: 0 }, 'ALARM'],
    ['No file verified', {}, 'ALARM'],
    ['Configuration held', { Held: 0 }, 'OK'],
    ['Configuration held', { Held: 1 }, 'ALARM'],
    ['Configuration held', {}, 'OK'],
    ['Configuration pinned', { Pinned: 0 }, 'OK'],
    ['Configuration pinned', { Pinned: 1 }, 'ALARM'],
    ['Configuration pinned', {}, 'OK'],
    ['Control plane unreachable', { ControlPlaneUnreachable: maxTries }, 'OK'],
    ['Control plane unreachable', { ControlPlaneUnreachable: maxTries + 1 }, 'ALARM'],
    ['Control plane unreachable', {}, 'OK'],
    ['Data plane version without a file', {}, 'OK'],
    ['Data plane version without a file', { VersionsWithoutFile: 1 }, 'OK'],
    ['Data plane version without a file', { VersionsWithoutFile: 2 }, 'ALARM'],
    ['Data plane version not served', { VersionsNotServed: 0 }, 'OK'],
    ['Data plane version not served', { VersionsNotServed: 1 }, 'ALARM'],
    ['Data plane version not served', {}, 'OK'],
    ['Cluster certificate ending', {}, 'OK'],
    ['Cluster certificate ending', { CertificateDaysLeft: 14 }, 'OK'],
    ['Cluster certificate ending', { CertificateDaysLeft: 13.99 }, 'ALARM'],
    ['Cluster certificate ending', { CertificateDaysLeft: -1 }, 'ALARM'],
    ['Export failing', {}, 'OK'],
    ['Export failing', { ExportFailed: 1 }, 'OK'],
    ['Export failing', { ExportFailed: 2 }, 'ALARM'],
    ['Export function crashing', { Errors: 2 }, 'OK'],
    ['Export function crashing', { Errors: 2, Throttles: 1 }, 'ALARM'],
    ['Foreign object replaced', {}, 'OK'],
    ['Foreign object replaced', { ManifestReplaced: 1 }, 'ALARM'],
    ['Bucket keeps no versions', {}, 'OK'],
    ['Bucket keeps no versions', { NotVersioned: 1 }, 'ALARM'],
    ['Signing key missing', { SigningKeysMissing: 1 }, 'OK'],
    ['Signing key missing', { SigningKeysMissing: 2 }, 'ALARM'],
    ['Signing key missing', {}, 'OK'],
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
    ['Drill failing', { DrillSucceeded: 1 }, 'OK'],
    ['Drill failing', { DrillSucceeded: 0 }, 'ALARM'],
    // None was played.
    ['Drill failing', {}, 'ALARM'],
    ['Not listening', { Listening: 450, Verified: 2 }, 'OK'],
    ['Not listening', { Listening: 449.9, Verified: 2 }, 'ALARM'],
    ['Not listening', { Listening: 450 }, 'OK'],
    ['Not listening', { Listening: 449.9 }, 'ALARM'],
    // The function does not run at all.
    ['Not listening', { Verified: 1 }, 'ALARM'],
    ['Not listening', {}, 'ALARM'],
    // An export has found the control plane away.
    ['Not listening', { Listening: 0, Verified: 0 }, 'OK'],
    ['Grant while the control plane is healthy', { GrantsIssued: 1, Verified: 1 }, 'ALARM'],
    ['Grant while the control plane is healthy', { Verified: 1 }, 'OK'],
    ['Grant while the control plane is healthy', {}, 'OK'],
    ['Grant while the control plane is healthy', { GrantsIssued: 9 }, 'OK'],
    ['Grant while the control plane is healthy', { GrantsIssued: 9, Verified: 0 }, 'OK'],
  ])('"%s" with %j is %s', (heading, measured, state) => {
    expect(stateOf(ofProd(heading), measured)).toBe(state);
  });

  it.each([
    [2, 'OK'],
    [3, 'ALARM'],
  ] as const)('on the webhook, after %d errors in 15 minutes, is %s', (errors, state) => {
    const alarm = alarmNamed('Lifeboat: Webhook failing', metricAlarms);

    expect(listReadMetrics(alarm)).toMatchObject([{ name: 'Errors', periodSeconds: 900, statistic: 'Sum' }]);
    expect(stateOf(alarm, { Errors: errors })).toBe(state);
  });

  it('on a function, a queue or a route names the one of its control plane', () => {
    const api = one(deployment, 'AWS::ApiGatewayV2::Api').id;
    const dimensions = (heading: string) =>
      listReadMetrics(ofProd(heading)).map((metric) => metric.dimensions);
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
    const watched = metricAlarms.flatMap((alarm) => listReadMetrics(alarm).map(({ name }) => name));

    const theirs: readonly MetricName[] = ['HooksRefused', 'GrantsRefused'];
    expect(watched.filter((name) => [...theirs, '4xx', 'Count'].includes(name))).toEqual([]);
    // A flood of hooks is throttled, and that is nobody's error.
    expect(
      listReadMetrics(alarmNamed('Lifeboat: Webhook failing', metricAlarms)).map(({ name }) => name),
    ).toEqual(['Errors']);
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
    listReadMetrics(alarmNamed(alarm, metricAlarmsOf(both))).map(({ name, dimensions }) => [
      name,
      dimensions['Method'],
    ]);

  it('no alarm looks at their route, which is open to strangers', () => {
    const watched = metricAlarmsOf(both).flatMap((alarm) => listReadMetrics(alarm));

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
});

/**
 * Minutes at which an alarm is in this state, when the schedule's exports find the file unchanged at these
 * minutes.
 */
function minutesIn(state: 'ALARM' | 'OK', alarm: MetricAlarm, verifiedAt: readonly number[], until: number) {
  const [metric] = listReadMetrics(alarm);
  const window = (metric?.periodSeconds ?? 0) / 60;
  return Array.from({ length: until }, (_, minute) => minute + 1)
    .filter((minute) => minute >= window)
    .filter((minute) => {
      // A sliding window that ends now (CloudWatch User Guide, "Alarm evaluation window").
      const runs = verifiedAt.filter((at) => at > minute - window && at <= minute).length;
      return stateOf(alarm, { Verified: runs }) === state;
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
        'No file verified',
        metricAlarmsOf(deploy({ ...twoControlPlanes, scheduleMinutes })),
      );
      const rings = Array.from({ length: 12 }, (_, ring) => (ring + 1) * scheduleMinutes);
      // Late by a minute, as an export after a settle time may be.
      const withOneLost = rings.filter((_, ring) => ring !== 6).map((at, ring) => at + (ring === 6 ? 1 : 0));

      const paged = minutesIn('ALARM', alarm, withOneLost, 12 * scheduleMinutes);

      expect(listReadMetrics(alarm)[0]?.periodSeconds).toBe(window * 60);
      expect(paged).toEqual([]);
    },
  );

  it('pages a quarter of an hour after the last metric', () => {
    const alarm = ofProd(
      'No file verified',
      metricAlarmsOf(deploy({ ...twoControlPlanes, scheduleMinutes: 5 })),
    );

    const [first] = minutesIn('ALARM', alarm, [5, 10, 15, 20], 60);

    expect(first).toBe(35);
  });
});

describe('the topic', () => {
  const ofTheft = controlPlaneNames.flatMap((name) => [
    `Lifeboat ${name}: Foreign object replaced`,
    `Lifeboat ${name}: Grant while the control plane is healthy`,
  ]);

  it('hears of every alarm', () => {
    const unheard = metricAlarms.filter(({ AlarmActions }) => AlarmActions.join() !== topic);

    expect(unheard).toEqual([]);
  });

  it('hears when one is over, but for a theft, which is not over because it was repaired', () => {
    const unended = metricAlarms
      .filter(({ OKActions }) => OKActions.length === 0)
      .map(({ AlarmName }) => AlarmName);

    expect(unended.toSorted()).toEqual(ofTheft.toSorted());
  });

  it('may be missing: alarms then change their state and tell nobody', () => {
    const without = deploy(twoControlPlanes);

    const actions = ofType(without, 'AWS::CloudWatch::Alarm').filter(
      ({ properties }) => 'AlarmActions' in properties || 'OKActions' in properties,
    );

    const told = metricAlarms.filter(
      ({ AlarmName }) => !/(Not listening|Signing key missing)$/.test(AlarmName),
    );
    expect(metricAlarmsOf(without)).toHaveLength(told.length);
    expect(actions).toEqual([]);
  });
});
