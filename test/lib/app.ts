import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { App, type AppProps } from 'aws-cdk-lib';

let outputs: string | undefined;

afterAll(() => {
  if (outputs !== undefined) {
    rmSync(outputs, { recursive: true, force: true });
  }
});

/**
 * An app without bundles and without validation. What it writes goes when the test file ends: CDK itself
 * leaves it behind.
 */
export function newApp(context: AppProps['context'] = {}): App {
  process.env['CDK_VALIDATION'] = 'false';
  outputs ??= mkdtempSync(join(tmpdir(), 'lifeboat-apps-'));
  return new App({
    outdir: mkdtempSync(join(outputs, 'cdk.out')),
    context: { ...context, 'aws:cdk:disable-asset-staging': true },
  });
}
