import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { SqsSendMessage } from 'aws-cdk-lib/aws-scheduler-targets';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Operator } from '../../core/export/operators.ts';
import { type ExportVariables, formatGuard, listOperator } from '../../lambdas/environment/export.ts';
import type { Api } from '../api/api.ts';
import { acknowledge } from '../conventions/acknowledge.ts';
import { type FunctionRole, LifeboatFunction } from '../functions/function.ts';
import { ScheduleRole } from '../functions/schedule-role.ts';
import type { ControlPlaneSettings, Settings } from '../settings/settings.ts';
import type { Vault } from '../vault/vault.ts';
import { vaultVariables } from '../vault/vault-variables.ts';
import { clusterVariables, connectsOverIpv6 } from './cluster-variables.ts';

export interface ExportProps {
  readonly controlPlane: string;
  readonly settings: ControlPlaneSettings;
  /** Those of the deployer that were given as constructs. */
  readonly secrets: GivenSecrets;
  readonly deployment: Settings;
  readonly logKey: kms.IKey | undefined;
  readonly vault: Vault;
  readonly api: Api;
  readonly role: FunctionRole;
}

// Enough for a settle time, a frame of some hundred MB and a second try. The function stops itself 10 s
// before.
const timeout = Duration.seconds(120);
// Only messages that cannot be read come so far: the function itself drops readable ones after fewer tries.
const maxReceiveCount = 10;

/** A secret of the stack, or of the deployer. */
export interface ReadableSecret extends Pick<secretsmanager.ISecret, 'secretArn' | 'grantRead'> {
  /** With the six characters that Secrets Manager appends; undefined of one that is known by its name. */
  readonly secretFullArn?: string | undefined;
}

/** Secrets of one control plane that were given as constructs: their own grants know their keys. */
export interface GivenSecrets {
  readonly clusterCertificateSecret?: ReadableSecret | undefined;
  readonly proxySecret?: ReadableSecret | undefined;
  readonly eventHookSecret?: ReadableSecret | undefined;
}

/** What keeps one control plane's files fresh: its queue, its export function, its schedule, its secrets. */
export class Export extends Construct {
  readonly queue: sqs.IQueue;
  readonly deadLetterQueue: sqs.IQueue;
  readonly exporter: LifeboatFunction;
  readonly hookSecret: ReadableSecret;
  readonly certificateSecret: ReadableSecret;
  /** What the forward proxy needs, if there is one. */
  readonly proxySecret: ReadableSecret | undefined;
  readonly #operators: Operator[];

  /** @internal */
  constructor(scope: Construct, id: string, props: ExportProps) {
    super(scope, id);
    const { controlPlane, settings, secrets, deployment, logKey, vault, api, role } = props;
    const deadLetterQueue = new sqs.Queue(this, 'DeadLetters', {
      fifo: true,
      enforceSSL: true,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      retentionPeriod: Duration.days(14),
    });
    const queue = new sqs.Queue(this, 'Queue', {
      fifo: true,
      enforceSSL: true,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      // The schedule's messages carry no deduplication id; the scheduled time in their bodies keeps them
      // apart.
      contentBasedDeduplication: true,
      // A message becomes visible after all hooks of its window have arrived.
      deliveryDelay: Duration.seconds(deployment.coalescingWindowSeconds + 1),
      visibilityTimeout: timeout.plus(Duration.seconds(30)),
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount },
    });
    this.queue = queue;
    this.deadLetterQueue = deadLetterQueue;
    this.hookSecret = secrets.eventHookSecret ?? this.#createHookSecret(controlPlane, settings);
    this.certificateSecret =
      secrets.clusterCertificateSecret ?? this.#createCertificateSecret(controlPlane, settings);
    this.certificateSecret.grantRead(role);
    this.proxySecret =
      settings.proxySecretArn === undefined
        ? undefined
        : (secrets.proxySecret ??
          secretsmanager.Secret.fromSecretCompleteArn(this, 'ProxySecret', settings.proxySecretArn));
    this.proxySecret?.grantRead(role);
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'AskForExportByCommand',
        actions: ['sqs:SendMessage'],
        resources: [queue.queueArn],
      }),
    );
    this.#operators = settings.operatorRoleArns.map((arn) => ({ arn, commands: undefined }));

    const variables: ExportVariables = {
      CONTROL_PLANE: controlPlane,
      ...clusterVariables(settings, this.certificateSecret.secretArn),
      DATA_PLANE_VERSIONS: settings.dataPlaneVersions.join(','),
      CUSTOM_PLUGINS: settings.customPlugins.join(','),
      WASM_FILTERS: settings.wasmFilters.join(','),
      MAX_FRAME_MIB: String(settings.maxFrameMiB),
      ...vaultVariables(vault, deployment),
      OBJECT_LOCK_DAYS: String(deployment.objectLockDays),
      QUEUE_URL: queue.queueUrl,
      // Roles may be allowed until the app is synthesized.
      OPERATORS: Lazy.string({
        produce: () => Stack.of(this).toJsonString(this.#operators.map(listOperator)),
      }),
      SETTLE_SECONDS: String(deployment.settleSeconds),
      CLOCK_TOLERANCE_SECONDS: String(deployment.clockToleranceSeconds),
      SCHEDULE_MINUTES: String(deployment.scheduleMinutes),
      MINIMUM_INTERVAL_SECONDS: String(deployment.minimumIntervalSeconds),
      GUARD: formatGuard(settings.guard),
    };
    const exporter = new LifeboatFunction<ExportVariables>(this, 'Function', {
      entry: 'export',
      environment: variables,
      role,
      timeout,
      memorySizeMb: settings.memoryMiB,
      logRetentionDays: deployment.logRetentionDays,
      logKey,
      reservedConcurrency: deployment.reservedConcurrency.export,
      vpc: settings.vpc,
      ipv6: connectsOverIpv6(settings),
    });
    this.exporter = exporter;
    // Grants ReceiveMessage, DeleteMessage and ChangeMessageVisibility, all of which the function needs.
    exporter.function.addEventSource(
      new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true }),
    );
    this.#createSchedule(controlPlane, deployment, queue);
    api.addCommandRoute(controlPlane, exporter.function);
  }

  /**
   * Lets the function follow an operator's commands, when they have come as far as the function.
   *
   * @internal
   */
  allowOperator(operator: Operator): void {
    this.#operators.push(operator);
  }

  #createHookSecret(controlPlane: string, { eventHookSecretArn }: ControlPlaneSettings): ReadableSecret {
    if (eventHookSecretArn !== undefined) {
      return secretsmanager.Secret.fromSecretCompleteArn(this, 'HookSecret', eventHookSecretArn);
    }
    const secret = new secretsmanager.Secret(this, 'HookSecret', {
      description: `Lifeboat: signs the event hooks of control plane ${controlPlane} (config.secret of the hook)`,
      // Only letters and digits, so that it survives every shell and configuration file.
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
    });
    acknowledge(
      secret,
      'AwsSolutions-SMG4',
      'It is rotated together with the event hook in Kong; see the README.',
    );
    return secret;
  }

  #createCertificateSecret(
    controlPlane: string,
    { clusterCertificateSecretArn }: ControlPlaneSettings,
  ): ReadableSecret {
    if (clusterCertificateSecretArn !== undefined) {
      return secretsmanager.Secret.fromSecretCompleteArn(
        this,
        'ClusterCertificate',
        clusterCertificateSecretArn,
      );
    }
    const secret = new secretsmanager.Secret(this, 'ClusterCertificate', {
      description: `Lifeboat: a data plane's cluster certificate for control plane ${controlPlane}: {"certificate", "key", "ca"?}, PEM`,
      // A form to fill in after the first deployment. Until then the export logs that it is empty.
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ certificate: '', key: '' }),
        generateStringKey: 'unused',
      },
    });
    acknowledge(
      secret,
      'AwsSolutions-SMG4',
      'Its issuer renews the certificate: the control plane’s own CA or operator.',
    );
    return secret;
  }

  #createSchedule(controlPlane: string, { scheduleMinutes }: Settings, queue: sqs.IQueue): void {
    new scheduler.Schedule(this, 'Schedule', {
      description: `Lifeboat: asks for exports of control plane ${controlPlane}, with or without hooks`,
      schedule: scheduler.ScheduleExpression.rate(Duration.minutes(scheduleMinutes)),
      // Also allows the role to send to this queue.
      target: new SqsSendMessage(queue, {
        role: new ScheduleRole(this, 'ScheduleRole'),
        messageGroupId: controlPlane,
        input: scheduler.ScheduleTargetInput.fromObject({
          command: 'export',
          version: 1,
          cause: 'schedule',
          at: scheduler.ContextAttribute.scheduledTime,
        }),
        // A ring that is missed is made good by the next one.
        retryAttempts: 0,
      }),
    });
  }
}
