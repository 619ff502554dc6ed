import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import * as v from 'valibot';
import { LifeboatStack } from '../../lib/lifeboat-stack.ts';
import { parseSettings } from '../../lib/settings.ts';
import { projectRoot } from '../project-root.ts';

const cdkJson = v.object({ context: v.record(v.string(), v.unknown()) });

const template = v.object({
  Resources: v.record(
    v.string(),
    v.object({ Type: v.string(), Properties: v.optional(v.record(v.string(), v.unknown()), {}) }),
  ),
});

export type SynthesizedTemplate = v.InferOutput<typeof template>;

/** The template that these settings deploy, with the feature flags of cdk.json; without bundles, which take their time. */
export function synthesizedTemplate(settings: unknown): SynthesizedTemplate {
  // cdk-nag and the template's own rules are for `npm run synth`.
  process.env['CDK_VALIDATION'] = 'false';
  const { context } = v.parse(cdkJson, JSON.parse(readFileSync(join(projectRoot, 'cdk.json'), 'utf8')));
  const app = new App({ context: { ...context, 'aws:cdk:bundling-stacks': [] } });
  const stack = new LifeboatStack(app, 'Lifeboat', { settings: parseSettings(settings) });
  return v.parse(template, app.synth().getStackByName(stack.stackName).template);
}
