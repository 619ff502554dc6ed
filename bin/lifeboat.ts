import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { LifeboatStack } from '../lib/lifeboat-stack.ts';
import { parseSettings } from '../lib/settings.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

new LifeboatStack(app, 'Lifeboat', {
  description: 'Keeps the configuration of Kong control planes for data planes that start without them',
  settings: parseSettings(app.node.tryGetContext('lifeboat')),
});
