import * as v from 'valibot';
import type { DeployedPolicies, PolicyDocument } from '../simulators/aws/iam.ts';
import { type Deployment, resolveProperties } from './resolve.ts';
import type { SynthesizedTemplate } from './template.ts';

const document = v.object({ Version: v.optional(v.string()), Statement: v.array(v.unknown()) });
const rolePolicy = v.object({ Roles: v.array(v.string()), PolicyDocument: document });
const role = v.object({
  AssumeRolePolicyDocument: document,
  Policies: v.optional(v.array(v.object({ PolicyDocument: document })), []),
});
const bucketPolicy = v.object({ Bucket: v.string(), PolicyDocument: document });
const queuePolicy = v.object({ Queues: v.array(v.string()), PolicyDocument: document });
const keyPolicy = v.object({ KeyPolicy: document });

const policyHolders = new Set([
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::KMS::Key',
]);

/** Collects the policies of a template, with every reference in them replaced by the name it stands for. */
export function deployedPolicies(template: SynthesizedTemplate, deployment: Deployment): DeployedPolicies {
  const { Resources } = template;
  const ofRoles = new Map<string, PolicyDocument[]>();
  const ofResources = new Map<string, PolicyDocument>();
  const arnOfRef = new Map(
    Object.entries(Resources).map(([id, { Type }]) => {
      const { ref, arn } = deployment.namesOf(id, Type);
      return [ref, arn];
    }),
  );
  const addToRole = (arn: string, policy: PolicyDocument) =>
    ofRoles.set(arn, [...(ofRoles.get(arn) ?? []), policy]);

  for (const [id, { Type }] of Object.entries(Resources)) {
    if (!policyHolders.has(Type)) {
      continue;
    }
    const properties = resolveProperties(template, id, deployment);
    const { arn } = deployment.namesOf(id, Type);
    if (Type === 'AWS::IAM::Policy') {
      const { Roles, PolicyDocument } = v.parse(rolePolicy, properties);
      for (const name of Roles) {
        addToRole(arnOfRef.get(name) ?? name, PolicyDocument);
      }
    } else if (Type === 'AWS::IAM::Role') {
      const { AssumeRolePolicyDocument, Policies } = v.parse(role, properties);
      ofResources.set(arn, AssumeRolePolicyDocument);
      for (const { PolicyDocument } of Policies) {
        addToRole(arn, PolicyDocument);
      }
    } else if (Type === 'AWS::S3::BucketPolicy') {
      const { Bucket, PolicyDocument } = v.parse(bucketPolicy, properties);
      ofResources.set(arnOfRef.get(Bucket) ?? Bucket, PolicyDocument);
    } else if (Type === 'AWS::SQS::QueuePolicy') {
      const { Queues, PolicyDocument } = v.parse(queuePolicy, properties);
      for (const queue of Queues) {
        ofResources.set(arnOfRef.get(queue) ?? queue, PolicyDocument);
      }
    } else if (Type === 'AWS::KMS::Key') {
      ofResources.set(arn, v.parse(keyPolicy, properties).KeyPolicy);
    }
  }
  return { ofRoles, ofResources };
}
