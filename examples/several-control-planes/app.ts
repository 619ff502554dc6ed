import { App, CfnOutput, aws_iam as iam, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Lifeboat } from '../../lib/index.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const stack = new Stack(app, 'Gateways', { terminationProtection: true });

const lifeboat = new Lifeboat(stack, 'Lifeboat', {
  controlPlanes: {
    prod: {
      clusterEndpoint: 'kong-cp.example.com:8005',
      dataPlaneVersions: ['3.9.1', '3.8.1'],
      // Data planes of that account assume a role of this one.
      readerRoleTrust: ['444455556666'],
    },
    staging: { clusterEndpoint: 'kong-staging.example.com:8005', dataPlaneVersions: ['3.9.1'] },
  },
});

// Data planes of this account have a role for each control plane. Each role gets the files of its own control
// plane.
for (const controlPlane of lifeboat.units.keys()) {
  const role = new iam.Role(stack, `DataPlane-${controlPlane}`, {
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
  });
  lifeboat.grantBootstrap(role, controlPlane);
}

for (const { controlPlane, grantUrl, readerRole } of lifeboat.units.values()) {
  new CfnOutput(stack, `GrantUrl${controlPlane}`, { value: grantUrl });
  if (readerRole !== undefined) {
    new CfnOutput(stack, `ReaderRole${controlPlane}`, { value: readerRole.roleArn });
  }
}
