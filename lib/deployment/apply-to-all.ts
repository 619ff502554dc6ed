import { Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Settings } from '../settings/settings.ts';

/** Applies tags and permissions boundary to everything in a deployment. */
export function applyToAll(
  deployment: Construct,
  { tags, permissionsBoundaryArn }: Pick<Settings, 'tags' | 'permissionsBoundaryArn'>,
): void {
  for (const [key, value] of Object.entries({ ...tags, application: 'lifeboat' })) {
    Tags.of(deployment).add(key, value);
  }
  if (permissionsBoundaryArn !== undefined) {
    const boundary = iam.ManagedPolicy.fromManagedPolicyArn(deployment, 'Boundary', permissionsBoundaryArn);
    iam.PermissionsBoundary.of(deployment).apply(boundary);
  }
}
