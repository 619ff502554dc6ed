import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { LifeboatStack } from '../../lib/index.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

new LifeboatStack(app, 'Lifeboat', {
  settings: {
    controlPlanes: {
      prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] },
    },
  },
});
