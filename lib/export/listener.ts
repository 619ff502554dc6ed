import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import type { ScheduledRun } from '../../core/listen/relay.ts';
import { type ListenVariables, listenNodeOptions } from '../../lambdas/environment/listen.ts';
import { FunctionRole, LifeboatFunction } from '../functions/function.ts';
import { ScheduleRole } from '../functions/schedule-role.ts';
import type { ControlPlaneSettings, Settings } from '../settings/settings.ts';
import type { Vault } from '../vault/vault.ts';
import { clusterVariables, connectsOverIpv6 } from './cluster-variables.ts';
import type { Export } from './export.ts';

export interface ListenerProps {
  readonly controlPlane: string;
  readonly settings: ControlPlaneSettings;
  readonly deployment: Settings;
  readonly logKey: kms.IKey | undefined;
  readonly vault: Vault;
  /** What it rings at, and whose certificate it comes with. */
  readonly export: Export;
}

// A run ends itself just before the next one is to begin (core/listen/relay.ts), which must be sooner than a
// function's longest time, 15 minutes.
const everyMinutes = 14;
const timeout = Duration.minutes(15);
// The least that there is. A frame is read while it comes, and nothing of it is kept.
const memorySizeMb = 128;

/**
 * Listens to a control plane: connected as a data plane all the time, and rings at the export's queue when a
 * configuration comes. It may read the certificate, read what a proxy needs, and ring, nothing else.
 */
export class Listener extends Construct {
  readonly listener: LifeboatFunction;

  /** @internal */
  constructor(scope: Construct, id: string, props: ListenerProps) {
    super(scope, id);
    const { controlPlane, settings, deployment, logKey, vault, export: unit } = props;
    const role = new FunctionRole(this, 'Role');
    unit.certificateSecret.grantRead(role);
    unit.proxySecret?.grantRead(role);
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'Ring',
        actions: ['sqs:SendMessage'],
        resources: [unit.queue.queueArn],
      }),
    );
    const variables: ListenVariables = {
      CONTROL_PLANE: controlPlane,
      ...clusterVariables(settings, unit.certificateSecret.secretArn),
      DATA_PLANE_VERSIONS: settings.dataPlaneVersions.join(','),
      CUSTOM_PLUGINS: settings.customPlugins.join(','),
      WASM_FILTERS: settings.wasmFilters.join(','),
      MAX_FRAME_MIB: String(settings.maxFrameMiB),
      QUEUE_URL: unit.queue.queueUrl,
      // The bucket's name tells deployments apart. Its content is closed to this function.
      NODE_SEED: `${vault.bucket.bucketName}/${controlPlane}`,
    };
    this.listener = new LifeboatFunction<ListenVariables>(this, 'Function', {
      entry: 'listen',
      environment: variables,
      role,
      nodeOptions: listenNodeOptions,
      timeout,
      memorySizeMb,
      logRetentionDays: deployment.logRetentionDays,
      logKey,
      reservedConcurrency: deployment.reservedConcurrency.listen,
      vpc: settings.vpc,
      ipv6: connectsOverIpv6(settings),
      // A run that fails is made good by the next one. Begun later it would listen beside that.
      unattended: { retryAttempts: 0, maxEventAge: Duration.minutes(1) },
    });
    this.#createSchedule(controlPlane);
  }

  #createSchedule(controlPlane: string): void {
    const role = new ScheduleRole(this, 'ScheduleRole');
    const arn = this.listener.functionArn;
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'Listen',
        actions: ['lambda:InvokeFunction'],
        resources: [arn],
      }),
    );
    const run: ScheduledRun = { at: scheduler.ContextAttribute.scheduledTime, everyMinutes };
    new scheduler.Schedule(this, 'Schedule', {
      description: `Lifeboat: has control plane ${controlPlane} listened to`,
      schedule: scheduler.ScheduleExpression.rate(Duration.minutes(everyMinutes)),
      // CDK's own target allows all versions of the function, too, and there are none.
      target: {
        bind: () => ({
          arn,
          role,
          input: scheduler.ScheduleTargetInput.fromObject(run),
          retryPolicy: {
            maximumRetryAttempts: 0,
            maximumEventAgeInSeconds: Duration.minutes(1).toSeconds(),
          },
        }),
      },
    });
  }
}
