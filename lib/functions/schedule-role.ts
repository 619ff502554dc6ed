import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * The role of a schedule. CDK's own would be a child of the stack and not of Lifeboat, so tags and
 * permissions boundary would not apply to it.
 */
export class ScheduleRole extends iam.Role {
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
    super(scope, id, {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', { conditions: ourSchedules }),
    });
  }
}
