import * as iam from 'aws-cdk-lib/aws-iam';
import type { Settings } from '../lib/settings/settings.ts';
import type { Guard } from '../simulators/aws/access.ts';
import { localApiId } from '../simulators/aws/api-gateway.ts';
import type { PolicyDocument } from '../simulators/aws/iam.ts';
import { authorizer } from '../simulators/aws/iam.ts';
import { deployedPolicies } from '../template/deployed-policies.ts';
import type { PhysicalNames } from '../template/resolve.ts';
import { logicalPart, synthesizedTemplate } from '../template/synthesized-stack.ts';
import { resourceId } from '../template/template.ts';

/** What the local system's resources are called. */
export interface LocalResources {
  readonly bucket: string;
  readonly encryptionKeyArn: string;
  readonly signingKeyArn: string;
  readonly queue: { readonly url: string; readonly arn: string };
  readonly hookSecretArn: string;
  readonly certificateSecretArn: string;
  readonly presignFunctionArn: string;
}

/** Names of the roles that the policies are about. */
export interface LocalRoles {
  readonly export: string;
  readonly presign: string;
  readonly webhook: string;
  readonly schedule: string;
  /** A data plane's, which may ask for grants of this control plane and nothing else. */
  readonly dataPlane: string;
  /** Who has AdministratorAccess in the account. */
  readonly administrator: string;
}

/** Puts the policies that a deployment with these settings would have into force for the local resources. */
export function policiesInForce(
  settings: Settings,
  controlPlane: string,
  resources: LocalResources,
  { region, accountId }: { readonly region: string; readonly accountId: string },
): { readonly guard: Guard; readonly roles: LocalRoles } {
  const template = synthesizedTemplate(settings, (stack) => {
    const role = new iam.Role(stack, 'DataPlane', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });
    stack.lifeboat.grantBootstrap(role, controlPlane);
    stack.lifeboat.grantInvoke(role, controlPlane);
  });
  const unit = logicalPart(controlPlane);
  const id = (type: string, start: string) => resourceId(template, type, start);
  const names = new Map<string, PhysicalNames>([
    [id('AWS::ApiGatewayV2::Api', 'ApiHttpApi'), { ref: localApiId, arn: '' }],
    [
      id('AWS::S3::Bucket', 'VaultBucket'),
      { ref: resources.bucket, arn: `arn:aws:s3:::${resources.bucket}` },
    ],
    [id('AWS::KMS::Key', 'VaultEncryptionKey'), keyNames(resources.encryptionKeyArn)],
    [id('AWS::KMS::Key', 'VaultSigningKey'), keyNames(resources.signingKeyArn)],
    [id('AWS::SQS::Queue', `Export${unit}Queue`), { ref: resources.queue.url, arn: resources.queue.arn }],
    [
      id('AWS::SecretsManager::Secret', `Export${unit}HookSecret`),
      { ref: resources.hookSecretArn, arn: resources.hookSecretArn },
    ],
    [
      id('AWS::SecretsManager::Secret', `Export${unit}ClusterCertificate`),
      { ref: resources.certificateSecretArn, arn: resources.certificateSecretArn },
    ],
    [
      id('AWS::Lambda::Function', `Presign${unit}Function`),
      { ref: resources.presignFunctionArn, arn: resources.presignFunctionArn },
    ],
  ]);
  const policies = deployedPolicies(template, {
    region,
    accountId,
    namesOf: (logicalId, type) =>
      names.get(logicalId) ?? {
        ref: logicalId,
        arn:
          type === 'AWS::IAM::Role'
            ? `arn:aws:iam::${accountId}:role/${logicalId}`
            : `arn:aws:local:${region}:${accountId}:${logicalId}`,
      },
  });
  const roles: LocalRoles = {
    export: id('AWS::IAM::Role', `ExportRole${unit}`),
    presign: id('AWS::IAM::Role', `PresignRole${unit}`),
    webhook: id('AWS::IAM::Role', 'IntakeRole'),
    schedule: id('AWS::IAM::Role', `Export${unit}ScheduleRole`),
    dataPlane: id('AWS::IAM::Role', 'DataPlane'),
    administrator: 'administrator',
  };
  const authorize = authorizer({
    policies,
    accountId,
    others: new Map([[`arn:aws:iam::${accountId}:role/${roles.administrator}`, everything]]),
  });
  return {
    roles,
    async guard(principalArn, { action, resourceArn, context }) {
      const { allowed, reason } = await authorize({ principalArn, action, resourceArn, context });
      return allowed ? undefined : reason;
    },
  };
}

function keyNames(arn: string): PhysicalNames {
  return { ref: arn.split('/')[1] ?? '', arn };
}

const everything: readonly PolicyDocument[] = [
  { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
];
