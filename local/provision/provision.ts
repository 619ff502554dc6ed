import {
  creationOrder,
  type Deployment,
  type PhysicalNames,
  resolveProperties,
} from '../../template/resolve.ts';
import type { SynthesizedTemplate } from '../../template/template.ts';
import type { Account } from './account.ts';
import { alarmType } from './alarms.ts';
import { eventInvokeConfigType, functionType, logGroupType, permissionType } from './functions.ts';
import { apiType, integrationType, routeType, stageType } from './http-api.ts';
import { eventSourceType, queueType, scheduleType } from './messages.ts';
import type { ResourceType } from './resource-type.ts';
import { bucketPolicyType, queuePolicyType, rolePolicyType, roleType } from './roles.ts';
import { bucketType, keyType, secretType } from './storage.ts';

/** How each type of resource is provisioned. */
const types: Readonly<Record<string, ResourceType>> = {
  'AWS::ApiGatewayV2::Api': apiType,
  'AWS::ApiGatewayV2::Integration': integrationType,
  'AWS::ApiGatewayV2::Route': routeType,
  'AWS::ApiGatewayV2::Stage': stageType,
  'AWS::CloudWatch::Alarm': alarmType,
  'AWS::IAM::Policy': rolePolicyType,
  'AWS::IAM::Role': roleType,
  'AWS::KMS::Key': keyType,
  'AWS::Lambda::EventInvokeConfig': eventInvokeConfigType,
  'AWS::Lambda::EventSourceMapping': eventSourceType,
  'AWS::Lambda::Function': functionType,
  'AWS::Lambda::Permission': permissionType,
  'AWS::Logs::LogGroup': logGroupType,
  'AWS::S3::Bucket': bucketType,
  'AWS::S3::BucketPolicy': bucketPolicyType,
  'AWS::SQS::Queue': queueType,
  'AWS::SQS::QueuePolicy': queuePolicyType,
  'AWS::Scheduler::Schedule': scheduleType,
  'AWS::SecretsManager::Secret': secretType,
};

/** Types that only watch the system: nothing that runs depends on them. */
const watchers = new Set(['AWS::CloudWatch::Dashboard']);

/**
 * Provisions every resource of a template into an account, in CloudFormation's order. Nothing runs yet.
 *
 * @returns the deployment, by which outputs and policies are resolved
 * @throws Error that names the resource, when its type or one of its properties is not known here
 */
export async function provision(template: SynthesizedTemplate, account: Account): Promise<Deployment> {
  const names = new Map<string, PhysicalNames>();
  const deployment: Deployment = {
    region: account.region,
    accountId: account.accountId,
    namesOf: (logicalId) => names.get(logicalId) ?? { ref: logicalId, arn: '' },
  };
  for (const logicalId of creationOrder(template)) {
    const { Type, Metadata: metadata = {} } = template.Resources[logicalId] ?? { Type: '' };
    if (watchers.has(Type)) {
      continue;
    }
    const type = types[Type];
    if (type === undefined) {
      throw new Error(`${logicalId} is an ${Type}, which the local system does not know`);
    }
    const properties = resolveProperties(template, logicalId, deployment);
    try {
      names.set(logicalId, await type.create(account, { logicalId, properties, metadata }));
    } catch (error) {
      throw new Error(`${logicalId} (${Type}): ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  return deployment;
}
