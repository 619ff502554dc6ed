import { App, aws_ec2 as ec2, aws_iam as iam, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Lifeboat } from '../../lib/lifeboat.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const stack = new Stack(app, 'PrivateGateway', { terminationProtection: true });

// The control plane's own network. Nothing in it has a way to the internet.
const vpc = new ec2.Vpc(stack, 'Vpc', {
  maxAzs: 2,
  natGateways: 0,
  subnetConfiguration: [{ name: 'private', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
});
vpc.addFlowLog('FlowLog');

const exportGroup = new ec2.SecurityGroup(stack, 'ExportGroup', {
  // CDK's own Vpc is no IVpc to a compiler that is as strict as ours (exactOptionalPropertyTypes).
  vpc: vpc as ec2.IVpc,
  description: 'The export: to the control plane, and to AWS',
  allowAllOutbound: false,
});
exportGroup.addEgressRule(ec2.Peer.ipv4(vpc.vpcCidrBlock), ec2.Port.tcp(8005), 'Control plane');
// To S3 by the gateway endpoint: its addresses are public ones, and no other has a route.
exportGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS');

// What the export calls. Its logs need no endpoint: Lambda takes them outside of the function's network.
const endpoints = {
  Sqs: ec2.InterfaceVpcEndpointAwsService.SQS,
  SecretsManager: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  Kms: ec2.InterfaceVpcEndpointAwsService.KMS,
};
for (const [id, service] of Object.entries(endpoints)) {
  vpc.addInterfaceEndpoint(id, { service, open: false }).connections.allowDefaultPortFrom(exportGroup);
}
const s3Endpoint = vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });

const { vault } = new Lifeboat(stack, 'Lifeboat', {
  controlPlanes: {
    prod: {
      clusterEndpoint: 'kong-cp.internal.example.com:8005',
      dataPlaneVersions: ['3.9.1'],
      vpc: {
        vpcId: vpc.vpcId,
        availabilityZones: vpc.availabilityZones,
        subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
        securityGroupIds: [exportGroup.securityGroupId],
      },
    },
  },
});

// No other bucket can be reached from this network, so nothing can be carried away to one.
s3Endpoint.addToPolicy(
  new iam.PolicyStatement({
    principals: [new iam.AnyPrincipal()],
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:ListBucket'],
    resources: [vault.bucket.bucketArn, vault.bucket.arnForObjects('*')],
  }),
);
