import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { maxTries } from '../../core/export/export-batch.ts';
import type { Api } from '../api/api.ts';
import { formatDeploymentName } from '../conventions/deployment-name.ts';
import type { Intake } from '../intake/intake.ts';
import type { Settings } from '../settings/settings.ts';
import { Alarms, createGrantsFailingAlarm, createMathMetric, shortPeriod } from './alarms.ts';
import { Dashboard } from './dashboard.ts';
import { lifeboatMetric } from './metrics.ts';
import type { WatchedUnit } from './watched-unit.ts';

export interface OperationsProps {
  readonly deployment: Settings;
  readonly api: Api;
  readonly intake: Intake;
  readonly units: readonly WatchedUnit[];
}

/**
 * Alarms and dashboard. An alarm is what a person must do something about; what strangers can cause by sending things to the API is on the
 * dashboard alone. Each alarm's section in docs/runbook.md has its name.
 */
export class Operations extends Construct {
  readonly #deployment: Settings;
  readonly #alarms: Alarms;
  /** In this time an export runs without any hook, even if one ring of the schedule is lost. */
  readonly #watch: Duration;

  constructor(scope: Construct, id: string, { deployment, api, intake, units }: OperationsProps) {
    super(scope, id);
    this.#deployment = deployment;
    this.#alarms = new Alarms(this, deployment);
    // Any three rings of the schedule: one may be lost and one may be late. The design promises 15 minutes where the schedule allows it.
    this.#watch = Duration.minutes(Math.max(15, 3 * deployment.scheduleMinutes));

    const alarms = units.map((unit) => ({
      boot: [
        ...this.#createFreshnessAlarms(unit),
        this.#createVersionWithoutFileAlarm(unit),
        createGrantsFailingAlarm(this.#alarms, unit, api),
      ],
      pipeline: this.#createPipelineAlarms(unit),
      theft: [this.#createForeignObjectAlarm(unit), this.#createGrantWhileHealthyAlarm(unit)],
    }));
    const webhookFailing = this.#createWebhookFailingAlarm(intake);
    new Dashboard(this, 'Dashboard', {
      name: formatDeploymentName(this),
      deployment,
      api,
      intake,
      units,
      watch: this.#watch,
      bootAlarms: alarms.flatMap(({ boot }) => boot),
      pipelineAlarms: [...alarms.flatMap(({ pipeline }) => pipeline), webhookFailing],
      theftAlarms: alarms.flatMap(({ theft }) => theft),
    });
  }

  /** Nothing verified, and the reason for it that is nobody's fault here: then only its own, milder alarm tells anybody. */
  #createFreshnessAlarms({ controlPlane }: WatchedUnit): readonly cloudwatch.AlarmBase[] {
    const minutes = this.#watch.toMinutes();
    const unreachable = this.#alarms.make(controlPlane, 'Unreachable', {
      heading: 'Control plane unreachable',
      meaning:
        `Look today. Exports cannot connect to control plane ${controlPlane}. If it is down, Lifeboat is doing its work: new data planes ` +
        'boot from the vault; call the people who run the control plane. If it is up, the connection from the export to it is broken.',
      metric: createMathMetric(this.#watch, 'FILL(unreachable, 0)', {
        unreachable: lifeboatMetric(controlPlane, 'ControlPlaneUnreachable'),
      }),
      // One message is tried so often within some minutes; more means that the next one failed as well, so it is no restart. Filled with
      // zeros, for this alarm silences another: if nobody looks any more, it must end.
      threshold: maxTries + 1,
    });
    const nothingVerified = this.#alarms.make(controlPlane, 'NothingVerified', {
      heading: 'Nothing verified, outages included',
      meaning:
        `For the dashboard; it notifies nobody. No export of ${controlPlane} has published or verified a configuration for ` +
        `${minutes} minutes, for any reason.`,
      metric: createMathMetric(this.#watch, 'FILL(published, 0) + FILL(unchanged, 0)', {
        published: lifeboatMetric(controlPlane, 'Published'),
        unchanged: lifeboatMetric(controlPlane, 'Unchanged'),
      }),
      // One file that was published or verified says that the whole way works; versions that fail alone have alarms of their own.
      threshold: 1,
      below: true,
      // A function that does not run at all measures nothing: just then it matters.
      missing: cloudwatch.TreatMissingData.BREACHING,
      tells: 'nobody',
    });
    const heading = 'Nothing verified';
    const unexplained = new cloudwatch.CompositeAlarm(this, `NothingVerifiedUnexplained-${controlPlane}`, {
      compositeAlarmName: this.#alarms.name(heading, controlPlane),
      alarmDescription: this.#alarms.description({
        heading,
        meaning:
          `Act now. New data planes of ${controlPlane} could boot with a configuration older than ${minutes} minutes: no export has ` +
          'published or verified one, and an unreachable control plane is not the reason.',
      }),
      alarmRule: cloudwatch.AlarmRule.fromAlarm(nothingVerified, cloudwatch.AlarmState.ALARM),
      actionsSuppressor: unreachable,
      // Both look at the same minutes, and the other one mostly begins earlier.
      actionsSuppressorWaitPeriod: Duration.minutes(2),
      // After an outage, the time for the schedule to ring, and for an export.
      actionsSuppressorExtensionPeriod: Duration.minutes(this.#deployment.scheduleMinutes).plus(shortPeriod),
    });
    this.#alarms.tell(unexplained, true);
    return [nothingVerified, unexplained, unreachable];
  }

  #createVersionWithoutFileAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'VersionWithoutFile', {
      heading: 'Data plane version without a file',
      meaning:
        `Look today, and at once if the control plane is down. The vault has no file for a data-plane version that is configured ` +
        `for ${controlPlane}: data planes of this version cannot boot from the vault.`,
      metric: lifeboatMetric(controlPlane, 'VersionsWithoutFile', {
        // In all exports of that time: the first one of a new version may fail once.
        statistic: cloudwatch.Stats.MINIMUM,
        period: this.#watch,
      }),
      threshold: 1,
    });
  }

  /** What keeps changes from the vault, nearest to the control plane first. */
  #createPipelineAlarms({ controlPlane, export: unit }: WatchedUnit): readonly cloudwatch.AlarmBase[] {
    const { function: exporter } = unit.exporter;
    return [
      this.#alarms.make(controlPlane, 'ExportFailing', {
        heading: 'Export failing',
        meaning:
          `Act now. Changes of ${controlPlane} do not reach the vault: two exports have given up after ${maxTries} tries each. New data ` +
          'planes boot with the last good configuration.',
        metric: lifeboatMetric(controlPlane, 'ExportFailed', { period: this.#watch }),
        // One is made good by the next ring of the schedule.
        threshold: 2,
      }),
      this.#alarms.make(controlPlane, 'ExportCrashing', {
        heading: 'Export function crashing',
        meaning:
          `Act now. The export function of ${controlPlane} crashes, exceeds its time limit, or is throttled: changes do not reach ` +
          'the vault.',
        metric: createMathMetric(this.#watch, 'FILL(errors, 0) + FILL(throttles, 0)', {
          errors: exporter.metricErrors({ statistic: cloudwatch.Stats.SUM }),
          throttles: exporter.metricThrottles({ statistic: cloudwatch.Stats.SUM }),
        }),
        // One or two are a container that died; its messages come back after 150 s (lib/export/export.ts), and go through then.
        threshold: 3,
      }),
      this.#alarms.make(controlPlane, 'ChangesWaiting', {
        heading: 'Changes waiting in the queue',
        meaning:
          `Look today. An export of ${controlPlane} was asked for more than 15 minutes ago and has not been done: the queue is not ` +
          'being emptied, or each try takes its whole time.',
        metric: unit.queue.metricApproximateAgeOfOldestMessage({
          statistic: cloudwatch.Stats.MAXIMUM,
          period: shortPeriod,
        }),
        // Five tries of 110 s and the backoff between them are 10.5 minutes (core/export/export-batch.ts): then a message is let go.
        threshold: Duration.minutes(15).toSeconds(),
      }),
      this.#alarms.make(controlPlane, 'DeadLetters', {
        heading: 'Dead letters',
        meaning:
          `Look today. The queue of ${controlPlane} had messages that no export could read. No change is lost, because each export ` +
          'reads the whole configuration. But only the webhook, the schedule and your own people may write there.',
        metric: unit.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
          statistic: cloudwatch.Stats.MAXIMUM,
          period: shortPeriod,
        }),
        // None is to be expected.
        threshold: 1,
      }),
    ];
  }

  #createForeignObjectAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'ForeignObject', {
      heading: 'Foreign object replaced',
      meaning:
        `Act now. Among the files of ${controlPlane} there was one that our key had not signed. Data planes refuse such a file, and ` +
        'the export has replaced it; but somebody who must not can write to the vault.',
      metric: lifeboatMetric(controlPlane, 'ManifestReplaced', { period: shortPeriod }),
      // Each one is a breach.
      threshold: 1,
      // It is not over because it was repaired.
      tells: 'its beginning',
    });
  }

  #createGrantWhileHealthyAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    // So long that an export has looked, too.
    const sameTime = Duration.minutes(Math.max(shortPeriod.toMinutes(), this.#deployment.scheduleMinutes));
    return this.#alarms.make(controlPlane, 'GrantWhileHealthy', {
      heading: 'Grant while the control plane is healthy',
      meaning:
        `Act now. Somebody was given the configuration of ${controlPlane}, with all its secrets, while the control plane was up: a data ` +
        'plane that cannot reach it, a rehearsal, or a stolen credential.',
      metric: createMathMetric(
        sameTime,
        'IF(FILL(granted, 0) > 0 AND FILL(published, 0) + FILL(unchanged, 0) >= 1 AND FILL(unreachable, 0) == 0, 1, 0)',
        {
          granted: lifeboatMetric(controlPlane, 'GrantsIssued'),
          published: lifeboatMetric(controlPlane, 'Published'),
          unchanged: lifeboatMetric(controlPlane, 'Unchanged'),
          unreachable: lifeboatMetric(controlPlane, 'ControlPlaneUnreachable'),
        },
      ),
      // One is enough to carry everything away.
      threshold: 1,
      tells: 'its beginning',
    });
  }

  #createWebhookFailingAlarm({ webhook }: Intake): cloudwatch.AlarmBase {
    return this.#alarms.make(undefined, 'WebhookFailing', {
      heading: 'Webhook failing',
      meaning:
        `Look today. The webhook function fails for valid hooks: changes reach the vault with the schedule only, up to ` +
        `${this.#deployment.scheduleMinutes} minutes late.`,
      // Errors of the function itself: what a stranger sends is answered, and a flood of it is throttled.
      metric: createMathMetric(Duration.minutes(15), 'FILL(errors, 0)', {
        errors: webhook.function.metricErrors({ statistic: cloudwatch.Stats.SUM }),
      }),
      // One or two are a hiccup of SQS or Secrets Manager, which the schedule makes good.
      threshold: 3,
    });
  }
}
