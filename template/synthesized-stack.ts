import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { acknowledge } from '../lib/conventions/acknowledge.ts';
import { LifeboatStack } from '../lib/deployment/lifeboat-stack.ts';
import type { LifeboatReplicaProps } from '../lib/replica/lifeboat-replica.ts';
import { LifeboatReplicaStack } from '../lib/replica/lifeboat-replica-stack.ts';
import type { Settings } from '../lib/settings/settings.ts';
import { readCdkContext } from './cdk-context.ts';
import { type SynthesizedTemplate, templateSchema } from './template.ts';

/**
 * The template that these settings deploy, with the feature flags of cdk.json; without bundles, which take
 * their time.
 *
 * @param extend - what the deployer adds to the stack
 */
export function synthesizedTemplate(
  settings: Settings,
  extend: (stack: LifeboatStack) => void = () => undefined,
): SynthesizedTemplate {
  return synthesize((app, templateOf) => {
    const stack = new LifeboatStack(app, 'Lifeboat', { settings });
    extend(stack);
    return templateOf(stack);
  });
}

/** Where a vault and its replica are. */
export interface Regions {
  readonly first: string;
  readonly second: string;
}

/** The same of a deployment with a replica: its own template, and the replica's. */
export function synthesizedTemplates(
  settings: Settings,
  { first, second }: Regions,
  extend: (stack: LifeboatStack, replica: LifeboatReplicaStack) => void,
): { readonly template: SynthesizedTemplate; readonly replica: SynthesizedTemplate } {
  return withStacks(settings, { first, second }, {}, (stack, replica, templateOf) => {
    extend(stack, replica);
    return { template: templateOf(stack), replica: templateOf(replica) };
  });
}

/**
 * Makes the stacks of a deployment with a replica, for as long as they are looked at.
 *
 * @param use - `templateOf` synthesizes, which refuses what AWS would refuse; the constructs are there before
 */
export function withStacks<Result>(
  settings: Settings,
  { first, second }: Regions,
  replicaSettings: Omit<LifeboatReplicaProps, 'lifeboat'>,
  use: (
    stack: LifeboatStack,
    replica: LifeboatReplicaStack,
    templateOf: (stack: Stack) => SynthesizedTemplate,
  ) => Result,
): Result {
  return synthesize((app, templateOf) => {
    const stack = new LifeboatStack(app, 'Lifeboat', { settings, env: { region: first } });
    const replica = new LifeboatReplicaStack(app, 'LifeboatReplica', {
      settings: { lifeboat: stack.lifeboat, ...replicaSettings },
      env: { region: second },
    });
    return use(stack, replica, templateOf);
  });
}

function synthesize<Result>(
  make: (app: App, templateOf: (stack: Stack) => SynthesizedTemplate) => Result,
): Result {
  // cdk-nag and the template's own rules are for `npm run synth`.
  process.env['CDK_VALIDATION'] = 'false';
  const context = readCdkContext(join(projectRoot, 'cdk.json'));
  const outdir = mkdtempSync(join(tmpdir(), 'lifeboat-synth-'));
  try {
    const app = new App({
      outdir,
      // Nobody reads where a construct was made, and it takes a third of a synthesis.
      treeMetadata: false,
      context: {
        ...context,
        'aws:cdk:disable-stack-trace': true,
        'aws:cdk:disable-asset-staging': true,
        // As the CDK CLI has it: a function's metadata say where its code is.
        'aws:cdk:enable-asset-metadata': true,
      },
    });
    acknowledgeSilence(app);
    return make(app, ({ stackName }) =>
      v.parse(templateSchema, app.synth().getStackByName(stackName).template),
    );
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** A template that nobody deploys needs no topic and no runbook. */
export function acknowledgeSilence(app: App): void {
  for (const id of ['alarmsNotifyNobody', 'placeholderRunbook']) {
    acknowledge(app, `Annotation::lifeboat:${id}`, 'Nobody deploys this.');
  }
}
