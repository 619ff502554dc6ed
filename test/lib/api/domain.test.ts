import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { account, deploy, ofType, one, region, twoControlPlanes } from '../deployment.ts';

describe('a domain for the API', () => {
  const certificateArn = `arn:aws:acm:${region}:${account}:certificate/01234567-89ab-cdef-0123-456789abcdef`;
  const name = 'lifeboat.example.com';
  const withDomain = (domain: object) =>
    deploy({ ...twoControlPlanes, domain: { name, certificateArn, ...domain } });
  const zoned = withDomain({ hostedZoneId: 'Z0123456789ABCDEFGHIJ' });
  const api = one(zoned, 'AWS::ApiGatewayV2::Api').id;

  it('takes TLS 1.2 with its certificate, in the region, and leads to the one stage', () => {
    expect(one(zoned, 'AWS::ApiGatewayV2::DomainName').properties).toMatchObject({
      DomainName: name,
      DomainNameConfigurations: [
        { CertificateArn: certificateArn, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
      ],
    });
    expect(one(zoned, 'AWS::ApiGatewayV2::ApiMapping').properties).toEqual({
      ApiId: api,
      DomainName: one(zoned, 'AWS::ApiGatewayV2::DomainName').id,
      Stage: one(zoned, 'AWS::ApiGatewayV2::Stage').id,
    });
  });

  it('is the base of every URL, and of no ARN', () => {
    expect(zoned.outputs).toMatchObject({
      ApiUrl: `https://${name}`,
      WebhookUrlprod: `https://${name}/control-planes/prod/events`,
      GrantUrlstaging: `https://${name}/control-planes/staging/fallback-config`,
      GrantArnprod: `arn:aws:execute-api:${region}:${account}:${api}/$default/GET/control-planes/prod/fallback-config`,
    });
  });

  it('has its record in the zone that is named', () => {
    const domainName = one(zoned, 'AWS::ApiGatewayV2::DomainName').id;

    expect(one(zoned, 'AWS::Route53::RecordSet').properties).toMatchObject({
      HostedZoneId: 'Z0123456789ABCDEFGHIJ',
      Name: `${name}.`,
      Type: 'A',
      AliasTarget: {
        DNSName: `https://${domainName}.RegionalDomainName`,
        HostedZoneId: `https://${domainName}.RegionalHostedZoneId`,
      },
    });
    expect(zoned.outputs).not.toHaveProperty('DomainTarget');
  });

  it('without a zone says what it has to lead to', () => {
    const unzoned = withDomain({});

    expect(ofType(unzoned, 'AWS::Route53::RecordSet')).toEqual([]);
    expect(unzoned.outputs['DomainTarget']).toMatch(/\.RegionalDomainName$/);
  });

  it('leaves the name of API Gateway open, unless it is told to close it', () => {
    const closed = withDomain({ disableDefaultEndpoint: true });

    zoned.template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      DisableExecuteApiEndpoint: Match.absent(),
    });
    closed.template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
    expect(zoned.outputs['DefaultApiUrl']).toBe(`https://${api}.ApiEndpoint`);
    expect(closed.outputs).not.toHaveProperty('DefaultApiUrl');
  });
});
