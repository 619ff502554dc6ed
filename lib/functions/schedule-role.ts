import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * The role of a schedule. CDK's own would be a child of the stack and not of Lifeboat, so tags and
 * permissions boundary would not apply to it. What it may do stands in the role itself: a policy of its own
 * would be one more resource of each control plane, and a stack has room for so many.
 */
export class ScheduleRole extends iam.Role {
  readonly #policy: iam.PolicyDocument;

  constructor(scope: Construct, id: string) {
    const { account } = Stack.of(scope);
    // Only schedules of this account (EventBridge Scheduler User Guide, "Confused deputy prevention").
    const ourSchedules = {
      StringEquals: {
        'aws:SourceAccount': account,
        'aws:SourceArn': Stack.of(scope).formatArn({
          service: 'scheduler',
          resource: 'schedule-group',
          resourceName: 'default',
          arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
        }),
      },
    };
    const policy = new iam.PolicyDocument();
    super(scope, id, {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', { conditions: ourSchedules }),
      inlinePolicies: { Schedule: policy },
    });
    this.#policy = policy;
  }

  override addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    this.#policy.addStatements(statement);
    return { statementAdded: true, policyDependable: this };
  }
}
