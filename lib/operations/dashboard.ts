import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { MetricName } from '../../lambdas/telemetry.ts';
import type { Api, RouteMetricName } from '../api/api.ts';
import type { LifeboatFunction } from '../functions/function.ts';
import type { Intake } from '../intake/intake.ts';
import type { Settings } from '../settings/settings.ts';
import { createLifeboatMetric } from './metrics.ts';
import type { WatchedUnit } from './watched-unit.ts';
import {
  createAlarmWidget,
  createTextWidget,
  dashboardColumns,
  graphHeight,
  listGrantMetrics,
  thirdOfRow,
} from './widgets.ts';

export interface DashboardProps {
  readonly name: string;
  readonly deployment: Settings;
  readonly api: Api;
  readonly intake: Intake;
  readonly units: readonly WatchedUnit[];
  /** After this time without a verification the alarm begins. */
  readonly watch: Duration;
  readonly bootAlarms: readonly cloudwatch.AlarmBase[];
  readonly pipelineAlarms: readonly cloudwatch.AlarmBase[];
  readonly theftAlarms: readonly cloudwatch.AlarmBase[];
}

/**
 * The dashboard. From top to bottom: can a new data plane boot now, is the pipeline keeping up, what do
 * strangers send, what does it cost.
 */
export class Dashboard extends Construct {
  readonly #units: readonly WatchedUnit[];
  readonly #period: Duration;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.#units = props.units;
    // At least one scheduled export per point; otherwise the lines have gaps.
    this.#period = Duration.minutes(Math.max(5, props.deployment.scheduleMinutes));
    new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: props.name,
      defaultInterval: Duration.hours(12),
      widgets: [
        ...this.#createBootRows(props),
        ...this.#createPipelineRows(props),
        ...this.#createStrangerRows(props),
        ...this.#createCostRows(props),
      ],
    });
  }

  #createBootRows({ deployment, watch, bootAlarms, theftAlarms }: DashboardProps): cloudwatch.IWidget[][] {
    return [
      [
        createTextWidget(
          '# Can a new data plane boot now, with which configuration, and how old is it?',
          '**Yes**, unless *Data plane version without a file*, *Grants failing* or *Drill failing* is red below. The table shows **which configuration**: ' +
            'for each control plane and data-plane version the revision in the vault, and when it was exported. `minutesAgo` shows **how ' +
            'old** it is: the minutes since an export last found that the control plane still serves it. Up to ' +
            `${deployment.scheduleMinutes} is normal. Above ${watch.toMinutes()} the alarm *No file verified* begins, unless ` +
            'the control plane is known to be unreachable. A version that was last verified before the time range of this page is ' +
            'not in the table: widen the range. ' +
            `[Runbook](${deployment.runbookUrl})`,
        ),
      ],
      [
        createAlarmWidget('New data planes can boot', bootAlarms, dashboardColumns - thirdOfRow),
        createAlarmWidget('Vault access: no alarms', theftAlarms, thirdOfRow),
      ],
      [
        new cloudwatch.LogQueryWidget({
          title: 'What is in the vault, and when that was last verified',
          logGroupNames: this.#units.map(({ export: unit }) => unit.exporter.logGroupName),
          view: cloudwatch.LogQueryVisualizationType.TABLE,
          queryLines: [
            'fields controlPlane, kongVersion, revision, exportedAt, (now() * 1000 - toMillis(@timestamp)) / 60000 as minutesAgo, entities.total, sizeBytes, configHash',
            'filter message in ["published", "unchanged"]',
            'sort @timestamp desc',
            'dedup controlPlane, kongVersion',
          ],
          width: dashboardColumns,
          height: graphHeight,
        }),
      ],
      [
        this.#createGraph('Files verified: never zero for long', {
          metrics: this.#listUnitMetrics('Verified'),
        }),
        this.#createGraph('Versions without a file, or not served: should be zero', {
          metrics: [
            ...this.#listUnitMetrics('VersionsWithoutFile', cloudwatch.Stats.MAXIMUM),
            ...this.#listUnitMetrics('VersionsNotServed', cloudwatch.Stats.MAXIMUM),
          ],
        }),
        this.#createGraph('Grants issued: only in outages and rehearsals', {
          metrics: this.#listUnitMetrics('GrantsIssued'),
        }),
      ],
      ...this.#createDrillRows(),
    ];
  }

  /** None where none is played. */
  #createDrillRows(): cloudwatch.IWidget[][] {
    const drilled = this.#units.filter(({ inspection }) => inspection.drillHours !== undefined);
    if (drilled.length === 0) {
      return [];
    }
    const draw = (title: string, name: MetricName, right?: MetricName) => {
      const list = (each: MetricName) =>
        drilled.map(({ controlPlane }) =>
          createLifeboatMetric(this, controlPlane, each, {
            statistic: each === 'GrantsToDrills' ? cloudwatch.Stats.SUM : cloudwatch.Stats.MAXIMUM,
            label: `${controlPlane} ${each}`,
          }),
        );
      return createDailyGraph(title, list(name), right === undefined ? [] : list(right));
    };
    return [
      [
        draw('Drills: 1 where a new data plane could boot', 'DrillSucceeded'),
        draw('Age of what a drill got (s)', 'RestorableAgeSeconds'),
        draw('A drill takes (s); grants to drills (right)', 'DrillSeconds', 'GrantsToDrills'),
      ],
    ];
  }

  #createPipelineRows({ pipelineAlarms }: DashboardProps): cloudwatch.IWidget[][] {
    return [
      [
        createTextWidget(
          '# Is the pipeline keeping up?',
          '`ChangeToPublished` is the time from a change in Kong to the file in the vault: some seconds, at most the settle time ' +
            'and a little more. `Held` counts files that wait for a person. `Pinned` counts files that an operator has rolled back: nothing is published until they are unpinned, of which an alarm reminds after a day. `Behind` counts answers of control-plane nodes whose configuration is older than the published one. `ControlPlaneUnreachable` is an ' +
            'outage of the control plane; `ExportFailed` is a fault of this pipeline.',
        ),
      ],
      [createAlarmWidget('Changes reach the vault', pipelineAlarms, dashboardColumns)],
      [
        this.#createGraph('From change to vault, slowest (s)', {
          metrics: this.#listUnitMetrics('ChangeToPublished', cloudwatch.Stats.MAXIMUM),
        }),
        this.#createGraph('Export, slowest (s)', {
          metrics: this.#units.map(({ controlPlane, export: { exporter } }, index) =>
            countSeconds(controlPlane, exporter, index),
          ),
        }),
        this.#createGraph('Oldest message in the queue (s)', {
          metrics: this.#units.map(({ controlPlane, export: unit }) =>
            unit.queue.metricApproximateAgeOfOldestMessage({
              label: controlPlane,
              statistic: cloudwatch.Stats.MAXIMUM,
            }),
          ),
        }),
      ],
      [
        this.#createGraph('Hooks accepted, revisions published, commands', {
          metrics: [
            ...this.#listUnitMetrics('HooksAccepted'),
            ...this.#listUnitMetrics('Published'),
            ...this.#listUnitMetrics('Commands'),
            ...this.#listUnitMetrics('CommandsRefused'),
          ],
        }),
        this.#createGraph('Held, pinned, behind, unreachable, failed; days of the certificate (right)', {
          metrics: [
            ...this.#listUnitMetrics('Held'),
            ...this.#listUnitMetrics('Pinned'),
            ...this.#listUnitMetrics('Behind'),
            ...this.#listUnitMetrics('ControlPlaneUnreachable'),
            ...this.#listUnitMetrics('ExportFailed'),
          ],
          right: this.#listUnitMetrics('CertificateDaysLeft', cloudwatch.Stats.MINIMUM),
        }),
        this.#createGraph('Size of the configuration: entities, bytes (right)', {
          metrics: this.#listUnitMetrics('ExportedEntities', cloudwatch.Stats.MAXIMUM),
          right: this.#listUnitMetrics('ConfigBytes', cloudwatch.Stats.MAXIMUM),
        }),
      ],
      ...this.#createListenerRows(),
    ];
  }

  /** None where nobody listens. */
  #createListenerRows(): cloudwatch.IWidget[][] {
    const listening = this.#units.filter(({ listener }) => listener !== undefined);
    if (listening.length === 0) {
      return [];
    }
    const seconds = this.#period.toSeconds();
    return [
      [
        this.#createGraph(`Listening, of each ${seconds} s: never zero for long`, {
          metrics: listening.map(({ controlPlane }) =>
            createLifeboatMetric(this, controlPlane, 'Listening', { label: controlPlane }),
          ),
        }),
      ],
    ];
  }

  #createStrangerRows({ api, intake }: DashboardProps): cloudwatch.IWidget[][] {
    return [
      [
        createTextWidget(
          '# What do strangers send?',
          'The webhook is open to the internet. Refused hooks have a wrong signature or an unreadable body, and raise no alarm. Look at ' +
            'them when **accepted** hooks are missing at the same time: then the secret was changed on one side only. Look at refused ' +
            'grants when they rise: with IAM, they were asked for with credentials that IAM accepts. Where data planes use cluster ' +
            'certificates, anybody can ask and be refused.',
        ),
      ],
      [
        this.#createGraph('Refused: hooks, grants', {
          metrics: [...this.#listUnitMetrics('HooksRefused'), ...this.#listUnitMetrics('GrantsRefused')],
        }),
        this.#createGraph('4xx of the webhook, with throttled requests', {
          metrics: [
            ...this.#listHookMetrics(api, '4xx', '4xx'),
            ...this.#listHookMetrics(api, 'Count', 'all requests'),
          ],
        }),
        this.#createGraph('4xx of grants (403: IAM), webhook throttles', {
          metrics: [
            ...listGrantMetrics(this.#units, api, '4xx', '4xx'),
            intake.webhook.function.metricThrottles({
              label: 'webhook throttles',
              statistic: cloudwatch.Stats.SUM,
            }),
          ],
        }),
      ],
    ];
  }

  #createCostRows({ api, intake }: DashboardProps): cloudwatch.IWidget[][] {
    const functions: readonly (readonly [name: string, billed: Billed])[] = [
      ...this.#units.map(
        ({ controlPlane, export: unit }) => [`${controlPlane} export`, unit.exporter] as const,
      ),
      ...this.#units.map(
        ({ controlPlane, presign }) => [`${controlPlane} presign`, presign.presigner] as const,
      ),
      ...this.#units.map(
        ({ controlPlane, inspection }) => [`${controlPlane} inspect`, inspection.inspector] as const,
      ),
      ['webhook', intake.webhook],
      ...this.#units.flatMap(({ controlPlane, listener }) =>
        listener === undefined ? [] : [[`${controlPlane} listener`, listener.listener] as const],
      ),
    ];
    return [
      [
        createTextWidget(
          '# What does it cost?',
          'Per day. Prices differ by region: multiply invocations, GB-seconds and requests by those of your bill. Each export also makes ' +
            'some S3 and KMS requests, and a connection to the control plane per data-plane version. Fixed costs: KMS keys, secrets, ' +
            'alarms, metrics and logs. Together they are usually more than all that is counted here.',
        ),
      ],
      [
        createDailyGraph(
          'Invocations',
          functions.map(([name, { function: billed }]) =>
            billed.metricInvocations({
              label: name,
              statistic: cloudwatch.Stats.SUM,
              period: Duration.days(1),
            }),
          ),
        ),
        createDailyGraph(
          'GB-seconds',
          functions.map(([name, billed], index) => countGigabyteSeconds(name, billed, index)),
        ),
        createDailyGraph('Requests: API, messages sent', [
          ...this.#listHookMetrics(api, 'Count', 'hooks').map((metric) =>
            metric.with({ period: Duration.days(1) }),
          ),
          ...listGrantMetrics(this.#units, api, 'Count', 'grants').map((metric) =>
            metric.with({ period: Duration.days(1) }),
          ),
          ...this.#units.map(({ controlPlane, export: unit }) =>
            unit.queue.metricNumberOfMessagesSent({
              label: `${controlPlane} messages`,
              statistic: cloudwatch.Stats.SUM,
              period: Duration.days(1),
            }),
          ),
        ]),
      ],
    ];
  }

  #listUnitMetrics(name: MetricName, statistic: string = cloudwatch.Stats.SUM): cloudwatch.IMetric[] {
    return this.#units.map(({ controlPlane }) =>
      createLifeboatMetric(this, controlPlane, name, { statistic, label: `${controlPlane} ${name}` }),
    );
  }

  #listHookMetrics(api: Api, name: RouteMetricName, label: string): cloudwatch.Metric[] {
    return this.#units.map(({ controlPlane }) =>
      api.hookMetric(controlPlane, name).with({ label: `${controlPlane} ${label}` }),
    );
  }

  #createGraph(title: string, { metrics, right = [] }: Lines): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title,
      left: metrics,
      right,
      leftYAxis: { min: 0, showUnits: false },
      rightYAxis: { min: 0, showUnits: false },
      period: this.#period,
      width: thirdOfRow,
      height: graphHeight,
    });
  }
}

interface Lines {
  readonly metrics: cloudwatch.IMetric[];
  readonly right?: cloudwatch.IMetric[];
}

type Billed = Pick<LifeboatFunction, 'function' | 'memorySizeMb'>;

function createDailyGraph(
  title: string,
  metrics: cloudwatch.IMetric[],
  right: cloudwatch.IMetric[] = [],
): cloudwatch.IWidget {
  return new cloudwatch.GraphWidget({
    title,
    left: metrics,
    ...(right.length === 0 ? {} : { right }),
    stacked: true,
    leftYAxis: { min: 0, showUnits: false },
    period: Duration.days(1),
    start: '-P7D',
    width: thirdOfRow,
    height: graphHeight,
  });
}

/** How long the slowest run took, the wait for a newer configuration included. */
function countSeconds(
  label: string,
  { function: run }: Pick<Billed, 'function'>,
  index: number,
): cloudwatch.IMetric {
  return new cloudwatch.MathExpression({
    expression: `slowest${index} / 1000`,
    // Ids must be unique in the graph.
    usingMetrics: { [`slowest${index}`]: run.metricDuration({ statistic: cloudwatch.Stats.MAXIMUM }) },
    label,
  });
}

/** What Lambda bills besides the number of calls: duration times configured memory. */
function countGigabyteSeconds(
  name: string,
  { function: billed, memorySizeMb }: Billed,
  index: number,
): cloudwatch.IMetric {
  return new cloudwatch.MathExpression({
    expression: `milliseconds${index} / 1000 * ${memorySizeMb / 1024}`,
    // Ids must be unique in the graph.
    usingMetrics: { [`milliseconds${index}`]: billed.metricDuration({ statistic: cloudwatch.Stats.SUM }) },
    label: name,
    period: Duration.days(1),
  });
}
