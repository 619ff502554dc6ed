import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { MissingBundleError } from '../lib/functions/function-bundle.ts';
import { SettingsError } from '../lib/settings/settings.ts';
import { addAppStacks } from './app-stacks.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

try {
  addAppStacks(app, app.node.tryGetContext('lifeboat'));
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof MissingBundleError)) {
    throw error;
  }
  // The message is complete; a stack trace would only hide it.
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
