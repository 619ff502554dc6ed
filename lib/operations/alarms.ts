import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Api } from '../api/api.ts';
import { formatDeploymentName } from '../conventions/deployment-name.ts';
import type { GrantUnit } from '../grants/grant-giver.ts';
import type { Settings } from '../settings/settings.ts';
import { createLifeboatMetric } from './metrics.ts';
import type { WatchedUnit } from './watched-unit.ts';

/** Anchor of a section of the runbook, as GitHub and GitLab make it of a heading. */
export function makeHeadingAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}

export interface Alert {
  /** Heading of its section in docs/runbook.md. */
  readonly heading: string;
  /** What it means for a person, and how soon. */
  readonly meaning: string;
}

export interface MetricAlert extends Alert {
  readonly metric: cloudwatch.IMetric;
  /** The alarm begins at this value; with `below`, under it. */
  readonly threshold: number;
  /** @default false */
  readonly below?: boolean;
  /** In so many periods of the metric, one after another. @default 1 */
  readonly periods?: number;
  /** @default not breaching */
  readonly missing?: cloudwatch.TreatMissingData;
  /** Who is notified. @default the topic, when the alarm begins and when it ends */
  readonly tells?: 'its beginning';
}

// So long a drill may be late: what fails once is played again twice.
const drillSlackHours = 2;
// Short, but long enough that metrics which belong together are all counted in it.
export const shortPeriod = Duration.minutes(5);

/**
 * Makes alarms, each with its section in docs/runbook.md.
 *
 * CloudWatch looks each minute at the last period, not at one by the clock (CloudWatch User Guide, "Alarm
 * evaluation window"). What is not told is filled with zeros (`fillWithZeros`): otherwise CloudWatch looks
 * further back, up to some periods, until it finds a value (ibid., "Configuring how CloudWatch alarms treat
 * missing data"), and the alarm rings for longer than the trouble lasts.
 *
 * What `FILL` makes of a metric without any value is not documented. So no alarm depends on it: what it
 * answers to no data is what it answers to zeros (test/local/alarm-provocations.test.ts).
 */
export class Alarms {
  readonly #scope: Construct;
  readonly #runbookUrl: string;
  readonly #topic: sns.ITopic | undefined;

  /** @param scope - a direct child of the construct that is the whole deployment */
  constructor(
    scope: Construct,
    { alarmTopicArn, runbookUrl }: Pick<Settings, 'alarmTopicArn' | 'runbookUrl'>,
  ) {
    this.#scope = scope;
    this.#runbookUrl = runbookUrl;
    this.#topic =
      alarmTopicArn === undefined ? undefined : sns.Topic.fromTopicArn(scope, 'Topic', alarmTopicArn);
  }

  make(controlPlane: string | undefined, id: string, alert: MetricAlert): cloudwatch.Alarm {
    const { metric, threshold, below = false, periods = 1, missing, tells } = alert;
    const alarm = new cloudwatch.Alarm(
      this.#scope,
      controlPlane === undefined ? id : `${id}-${controlPlane}`,
      {
        alarmName: this.#name(alert.heading, controlPlane),
        alarmDescription: this.#description(alert),
        metric,
        threshold,
        comparisonOperator: below
          ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluationPeriods: periods,
        treatMissingData: missing ?? cloudwatch.TreatMissingData.NOT_BREACHING,
      },
    );
    this.#tell(alarm, tells === undefined);
    return alarm;
  }

  #tell(alarm: cloudwatch.AlarmBase, itsEnd: boolean): void {
    if (this.#topic === undefined) {
      return;
    }
    const action = new SnsAction(this.#topic);
    alarm.addAlarmAction(action);
    if (itsEnd) {
      alarm.addOkAction(action);
    }
  }

  /** Unique in account and region, as names of alarms must be. */
  #name(heading: string, controlPlane: string | undefined): string {
    const name = formatDeploymentName(this.#scope);
    return controlPlane === undefined ? `${name}: ${heading}` : `${name} ${controlPlane}: ${heading}`;
  }

  #description({ heading, meaning }: Alert): string {
    return `${meaning} ${this.#runbookUrl}#${makeHeadingAnchor(heading)}`;
  }
}

/** For one control plane, in the region of this API. */
export function createGrantsFailingAlarm(
  alarms: Alarms,
  { controlPlane, presign, dataPlaneAuth: { iam } }: GrantUnit,
  api: Api,
): cloudwatch.AlarmBase {
  const { function: presigner } = presign.presigner;
  return alarms.make(controlPlane, 'GrantsFailing', {
    heading: 'Grants failing',
    meaning: `Act now. Data planes that ask for the configuration of ${controlPlane} get an error: new data planes cannot boot while the control plane is down.`,
    metric: createMathMetric(
      shortPeriod,
      `FILL(errors, 0) + FILL(throttles, 0)${iam ? ' + FILL(answers, 0)' : ''}`,
      {
        errors: presigner.metricErrors({ statistic: cloudwatch.Stats.SUM }),
        throttles: presigner.metricThrottles({ statistic: cloudwatch.Stats.SUM }),
        // Only of the IAM route. On the other route a stranger can cause a 5xx, with a body that is too large
        // for Lambda.
        ...(iam ? { answers: api.grantMetric(controlPlane, '5xx') } : {}),
      },
    ),
    // A grant is computed without any network call, so it does not fail by chance. Strangers on the other
    // route get a 4xx, and its throttle keeps them from using up the function
    // (lib/settings/api-throttles.ts).
    threshold: 1,
  });
}

/** A metric that is told only where there is something to tell, over its own period. */
export function fillWithZeros(metric: cloudwatch.Metric): cloudwatch.MathExpression {
  const period = Duration.seconds(metric.period.toSeconds());
  return createMathMetric(period, 'FILL(told, 0)', { told: metric });
}

/** For one control plane, where drills are played. */
export function createDrillAlarm(
  alarms: Alarms,
  scope: Construct,
  { controlPlane, inspection: { drillHours } }: WatchedUnit,
): readonly cloudwatch.AlarmBase[] {
  if (drillHours === undefined) {
    return [];
  }
  return [
    alarms.make(controlPlane, 'Drill', {
      heading: 'Drill failing',
      meaning:
        `Act now. No new data plane of ${controlPlane} that was played for a drill could have booted for ${drillHours + drillSlackHours} hours, ` +
        'or no drill was played.',
      metric: fillWithZeros(
        createLifeboatMetric(scope, controlPlane, 'DrillSucceeded', {
          statistic: cloudwatch.Stats.MAXIMUM,
          period: Duration.hours(1),
        }),
      ),
      // None has succeeded since the last one was due. One that fails is played again in the next hour.
      threshold: 1,
      below: true,
      periods: drillHours + drillSlackHours,
      // One that is not played says nothing.
      missing: cloudwatch.TreatMissingData.BREACHING,
    }),
  ];
}

export function createMathMetric(
  period: Duration,
  expression: string,
  usingMetrics: Record<string, cloudwatch.IMetric>,
): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({ expression, usingMetrics, period, label: expression });
}
