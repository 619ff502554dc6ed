import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { ScheduleRole } from '../functions/schedule-role.ts';
import type { Inspection } from './inspection.ts';

/** What has drills played: one role for all control planes, for a stack with ten has few resources left. */
export class Drills extends Construct {
  readonly #role: ScheduleRole;

  /** @internal */
  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#role = new ScheduleRole(this, 'ScheduleRole');
  }

  /**
   * Asks each hour whether a drill is due (core/drill/due.ts): so the first one comes soon after the first
   * publication, and one that failed is played again in the next hour.
   *
   * @internal
   */
  play(controlPlane: string, { inspector }: Inspection): void {
    const arn = inspector.functionArn;
    this.#role.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [arn] }));
    new scheduler.Schedule(this, controlPlane, {
      description: `Lifeboat: has a new data plane of control plane ${controlPlane} played`,
      schedule: scheduler.ScheduleExpression.rate(Duration.hours(1)),
      // CDK's own target allows all versions of the function, too, and there are none.
      target: {
        bind: () => ({
          arn,
          role: this.#role,
          input: scheduler.ScheduleTargetInput.fromObject({ drill: {} }),
          retryPolicy: {
            maximumRetryAttempts: 0,
            maximumEventAgeInSeconds: Duration.minutes(10).toSeconds(),
          },
        }),
      },
    });
  }
}
