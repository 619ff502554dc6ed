/** The templates that are looked at: of each example, and of deployments with whatever a setting can add. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';
import { replicaWithEverything, turnEverythingOn } from '../../bench/everything-on.ts';
import { projectRoot } from '../../build/project-root.ts';
import { parseSettings } from '../../lib/settings/settings.ts';
import { matrixTemplate, type Variant } from '../../policy/deployment.ts';
import { readCdkContext } from '../../template/cdk-context.ts';
import { synthesizedTemplate, withStacks } from '../../template/synthesized-stack.ts';
import { type SynthesizedTemplate, templateSchema } from '../../template/template.ts';

type NamedTemplate = readonly [name: string, template: SynthesizedTemplate];
/** Templates by the name that findings give them. */
export type NamedTemplates = ReadonlyMap<string, SynthesizedTemplate>;

const examples = [
  'minimal',
  'private-control-plane',
  'several-control-planes',
  'two-regions',
  'data-plane/ecs',
] as const;

/** Synthesizes them all, without bundles and cdk-nag. Examples are run as CDK's command line runs them. */
export async function synthesizeDeployments(): Promise<NamedTemplates> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-templates-'));
  const before = { ...process.env };
  try {
    const ofExamples: NamedTemplate[] = [];
    for (const example of examples) {
      ofExamples.push(...(await synthesizeExample(example, join(folder, example.replace('/', '-')))));
    }
    // With an output folder in the environment each app that is made later would write there, too.
    process.env = before;
    return new Map([...ofExamples, ...ofVariants()]);
  } finally {
    process.env = before;
    await rm(folder, { recursive: true, force: true });
  }
}

/** In this process, because to load the CDK takes longer than an example. */
async function synthesizeExample(
  example: (typeof examples)[number],
  output: string,
): Promise<readonly NamedTemplate[]> {
  const home = join(projectRoot, 'examples', example);
  const context = readCdkContext(join(home, 'cdk.json'));
  // An app reads its variables when it is made, and is synthesized when there is nothing else to do.
  Object.assign(process.env, {
    CDK_OUTDIR: output,
    CDK_CONTEXT_JSON: JSON.stringify({ ...context, 'aws:cdk:disable-asset-staging': true }),
    CDK_VALIDATION: 'false',
  });
  await import(pathToFileURL(join(home, 'app.ts')).href);
  process.emit('beforeExit', 0);
  const files = (await readdir(output)).filter((name) => name.endsWith('.template.json'));
  return Promise.all(
    files.map(
      async (name): Promise<NamedTemplate> => [
        `example ${example}, ${name.replace('.template.json', '')}`,
        v.parse(templateSchema, JSON.parse(await readFile(join(output, name), 'utf8'))),
      ],
    ),
  );
}

const variants: Readonly<Record<string, Variant>> = {
  'as the policies are proved': {},
  'with lockdown': { lockdown: true },
  'with an encryption key of the deployer’s': { existingKey: true },
  'after changes of keys': { changedKeys: true },
  'with locked versions': { objectLock: true },
  'with cluster certificates': { clusterCertificate: true },
  'with a replica': { replica: true },
};

function ofVariants(): readonly NamedTemplate[] {
  const proved = Object.entries(variants).flatMap(([name, variant]) => {
    const { replica, ...template } = matrixTemplate(variant);
    return replica === undefined
      ? [[name, template] as const]
      : [[name, template] as const, [`${name}, the second region`, replica] as const];
  });
  return [...proved, ...withEverything(), ['with adopted parts', adopting()]];
}

function withEverything(): readonly NamedTemplate[] {
  return withStacks(
    turnEverythingOn(1),
    { first: 'us-east-1', second: 'us-west-2' },
    replicaWithEverything,
    (stack, replica, templateOf) => [
      ['with everything on', templateOf(stack)],
      ['with everything on, the second region', templateOf(replica)],
    ],
  );
}

/** What a deleted stack has left, taken over. */
function adopting(): SynthesizedTemplate {
  const keyArn = (digit: number) =>
    `arn:aws:kms:eu-central-1:111122223333:key/${digit}1234567-89ab-cdef-0123-456789abcdef`;
  return synthesizedTemplate(
    parseSettings({
      controlPlanes: {
        prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] },
      },
      bucketName: 'lifeboat-left-over',
      encryptionKeyArn: keyArn(1),
      vaultMadeWith: { bucketName: 'lifeboat-left-over', encryptionKeyArn: keyArn(1) },
      signingKeyArns: { first: keyArn(2) },
    }),
  );
}
