import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { LifeboatStack } from '../lib/deployment/lifeboat-stack.ts';
import { MissingBundleError } from '../lib/functions/function-bundle.ts';
import { LifeboatReplicaStack } from '../lib/replica/lifeboat-replica-stack.ts';
import { parseAppSettings, SettingsError } from '../lib/settings/settings.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

try {
  const { region, replica, deployment } = parseAppSettings(app.node.tryGetContext('lifeboat'));
  const { lifeboat } = new LifeboatStack(app, 'Lifeboat', {
    description: 'Keeps the configuration of Kong control planes for data planes that start without them',
    ...(region === undefined ? {} : { env: { region } }),
    settings: deployment,
  });
  if (replica !== undefined) {
    const { region: secondRegion, ...replicaSettings } = replica;
    new LifeboatReplicaStack(app, 'LifeboatReplica', {
      description: 'Keeps a copy of Lifeboat’s files in a second region',
      env: { region: secondRegion },
      settings: { lifeboat, ...replicaSettings },
    });
  }
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof MissingBundleError)) {
    throw error;
  }
  // The message is complete; a stack trace would only hide it.
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
