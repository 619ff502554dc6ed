import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { VpcSettings } from '../settings/settings.ts';
import type { Vault } from '../vault/vault.ts';
import type { Export, ReadableSecret } from './export.ts';

/** An export in a network, and who may call from it. */
export interface PrivateExport {
  readonly export: Export;
  readonly securityGroupIds: readonly string[];
}

export interface PrivateEndpointsProps {
  /** Where the endpoints stand. */
  readonly network: VpcSettings;
  /** Of the network's subnets, in the same order: they get the way to S3. */
  readonly routeTableIds: readonly string[];
  /** All exports in this network, also those whose settings do not ask for endpoints. */
  readonly exports: readonly PrivateExport[];
  readonly vault: Vault;
}

/**
 * Connects a network without internet access to AWS: interface endpoints for SQS (the queue), Secrets Manager
 * (the certificate, what a proxy needs) and KMS (the signature), a gateway endpoint for S3. Each is open to
 * the exports' security groups, and for what they call there alone, so that nothing can be copied to another
 * bucket or queue. Logs need no endpoint: Lambda takes them outside of the function's network.
 */
export class PrivateEndpoints extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { network, routeTableIds, exports, vault }: PrivateEndpointsProps,
  ) {
    super(scope, id);
    const { vpcId, availabilityZones, subnetIds } = network;
    const vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', { vpcId, availabilityZones });
    const subnets = subnetIds.map((subnetId, index) =>
      ec2.Subnet.fromSubnetAttributes(this, `Subnet${index}`, {
        subnetId,
        ...attributeAt('availabilityZone', availabilityZones, index),
        ...attributeAt('routeTableId', routeTableIds, index),
      }),
    );
    const group = new ec2.SecurityGroup(this, 'Group', {
      vpc,
      description: 'Lifeboat: exports to AWS',
      allowAllOutbound: false,
    });
    for (const caller of new Set(exports.flatMap(({ securityGroupIds }) => securityGroupIds))) {
      group.addIngressRule(ec2.Peer.securityGroupId(caller), ec2.Port.tcp(443), 'Exports');
    }

    const addEndpoint = (
      name: string,
      service: ec2.IInterfaceVpcEndpointService,
      ...statements: readonly iam.PolicyStatement[]
    ) => {
      const endpoint = new ec2.InterfaceVpcEndpoint(this, name, {
        vpc,
        service,
        subnets: { subnets },
        securityGroups: [group],
        open: false,
      });
      for (const statement of statements) {
        endpoint.addToPolicy(statement);
      }
    };
    const services = ec2.InterfaceVpcEndpointAwsService;
    const units = exports.map(({ export: unit }) => unit);
    addEndpoint(
      'Sqs',
      services.SQS,
      // Lambda itself takes the messages; the function puts back what it has not done, and sends what
      // operators and listeners ask for.
      allowEverybody(
        ['sqs:ChangeMessageVisibility', 'sqs:SendMessage'],
        units.map(({ queue }) => queue.queueArn),
      ),
    );
    addEndpoint(
      'SecretsManager',
      services.SECRETS_MANAGER,
      allowEverybody(
        ['secretsmanager:GetSecretValue'],
        units.flatMap(({ certificateSecret, proxySecret }) =>
          [certificateSecret, proxySecret].flatMap((secret) => (secret ? [formatArn(secret)] : [])),
        ),
      ),
    );
    // S3 itself calls KMS to encrypt and decrypt.
    addEndpoint(
      'Kms',
      services.KMS,
      allowEverybody(['kms:Sign', 'kms:GetPublicKey'], [vault.signingKey.keyArn]),
      ...(vault.furtherSigningKeyArns.length === 0
        ? []
        : [allowEverybody(['kms:GetPublicKey'], vault.furtherSigningKeyArns)]),
    );
    new ec2.GatewayVpcEndpoint(this, 'S3', {
      vpc,
      service: ec2.GatewayVpcEndpointAwsService.S3,
      subnets: [{ subnets }],
    }).addToPolicy(
      allowEverybody(
        [
          's3:GetObject',
          's3:GetObjectVersion',
          's3:PutObject',
          's3:PutObjectRetention',
          's3:ListBucket',
          's3:ListBucketVersions',
          's3:GetBucketVersioning',
        ],
        [vault.bucket.bucketArn, vault.bucket.arnForObjects('*')],
      ),
    );
  }
}

/** Of one that is known by its name Secrets Manager appends six characters to the ARN. */
function formatArn({ secretArn, secretFullArn }: ReadableSecret): string {
  return secretFullArn ?? `${secretArn}-??????`;
}

/** The roles' own policies say who may do this; the endpoint's policy limits the resources. */
function allowEverybody(actions: readonly string[], resources: readonly string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({
    principals: [new iam.AnyPrincipal()],
    actions: [...actions],
    resources: [...resources],
  });
}

function attributeAt<Name extends string>(name: Name, values: readonly string[], index: number) {
  const value = values[index];
  return value === undefined ? {} : ({ [name]: value } as Record<Name, string>);
}
