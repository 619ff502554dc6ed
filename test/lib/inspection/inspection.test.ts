import { describe, expect, it } from '@jest/globals';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as v from 'valibot';
import { inspectEnvironment } from '../../../lambdas/environment/inspect.ts';
import { deploy, environment, one, rights, role, twoControlPlanes } from '../deployment.ts';

const deployment = deploy(twoControlPlanes);

describe('what answers questions', () => {
  it('reads its environment as the function does', () => {
    const variables = environment(one(deployment, 'AWS::Lambda::Function', 'Inspectprod'));

    expect(v.parse(inspectEnvironment, variables)).toMatchObject({
      CONTROL_PLANE: 'prod',
      DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
    });
  });

  it('may read, and neither write nor sign', () => {
    const actions = rights(deployment, role(deployment, 'InspectRole', 'prod')).map(
      (right) => right.split(' ')[1],
    );

    expect(new Set(actions)).toEqual(
      new Set([
        's3:GetObject',
        's3:GetObjectVersion',
        's3:ListBucket',
        's3:ListBucketVersions',
        'kms:Decrypt',
        'kms:GetPublicKey',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
      ]),
    );
  });

  it('is open to the roles that are granted, of one control plane', () => {
    const { stack } = deploy(twoControlPlanes);
    const person = new iam.Role(stack, 'Person', { assumedBy: new iam.AccountRootPrincipal() });

    expect(stack.lifeboat.grantInspect(person, 'prod').success).toBe(true);
    expect(() => stack.lifeboat.grantInspect(person, 'nowhere')).toThrow(
      /there is no control plane "nowhere"/,
    );
  });
});
