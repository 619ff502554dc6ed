import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { grantEntries } from '../../../lambdas/environment/grants.ts';
import { account, deploy, environment, ofType, one, region, twoControlPlanes } from '../deployment.ts';

const domain = {
  name: 'lifeboat.example.com',
  certificateArn: `arn:aws:acm:${region}:${account}:certificate/01234567-89ab-cdef-0123-456789abcdef`,
  hostedZoneId: 'Z0123456789ABCDEFGHIJ',
};

describe('a deployment for data planes without IPv4', () => {
  const plain = deploy({ ...twoControlPlanes, domain });
  const both = deploy({ ...twoControlPlanes, domain, ipv6: true });

  it('has an API and a domain with both kinds of addresses', () => {
    both.template.hasResourceProperties('AWS::ApiGatewayV2::Api', { IpAddressType: 'dualstack' });
    plain.template.hasResourceProperties('AWS::ApiGatewayV2::Api', { IpAddressType: Match.absent() });
    expect(one(both, 'AWS::ApiGatewayV2::DomainName').properties).toMatchObject({
      DomainNameConfigurations: [{ IpAddressType: 'dualstack' }],
    });
  });

  it('has a record of each kind for its domain', () => {
    const records = ofType(both, 'AWS::Route53::RecordSet').map(({ properties }) => properties);

    expect(records.map(({ Type }) => Type).sort()).toEqual(['A', 'AAAA']);
    expect(new Set(records.map(({ Type: _, ...others }) => JSON.stringify(others))).size).toBe(1);
    expect(ofType(plain, 'AWS::Route53::RecordSet').map(({ properties }) => properties['Type'])).toEqual([
      'A',
    ]);
  });

  it('gives grants of dual-stack names', () => {
    const givers = ofType(both, 'AWS::Lambda::Function').filter(({ properties }) =>
      JSON.stringify(properties['Environment'] ?? {}).includes('DUAL_STACK'),
    );

    const read = v.object({ DUAL_STACK: grantEntries.DUAL_STACK });
    // Of each control plane what gives grants to data planes, and to people.
    expect(givers.map((giver) => v.parse(read, environment(giver)).DUAL_STACK)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('lets nobody do more or less', () => {
    const rights = (deployment: typeof both) =>
      [
        'AWS::IAM::Policy',
        'AWS::IAM::Role',
        'AWS::S3::BucketPolicy',
        'AWS::KMS::Key',
        'AWS::Lambda::Permission',
      ].map((type) => ofType(deployment, type).map(({ id, properties }) => [id, properties]));

    expect(rights(both)).toEqual(rights(plain));
  });
});
