/** The stacks of a life, as `cdk synth` leaves them: with bundles, and with people's roles. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Annotations, App, CfnOutput } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import type { LifeboatProps } from '../lib/deployment/lifeboat-props.ts';
import { LifeboatStack } from '../lib/deployment/lifeboat-stack.ts';
import { LifeboatReplicaStack } from '../lib/replica/lifeboat-replica-stack.ts';
import { parseSettings } from '../lib/settings/settings.ts';
import { readCdkContext } from '../template/cdk-context.ts';
import type { Account } from './account.ts';
import { workAround } from './emulator/gaps.ts';

/** Ids of roles, which outputs of the same name tell. */
export const dataPlaneRoleId = 'DataPlane';
export const operatorRoleId = 'Operator';

export interface PlayedStacks {
  readonly stackName: string;
  readonly settings: LifeboatProps;
  /** Whether there is a replica in the second region. */
  readonly hasReplica: boolean;
}

export const replicaStackName = (stackName: string) => `${stackName}Replica`;

const templateJson = v.looseObject({
  Resources: v.record(
    v.string(),
    v.looseObject({
      Type: v.string(),
      Properties: v.optional(v.record(v.string(), v.unknown()), {}),
    }),
  ),
});
const assetsJson = v.object({
  files: v.record(v.string(), v.object({ source: v.object({ path: v.string() }) })),
});

/**
 * Synthesizes into a new folder, with what an emulator lacks worked around.
 *
 * @returns the folder, for `cdk --app`
 */
export async function synthesizeStacks(
  { id: account, regions, emulator }: Account,
  folder: string,
  { stackName, settings, hasReplica }: PlayedStacks,
): Promise<string> {
  const outdir = await mkdtemp(join(folder, 'cdk.out-'));
  const context = readCdkContext(join(projectRoot, 'cdk.json'));
  // cdk-nag and the template's own rules are for `npm run synth`.
  process.env['CDK_VALIDATION'] = 'false';
  const app = new App({ outdir, context: { ...context, lifeboat: undefined } });
  const stack = new LifeboatStack(app, stackName, {
    settings: parseSettings(settings),
    env: { account, region: regions.first },
  });
  const replica = hasReplica
    ? new LifeboatReplicaStack(app, replicaStackName(stackName), {
        settings: { lifeboat: stack.lifeboat },
        env: { account, region: regions.second },
      })
    : undefined;
  Annotations.of(app).acknowledgeWarning('lifeboat:alarmsNotifyNobody', 'Nobody is on call for it.');
  addPeople(stack, replica);
  const assembly = app.synth();
  if (emulator !== undefined) {
    for (const { templateFile } of assembly.stacks) {
      await adapt(outdir, templateFile, emulator);
    }
  }
  return outdir;
}

/** A data plane's role, and that of somebody who operates and looks. */
function addPeople(stack: LifeboatStack, replica: LifeboatReplicaStack | undefined): void {
  const { lifeboat } = stack;
  const assumedBy = new iam.AccountRootPrincipal();
  const dataPlane = new iam.Role(stack, dataPlaneRoleId, { assumedBy });
  const operator = new iam.Role(stack, operatorRoleId, { assumedBy });
  for (const controlPlane of lifeboat.units.keys()) {
    lifeboat.grantBootstrap(dataPlane, controlPlane);
    lifeboat.grantInvoke(dataPlane, controlPlane);
    replica?.replica.grantBootstrap(dataPlane, controlPlane);
    lifeboat.grantOperate(operator, controlPlane);
    lifeboat.grantInspect(operator, controlPlane);
    lifeboat.grantFetchRevision(operator, controlPlane);
  }
  for (const [id, role] of [
    [dataPlaneRoleId, dataPlane],
    [operatorRoleId, operator],
  ] as const) {
    // For --stack, and for the alarms that `lifeboat status` tells.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['cloudformation:DescribeStacks', 'cloudwatch:DescribeAlarms'],
        resources: ['*'],
      }),
    );
    new CfnOutput(stack, `${id}RoleArn`, { value: role.roleArn });
  }
}

/** CDK finds a template by its hash, in three files. */
async function adapt(
  outdir: string,
  templateFile: string,
  { gaps, url }: NonNullable<Account['emulator']>,
): Promise<void> {
  const template = v.parse(templateJson, await readJson(join(outdir, templateFile)));
  const text = JSON.stringify(workAround(template, gaps, url));
  const assetsFile = join(outdir, templateFile.replace('.template.', '.assets.'));
  const { files } = v.parse(assetsJson, await readJson(assetsFile));
  const [hash] = Object.entries(files).find(([, { source }]) => source.path === templateFile) ?? [];
  if (hash === undefined) {
    throw new Error(`${assetsFile} does not name ${templateFile}`);
  }
  const now = createHash('sha256').update(text).digest('hex');
  await writeFile(join(outdir, templateFile), text);
  for (const file of [assetsFile, join(outdir, 'manifest.json')]) {
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(hash, now));
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'));
}
