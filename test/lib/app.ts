import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type AppProps } from 'aws-cdk-lib';

const outputs = mkdtempSync(join(tmpdir(), 'lifeboat-apps-'));

/**
 * An app without bundles and without validation. What it writes goes with the run's temporary directory.
 */
export function newApp(context: AppProps['context'] = {}): App {
  process.env['CDK_VALIDATION'] = 'false';
  return new App({
    outdir: mkdtempSync(join(outputs, 'cdk.out')),
    // Nobody reads where a construct was made, and it takes a third of a synthesis.
    treeMetadata: false,
    context: {
      ...context,
      'aws:cdk:disable-asset-staging': true,
      'aws:cdk:disable-stack-trace': true,
    },
  });
}
