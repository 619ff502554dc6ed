import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { account, deploy, ofType, twoControlPlanes } from '../deployment.ts';

const boundary = `arn:aws:iam::${account}:policy/boundary`;
const told = deploy({ ...twoControlPlanes, tags: { team: 'gateway' }, permissionsBoundaryArn: boundary });

describe('everything in a deployment', () => {
  it('has the boundary of the settings, where it is a role', () => {
    const bounds = ofType(told, 'AWS::IAM::Role').map(({ properties }) => properties['PermissionsBoundary']);

    expect(bounds).toEqual(Array.from({ length: 10 }, () => boundary));
  });

  it('has the tags of the settings, beside its own', () => {
    for (const type of ['AWS::S3::Bucket', 'AWS::Lambda::Function', 'AWS::IAM::Role', 'AWS::SQS::Queue']) {
      told.template.allResourcesProperties(type, {
        Tags: Match.arrayWith([
          { Key: 'application', Value: 'lifeboat' },
          { Key: 'team', Value: 'gateway' },
        ]),
      });
    }
  });
});
