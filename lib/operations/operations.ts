import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { maxTries } from '../../core/export/export-batch.ts';
import { certificateToldDays } from '../../core/export/measurements.ts';
import type { MetricName } from '../../lambdas/telemetry.ts';
import type { Api } from '../api/api.ts';
import { formatDashboardName } from '../conventions/deployment-name.ts';
import type { Intake } from '../intake/intake.ts';
import type { Settings } from '../settings/settings.ts';
import {
  Alarms,
  createDrillAlarm,
  createGrantsFailingAlarm,
  createMathMetric,
  fillWithZeros,
  shortPeriod,
} from './alarms.ts';
import { Dashboard } from './dashboard.ts';
import { createLifeboatMetric } from './metrics.ts';
import type { WatchedUnit } from './watched-unit.ts';

export interface OperationsProps {
  readonly deployment: Settings;
  readonly api: Api;
  readonly intake: Intake;
  readonly units: readonly WatchedUnit[];
}

// Time to issue a certificate, and to be asked for it in a weekly meeting.
const certificateWarningDays = 14;
// Long enough for two runs of a listener, each of which may begin a minute late.
const listeningMinutes = 15;
// A day in all. Each is long enough that an outage of the control plane, in which no file is found pinned,
// does not begin the day anew.
const pinnedPeriod = Duration.hours(6);
const pinnedPeriods = 4;

/**
 * Alarms and dashboard. An alarm asks a person to act. What strangers can cause by sending requests to the
 * API is only on the dashboard. Each alarm has a section of the same name in docs/runbook.md.
 */
export class Operations extends Construct {
  readonly #deployment: Settings;
  readonly #alarms: Alarms;
  /** In this time an export runs without any hook, even if one scheduled message is lost. */
  readonly #watch: Duration;

  constructor(scope: Construct, id: string, { deployment, api, intake, units }: OperationsProps) {
    super(scope, id);
    this.#deployment = deployment;
    this.#alarms = new Alarms(this, deployment);
    // Three scheduled exports: one may be lost and one may be late. The design promises 15 minutes where the
    // schedule allows it.
    this.#watch = Duration.minutes(Math.max(15, 3 * deployment.scheduleMinutes));

    const alarms = units.map((unit) => ({
      boot: [
        ...this.#createFreshnessAlarms(unit),
        this.#createVersionWithoutFileAlarm(unit),
        this.#createVersionNotServedAlarm(unit),
        createGrantsFailingAlarm(this.#alarms, unit, api),
        ...createDrillAlarm(this.#alarms, this, unit),
      ],
      pipeline: [
        this.#createHeldAlarm(unit),
        this.#createPinnedAlarm(unit),
        ...this.#createPipelineAlarms(unit),
        ...(unit.listener === undefined ? [] : [this.#createNotListeningAlarm(unit)]),
      ],
      keys: deployment.signingKeys.length > 1 ? [this.#createKeyMissingAlarm(unit)] : [],
      theft: [this.#createForeignObjectAlarm(unit), this.#createGrantWhileHealthyAlarm(unit)],
    }));
    const webhookFailing = this.#createWebhookFailingAlarm(intake);
    if (deployment.dashboard) {
      new Dashboard(this, 'Dashboard', {
        name: formatDashboardName(this),
        deployment,
        api,
        intake,
        units,
        watch: this.#watch,
        bootAlarms: alarms.flatMap(({ boot }) => boot),
        pipelineAlarms: [...alarms.flatMap(({ pipeline, keys }) => [...pipeline, ...keys]), webhookFailing],
        theftAlarms: alarms.flatMap(({ theft }) => theft),
      });
    }
  }

  /** No file verified, and what excuses it: an unreachable control plane. */
  #createFreshnessAlarms({ controlPlane }: WatchedUnit): readonly cloudwatch.AlarmBase[] {
    const minutes = this.#watch.toMinutes();
    const unreachable = this.#alarms.make(controlPlane, 'Unreachable', {
      heading: 'Control plane unreachable',
      meaning:
        `Look today. Exports cannot connect to control plane ${controlPlane}. If it is down, Lifeboat is doing its work: new data planes ` +
        'boot from the vault; call the people who run the control plane. If it is up, the connection from the export to it is broken.',
      metric: this.#count(controlPlane, 'ControlPlaneUnreachable', this.#watch),
      // One message has maxTries tries within some minutes. One more means that the next message failed as
      // well, so it is more than a restart.
      threshold: maxTries + 1,
    });
    // Not "Nothing verified", as a composite alarm was called: CloudFormation makes this one before it
    // deletes that one, and CloudWatch takes a name once.
    const unverified = this.#alarms.make(controlPlane, 'Unverified', {
      heading: 'No file verified',
      meaning:
        `Act now. New data planes of ${controlPlane} could boot with a configuration older than ${minutes} minutes: no export has ` +
        'published or verified one, and an unreachable control plane is not the reason.',
      // How often it was told: an outage tells a zero, and a failed export nothing. One published or verified
      // file shows that the whole pipeline works; a single failing version has an alarm of its own.
      metric: this.#count(controlPlane, 'Verified', this.#watch, cloudwatch.Stats.SAMPLE_COUNT),
      threshold: 1,
      below: true,
      // A function that does not run at all writes no metric, and then the alarm must begin.
      missing: cloudwatch.TreatMissingData.BREACHING,
    });
    return [unverified, unreachable];
  }

  #createVersionWithoutFileAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'VersionWithoutFile', {
      heading: 'Data plane version without a file',
      meaning:
        `Look today, and at once if the control plane is down. The vault has no file for a data-plane version that is configured ` +
        `for ${controlPlane}: data planes of this version cannot boot from the vault.`,
      metric: this.#count(controlPlane, 'VersionsWithoutFile', this.#watch, cloudwatch.Stats.SAMPLE_COUNT),
      // The first export of a new version may fail with all of its tries.
      threshold: 2,
    });
  }

  #createVersionNotServedAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'VersionNotServed', {
      heading: 'Data plane version not served',
      meaning:
        `Look today. Control plane ${controlPlane} cannot serve a data-plane version that is configured: its file in the vault stays ` +
        'as it is, or there is none. The other versions are not affected.',
      // Told once a control plane had time to be upgraded node by node (core/export/measurements.ts).
      metric: this.#count(controlPlane, 'VersionsNotServed', this.#watch),
      threshold: 1,
    });
  }

  #createHeldAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'Held', {
      heading: 'Configuration held',
      meaning:
        `Act now. Control plane ${controlPlane} serves a configuration that people can hardly have meant: of another database, or with most of ` +
        'it gone. It is not published, and no later change is, until somebody has looked.',
      // Long enough that there is a check in it, so that it does not end between two of them.
      metric: this.#count(controlPlane, 'Held', this.#watch),
      threshold: 1,
    });
  }

  #createPinnedAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'Pinned', {
      heading: 'Configuration pinned',
      meaning:
        `Look today. An operator has rolled back a file of ${controlPlane} a day ago or longer, and it is still pinned: no change is ` +
        'published for this data-plane version until somebody unpins it.',
      metric: this.#count(controlPlane, 'Pinned', pinnedPeriod),
      // In each of them a check has found it pinned.
      threshold: 1,
      periods: pinnedPeriods,
    });
  }

  /** What can keep changes out of the vault. */
  #createPipelineAlarms(unit: WatchedUnit): readonly cloudwatch.AlarmBase[] {
    const { controlPlane } = unit;
    const { exporter, queue, deadLetterQueue } = unit.export;
    return [
      this.#alarms.make(controlPlane, 'ExportFailing', {
        heading: 'Export failing',
        meaning:
          `Act now. Changes of ${controlPlane} do not reach the vault: two exports have given up after ${maxTries} tries each. New data ` +
          'planes boot with the last good configuration.',
        metric: this.#count(controlPlane, 'ExportFailed', this.#watch),
        // After a single failure the next scheduled export catches up.
        threshold: 2,
      }),
      this.#alarms.make(controlPlane, 'ExportCrashing', {
        heading: 'Export function crashing',
        meaning:
          `Act now. The export function of ${controlPlane} crashes, exceeds its time limit, or is throttled: changes do not reach ` +
          'the vault.',
        metric: createMathMetric(this.#watch, 'FILL(errors, 0) + FILL(throttles, 0)', {
          errors: exporter.function.metricErrors({ statistic: cloudwatch.Stats.SUM }),
          throttles: exporter.function.metricThrottles({ statistic: cloudwatch.Stats.SUM }),
        }),
        // One or two can be a container that died; its messages come back after 150 s (lib/export/export.ts).
        threshold: 3,
      }),
      this.#alarms.make(controlPlane, 'ChangesWaiting', {
        heading: 'Changes waiting in the queue',
        meaning:
          `Look today. An export of ${controlPlane} was asked for more than 15 minutes ago and has not been done: the queue is not ` +
          'being emptied, or each try takes its whole time.',
        metric: queue.metricApproximateAgeOfOldestMessage({
          statistic: cloudwatch.Stats.MAXIMUM,
          period: shortPeriod,
        }),
        // Five tries of 110 s and the backoff between them are 10.5 minutes (core/export/export-batch.ts):
        // then the function drops the message.
        threshold: Duration.minutes(15).toSeconds(),
      }),
      this.#alarms.make(controlPlane, 'DeadLetters', {
        heading: 'Dead letters',
        meaning:
          `Look today. The queue of ${controlPlane} had messages that no export could read. No change is lost, because each export ` +
          'reads the whole configuration. But only the webhook, the schedule and your own people may write there.',
        metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
          statistic: cloudwatch.Stats.MAXIMUM,
          period: shortPeriod,
        }),
        // None is expected.
        threshold: 1,
      }),
      this.#createNotVersionedAlarm(unit),
      this.#createCertificateEndingAlarm(unit),
    ];
  }

  #createKeyMissingAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'KeyMissing', {
      heading: 'Signing key missing',
      meaning:
        `Look today. Exports of ${controlPlane} cannot ask KMS for one of the signingKeys that sign nothing now: what that key has signed ` +
        'is neither known as ours nor replaced as foreign.',
      metric: this.#count(controlPlane, 'SigningKeysMissing', this.#watch, cloudwatch.Stats.SAMPLE_COUNT),
      // KMS may fail to answer once.
      threshold: 2,
    });
  }

  #createCertificateEndingAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'CertificateEnding', {
      heading: 'Cluster certificate ending',
      meaning:
        `Look today. The cluster certificate with which the export connects to control plane ${controlPlane} ends within ` +
        `${certificateWarningDays} days. After that no change reaches the vault.`,
      // Not told while it is good for longer.
      metric: createMathMetric(this.#watch, `FILL(daysLeft, ${certificateToldDays})`, {
        daysLeft: createLifeboatMetric(this, controlPlane, 'CertificateDaysLeft', {
          statistic: cloudwatch.Stats.MINIMUM,
        }),
      }),
      threshold: certificateWarningDays,
      below: true,
    });
  }

  /** An outage of the control plane has an alarm of its own. */
  #createNotListeningAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    const { scheduleMinutes } = this.#deployment;
    const period = Duration.minutes(Math.max(listeningMinutes, scheduleMinutes + shortPeriod.toMinutes()));
    return this.#alarms.make(controlPlane, 'NotListening', {
      heading: 'Not listening',
      meaning:
        `Look today. For half of the last ${period.toMinutes()} minutes or more the listener had no connection on which ${controlPlane} sent ` +
        `a configuration, though exports reach it. Without event hooks changes reach the vault up to ${scheduleMinutes} minutes late.`,
      // An outage makes up for the seconds. What one of two series lacks counts as zero (CloudWatch User
      // Guide, "Basic arithmetic functions").
      metric: createMathMetric(
        period,
        `FILL(listening, 0) + IF(FILL(verified, 1) < 1, ${period.toSeconds() / 2}, 0)`,
        {
          // Seconds, told each minute.
          listening: createLifeboatMetric(this, controlPlane, 'Listening'),
          verified: this.#leastVerified(controlPlane),
        },
      ),
      threshold: period.toSeconds() / 2,
      below: true,
      // A function that does not run at all writes no metric.
      missing: cloudwatch.TreatMissingData.BREACHING,
    });
  }

  #createForeignObjectAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'ForeignObject', {
      heading: 'Foreign object replaced',
      meaning:
        `Act now. Among the files of ${controlPlane} there was one that our key had not signed. Data planes refuse such a file, and ` +
        'the export has replaced it; but somebody who must not can write to the vault.',
      metric: this.#count(controlPlane, 'ManifestReplaced', shortPeriod),
      // Each one is a breach.
      threshold: 1,
      // No notification of its end: the repaired file does not end the breach.
      tells: 'its beginning',
    });
  }

  #createNotVersionedAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    return this.#alarms.make(controlPlane, 'NotVersioned', {
      heading: 'Bucket keeps no versions',
      meaning:
        `Act now. Versioning of the vault's bucket is suspended, so that each write would destroy the revision before it. Changes of ` +
        `${controlPlane} are not published until it is on again; new data planes boot with the last good configuration.`,
      // Long enough that there is a check in it.
      metric: this.#count(controlPlane, 'NotVersioned', this.#watch),
      // Only a person suspends it.
      threshold: 1,
    });
  }

  #createGrantWhileHealthyAlarm({ controlPlane }: WatchedUnit): cloudwatch.AlarmBase {
    // Long enough that an export runs in the same period.
    const sameTime = Duration.minutes(Math.max(shortPeriod.toMinutes(), this.#deployment.scheduleMinutes));
    return this.#alarms.make(controlPlane, 'GrantWhileHealthy', {
      heading: 'Grant while the control plane is healthy',
      meaning:
        `Act now. Somebody was given the configuration of ${controlPlane}, with all its secrets, while the control plane was up: a data ` +
        'plane that cannot reach it, a rehearsal, or a stolen credential.',
      metric: createMathMetric(sameTime, 'IF(FILL(granted, 0) > 0 AND FILL(verified, 0) >= 1, 1, 0)', {
        granted: createLifeboatMetric(this, controlPlane, 'GrantsIssued'),
        verified: this.#leastVerified(controlPlane),
      }),
      // One grant is enough to copy the whole configuration.
      threshold: 1,
      tells: 'its beginning',
    });
  }

  /** A metric that is told only where there is something to tell. By default its sum. */
  #count(
    controlPlane: string,
    name: MetricName,
    period: Duration,
    statistic: string = cloudwatch.Stats.SUM,
  ): cloudwatch.IMetric {
    return fillWithZeros(createLifeboatMetric(this, controlPlane, name, { period, statistic }));
  }

  /** At least one where an export has found the control plane serving, and none has found it away. */
  #leastVerified(controlPlane: string): cloudwatch.IMetric {
    return createLifeboatMetric(this, controlPlane, 'Verified', { statistic: cloudwatch.Stats.MINIMUM });
  }

  #createWebhookFailingAlarm({ webhook }: Intake): cloudwatch.AlarmBase {
    return this.#alarms.make(undefined, 'WebhookFailing', {
      heading: 'Webhook failing',
      meaning:
        `Look today. The webhook function fails for valid hooks: changes reach the vault with the schedule only, up to ` +
        `${this.#deployment.scheduleMinutes} minutes late.`,
      // Errors of the function itself: requests of strangers are answered, and throttled.
      metric: createMathMetric(Duration.minutes(15), 'FILL(errors, 0)', {
        errors: webhook.function.metricErrors({ statistic: cloudwatch.Stats.SUM }),
      }),
      // One or two can be a short failure of SQS or Secrets Manager; the schedule catches up.
      threshold: 3,
    });
  }
}
