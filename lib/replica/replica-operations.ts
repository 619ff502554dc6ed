import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Api } from '../api/api.ts';
import { formatDashboardName } from '../conventions/deployment-name.ts';
import type { GrantUnit } from '../grants/grant-giver.ts';
import {
  Alarms,
  createGrantsFailingAlarm,
  createMathMetric,
  fillWithZeros,
  shortPeriod,
} from '../operations/alarms.ts';
import { createLifeboatMetric } from '../operations/metrics.ts';
import {
  createAlarmWidget,
  createTextWidget,
  dashboardColumns,
  graphHeight,
  listGrantMetrics,
  thirdOfRow,
} from '../operations/widgets.ts';
import type { Settings } from '../settings/settings.ts';
import type { FileStore } from '../vault/file-store.ts';

export interface ReplicaOperationsProps {
  readonly deployment: Settings;
  readonly api: Api;
  readonly store: Pick<FileStore, 'bucket'>;
  readonly units: readonly GrantUnit[];
}

// The time that S3's Replication Time Control promises; most copies take seconds.
const longestLatency = Duration.minutes(15);

/** Alarms and dashboard of the second region. Failed copies are counted in the first region. */
export class ReplicaOperations extends Construct {
  readonly #alarms: Alarms;

  constructor(scope: Construct, id: string, props: ReplicaOperationsProps) {
    super(scope, id);
    const { deployment, api, store, units } = props;
    this.#alarms = new Alarms(this, deployment);
    const boot = units.flatMap((unit) => [
      createGrantsFailingAlarm(this.#alarms, unit, api),
      this.#createBehindAlarm(unit, store.bucket.bucketName),
    ]);
    const granted = units.map((unit) => this.#createGrantedAlarm(unit));
    if (deployment.dashboard) {
      this.#createDashboard(props, boot, granted);
    }
  }

  #createDashboard(
    { deployment, api, store, units }: ReplicaOperationsProps,
    boot: readonly cloudwatch.AlarmBase[],
    granted: readonly cloudwatch.AlarmBase[],
  ): void {
    new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: formatDashboardName(this),
      defaultInterval: Duration.hours(12),
      widgets: [
        [
          createTextWidget(
            '# Can a new data plane boot from this region?',
            '**Yes**, with the configuration that was copied last, unless *Grants failing* is red. The latency shows how far this region is behind ' +
              'the first one: usually seconds. The dashboard of the first region shows the revision, when it was last verified, and the ' +
              `alarm *Replication failing*. [Runbook](${deployment.runbookUrl})`,
          ),
        ],
        [
          createAlarmWidget('New data planes can boot', boot, dashboardColumns - thirdOfRow),
          createAlarmWidget('Grants in this region: no alarms', granted, thirdOfRow),
        ],
        [
          createGraph('Behind the first region (s)', [
            new cloudwatch.MathExpression({
              expression: `SEARCH('{AWS/S3,SourceBucket,DestinationBucket,RuleId} MetricName="ReplicationLatency" DestinationBucket="${store.bucket.bucketName}"', 'Maximum')`,
              label: '',
              period: shortPeriod,
            }),
          ]),
          createGraph(
            'Grants issued: only in outages of the first region, and in rehearsals',
            units.map(({ controlPlane }) =>
              createLifeboatMetric(this, controlPlane, 'GrantsIssued', {
                label: controlPlane,
                period: shortPeriod,
              }),
            ),
          ),
          createGraph(
            '4xx of grants (403: IAM)',
            listGrantMetrics(units, api, '4xx', '4xx').map((metric) => metric.with({ period: shortPeriod })),
          ),
        ],
      ],
    });
  }

  #createBehindAlarm({ controlPlane }: GrantUnit, bucket: string): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'Behind', {
      heading: 'Replica behind',
      meaning:
        `Look today. The second region is more than ${longestLatency.toMinutes()} minutes behind the vault for ${controlPlane}: ` +
        'new data planes there get an older configuration.',
      // The metric has the vault's name as a dimension, which is not known here, so a query finds it by the
      // other dimensions (CloudWatch User Guide, "Metrics Insights").
      metric: createMathMetric(
        shortPeriod,
        `SELECT MAX(ReplicationLatency) FROM SCHEMA("AWS/S3", DestinationBucket, RuleId, SourceBucket) WHERE DestinationBucket = '${bucket}' AND RuleId = '${controlPlane}'`,
        {},
      ),
      threshold: longestLatency.toSeconds(),
      // Nobody knows then how far behind it is: of a new bucket, say, that nothing is copied to. That comes
      // with each quiet hour, too, so its end is no news.
      missing: cloudwatch.TreatMissingData.MISSING,
      tells: 'its beginning',
    });
  }

  #createGrantedAlarm({ controlPlane }: GrantUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'Granted', {
      heading: 'Grant in the second region',
      meaning:
        `Act now. The second region gave somebody the configuration of ${controlPlane}, with all its secrets: a data plane that got ` +
        'nothing from the first region, a rehearsal, or a stolen credential.',
      metric: fillWithZeros(
        createLifeboatMetric(this, controlPlane, 'GrantsIssued', { period: shortPeriod }),
      ),
      // One grant is enough to copy the whole configuration, and data planes ask the first region first.
      threshold: 1,
      tells: 'its beginning',
    });
  }
}

function createGraph(title: string, left: cloudwatch.IMetric[]): cloudwatch.IWidget {
  return new cloudwatch.GraphWidget({
    title,
    left,
    leftYAxis: { min: 0, showUnits: false },
    period: shortPeriod,
    width: thirdOfRow,
    height: graphHeight,
  });
}
