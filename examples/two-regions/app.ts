import { App, CfnOutput, aws_iam as iam, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Lifeboat, LifeboatReplica } from '../../lib/index.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

// Both stacks name their region: a stack without one cannot be referred to from another region.
const frankfurt = new Stack(app, 'Gateways', {
  terminationProtection: true,
  env: { region: 'eu-central-1' },
});
const ireland = new Stack(app, 'GatewaysIreland', {
  terminationProtection: true,
  env: { region: 'eu-west-1' },
});

const lifeboat = new Lifeboat(frankfurt, 'Lifeboat', {
  controlPlanes: {
    prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1', '3.8.1'] },
  },
});
const replica = new LifeboatReplica(ireland, 'Lifeboat', { lifeboat });

// A role belongs to no region: data planes on EC2 may ask in both, wherever they are.
const dataPlane = new iam.Role(frankfurt, 'DataPlane', {
  assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
});
lifeboat.grantBootstrap(dataPlane, 'prod');
replica.grantBootstrap(dataPlane, 'prod');

new CfnOutput(frankfurt, 'Endpoint', { value: lifeboat.api.url });
new CfnOutput(ireland, 'Endpoint', { value: replica.api.url });
