import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { WebhookVariables } from '../../lambdas/environment/webhook.ts';
import type { Api } from '../api/api.ts';
import type { Export } from '../export/export.ts';
import { FunctionRole, LifeboatFunction } from '../functions/function.ts';
import type { Settings } from '../settings/settings.ts';

export interface IntakeProps {
  readonly deployment: Settings;
  readonly logKey: kms.IKey | undefined;
  readonly api: Api;
  /** By the name of their control plane. */
  readonly exports: ReadonlyMap<string, Export>;
}

/**
 * Takes the event hooks of all control planes. It may read the secrets that sign them and send messages to
 * the queues, nothing else.
 */
export class Intake extends Construct {
  readonly webhook: LifeboatFunction;

  constructor(scope: Construct, id: string, { deployment, logKey, api, exports }: IntakeProps) {
    super(scope, id);
    const role = new FunctionRole(this, 'Role');
    const units = [...exports.entries()];
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'AskForExports',
        actions: ['sqs:SendMessage'],
        resources: units.map(([, { queue }]) => queue.queueArn),
      }),
    );
    for (const [, { hookSecret }] of units) {
      hookSecret.grantRead(role);
    }
    const targets = Object.fromEntries(
      units.map(([name, { queue, hookSecret }]) => [
        name,
        { queueUrl: queue.queueUrl, secretId: hookSecret.secretArn },
      ]),
    );
    const variables: WebhookVariables = {
      CONTROL_PLANES: this.#toJson(targets),
      COALESCING_WINDOW_SECONDS: String(deployment.coalescingWindowSeconds),
      ACCEPT_SHA1: String(deployment.acceptSha1) as WebhookVariables['ACCEPT_SHA1'],
    };
    this.webhook = new LifeboatFunction<WebhookVariables>(this, 'Function', {
      entry: 'webhook',
      environment: variables,
      role,
      // A hook is acknowledged in milliseconds; Kong itself gives up after a minute.
      timeout: Duration.seconds(10),
      memorySizeMb: 256,
      logRetentionDays: deployment.logRetentionDays,
      logKey,
      reservedConcurrency: deployment.reservedConcurrency.webhook,
    });
    api.addHookRoutes([...exports.keys()], this.webhook.function);
  }

  /** URLs and ARNs are known only when the stack is deployed. */
  #toJson(value: object): string {
    return Stack.of(this).toJsonString(value);
  }
}
