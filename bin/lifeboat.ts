import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { LifeboatStack } from '../lib/lifeboat-stack.ts';
import { parseSettings, SettingsError } from '../lib/settings.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

try {
  new LifeboatStack(app, 'Lifeboat', {
    description: 'Keeps the configuration of Kong control planes for data planes that start without them',
    settings: parseSettings(app.node.tryGetContext('lifeboat')),
  });
} catch (error) {
  if (!(error instanceof SettingsError)) {
    throw error;
  }
  // The sentences say it all: a stack trace below them would only hide them.
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
