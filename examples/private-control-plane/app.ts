import { App, aws_ec2 as ec2, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Lifeboat } from '../../lib/index.ts';

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
  // With exactOptionalPropertyTypes the compiler does not take CDK's Vpc for an IVpc.
  vpc: vpc as ec2.IVpc,
  description: 'The export: to the control plane, and to AWS',
  allowAllOutbound: false,
});
exportGroup.addEgressRule(ec2.Peer.ipv4(vpc.vpcCidrBlock), ec2.Port.tcp(8005), 'Control plane');
// To S3 by the gateway endpoint: S3's addresses are public, and no other public address has a route.
exportGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS');

new Lifeboat(stack, 'Lifeboat', {
  controlPlanes: {
    prod: {
      clusterEndpoint: 'kong-cp.internal.example.com:8005',
      dataPlaneVersions: ['3.9.1'],
      vpc: {
        vpcId: vpc.vpcId,
        availabilityZones: vpc.availabilityZones,
        subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
        securityGroupIds: [exportGroup.securityGroupId],
        // Only what the export calls. No other bucket can be reached from here, so nothing can be copied out
        // to one.
        endpoints: { routeTableIds: vpc.isolatedSubnets.map(({ routeTable }) => routeTable.routeTableId) },
      },
    },
  },
});
