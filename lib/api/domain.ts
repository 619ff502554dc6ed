import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { ApiGatewayv2DomainProperties } from 'aws-cdk-lib/aws-route53-targets';
import { Construct } from 'constructs';
import type { DomainSettings } from '../settings/settings.ts';

export interface DomainProps {
  readonly settings: DomainSettings;
  readonly stage: apigateway.CfnStage;
  /** With IPv6 addresses beside those of IPv4, and a record for each. */
  readonly ipv6: boolean;
}

/**
 * A name of the deployer's for the HTTP API. It changes the URL and nothing else: ARNs are those of the API,
 * and a client that signs a request must know the region, which this name does not contain.
 */
export class Domain extends Construct {
  readonly url: string;
  /**
   * Target of the CNAME record where DNS is the deployer's; undefined where the setting names a hosted zone,
   * which gets the record.
   */
  readonly target: string | undefined;

  /** @internal */
  constructor(scope: Construct, id: string, { settings, stage, ipv6 }: DomainProps) {
    super(scope, id);
    const { name, certificateArn, hostedZoneId } = settings;
    const domain = new apigateway.DomainName(this, 'Name', {
      domainName: name,
      certificate: acm.Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: apigateway.EndpointType.REGIONAL,
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
      ...(ipv6 ? { ipAddressType: apigateway.IpAddressType.DUAL_STACK } : {}),
    });
    // L1, as the stage is; its Ref is its name.
    new apigateway.CfnApiMapping(this, 'Mapping', {
      apiId: stage.apiId,
      domainName: domain.name,
      stage: stage.ref,
    });
    if (hostedZoneId !== undefined) {
      const record: route53.ARecordProps = {
        zone: route53.HostedZone.fromHostedZoneId(this, 'Zone', hostedZoneId),
        // The final dot makes it a full name: the zone's name need not be known, and nothing is looked up.
        recordName: `${name}.`,
        target: route53.RecordTarget.fromAlias(
          new ApiGatewayv2DomainProperties(domain.regionalDomainName, domain.regionalHostedZoneId),
        ),
      };
      new route53.ARecord(this, 'Record', record);
      if (ipv6) {
        new route53.AaaaRecord(this, 'Ipv6Record', record);
      }
    }
    this.url = `https://${name}`;
    this.target = hostedZoneId === undefined ? domain.regionalDomainName : undefined;
  }
}
