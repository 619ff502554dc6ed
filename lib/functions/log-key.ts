import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { formatVendedLogPrefix } from '../conventions/deployment-name.ts';
import { formatServiceHost } from './function.ts';

/**
 * Encrypts the log groups. The vault's key cannot: its policy admits only Lifeboat's roles, not CloudWatch.
 */
export class LogKey extends kms.Key {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      description: 'Lifeboat: encrypts logs',
      enableKeyRotation: true,
      // Logs go with the stack, and nothing else is encrypted with it.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS". A log group is made
    // after its key, so it is not named here; the patterns match the prefix of all names that CloudFormation
    // makes in this stack, and of those that are delivered by AWS.
    const { stackName } = Stack.of(this);
    const ourLogGroups = [`${stackName}-*`, `${formatVendedLogPrefix(this)}*`].map((resourceName) =>
      Stack.of(this).formatArn({
        service: 'logs',
        resource: 'log-group',
        resourceName,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    );
    this.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'LogsOfThisStack',
        principals: [new iam.ServicePrincipal(formatServiceHost(this, 'logs'))],
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': ourLogGroups } },
      }),
    );
  }
}
