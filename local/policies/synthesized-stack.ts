import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import * as v from 'valibot';
import { LifeboatStack } from '../../lib/lifeboat-stack.ts';
import type { Settings } from '../../lib/settings.ts';
import { projectRoot } from '../project-root.ts';

const cdkJson = v.object({ context: v.record(v.string(), v.unknown()) });

const template = v.object({
  Resources: v.record(
    v.string(),
    v.object({ Type: v.string(), Properties: v.optional(v.record(v.string(), v.unknown()), {}) }),
  ),
  Outputs: v.record(v.string(), v.object({ Value: v.unknown() })),
});

export type SynthesizedTemplate = v.InferOutput<typeof template>;

/**
 * Logical id of the one resource of a type whose id begins so.
 *
 * @throws Error when there is none, or more than one
 */
export function resourceId({ Resources }: SynthesizedTemplate, type: string, start: string): string {
  const [id, ...more] = Object.entries(Resources)
    .filter(([logicalId, resource]) => resource.Type === type && logicalId.startsWith(start))
    .map(([logicalId]) => logicalId);
  if (id === undefined || more.length > 0) {
    throw new Error(`the template has no one ${type} whose id begins with ${start}`);
  }
  return id;
}

/** A control plane's name as it stands in logical ids, which have letters and digits only. */
export function logicalPart(controlPlane: string): string {
  return controlPlane.replaceAll('-', '');
}

/**
 * The template that these settings deploy, with the feature flags of cdk.json; without bundles, which take their time.
 *
 * @param extend - what the deployer adds to the stack
 */
export function synthesizedTemplate(
  settings: Settings,
  extend: (stack: LifeboatStack) => void = () => undefined,
): SynthesizedTemplate {
  // cdk-nag and the template's own rules are for `npm run synth`.
  process.env['CDK_VALIDATION'] = 'false';
  const { context } = v.parse(cdkJson, JSON.parse(readFileSync(join(projectRoot, 'cdk.json'), 'utf8')));
  const outdir = mkdtempSync(join(tmpdir(), 'lifeboat-synth-'));
  try {
    const app = new App({ outdir, context: { ...context, 'aws:cdk:bundling-stacks': [] } });
    const stack = new LifeboatStack(app, 'Lifeboat', { settings });
    extend(stack);
    return v.parse(template, app.synth().getStackByName(stack.stackName).template);
  } finally {
    rmSync(outdir, { recursive: true });
  }
}
