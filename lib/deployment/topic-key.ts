import { Annotations, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { hasShape } from '../settings/given-constructs.ts';

/**
 * Lets alarms use the key of an encrypted topic, or warns where that key is not the app's to change: the
 * alarm would ring, and nobody would be notified. CDK does not do so itself
 * (https://github.com/aws/aws-cdk/issues/11121).
 *
 * @param topic as the app gave it; of one that is known by its ARN nobody knows the key here
 */
export function letAlarmsUseTopicKey(deployment: Construct, topic: unknown): void {
  const key = hasShape(topic, 'topicArn', 'masterKey') ? topic['masterKey'] : undefined;
  if (!hasShape(key, 'keyArn', 'addToResourcePolicy')) {
    return;
  }
  // CloudWatch asks KMS itself. It does not say which of its alarms that is for, so there is no condition.
  const statement = new iam.PolicyStatement({
    principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    resources: ['*'],
  });
  if (!(key as unknown as IKey).addToResourcePolicy(statement, true).statementAdded) {
    Annotations.of(deployment).addWarningV2(
      'lifeboat:alarmTopicKey',
      `alarms reach nobody unless the policy of the topic’s key has ${JSON.stringify(Stack.of(deployment).resolve(statement.toJSON()))}: it is not this app’s to change. AWS’s own alias/aws/sns cannot have it; encrypt the topic with a key of yours then`,
    );
  }
}
