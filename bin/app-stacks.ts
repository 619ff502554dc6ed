/** The stacks of an app: as many as its control planes take. */
import { App } from 'aws-cdk-lib';
import { LifeboatStack } from '../lib/deployment/lifeboat-stack.ts';
import { findMostControlPlanes, fitsIntoStack, measureStack } from '../lib/deployment/stack-budget.ts';
import { LifeboatReplicaStack } from '../lib/replica/lifeboat-replica-stack.ts';
import { describeProposal, nameReplicaStack } from '../lib/settings/app-stacks.ts';
import { type AppStack, parseAppSettings, SettingsError } from '../lib/settings/settings.ts';

/**
 * Adds to an app the stacks that its settings ask for, each with a vault, keys and an API of its own, and its
 * second region beside it.
 *
 * @param given what is in cdk.json
 * @returns the stacks of the first region, in the order of the settings
 * @throws SettingsError, also where the control planes do not fit into one stack and no setting says which
 * one goes where: that says how to write it down
 */
export function addAppStacks(app: App, given: unknown): readonly LifeboatStack[] {
  const { region, stacks, isGrouped } = parseAppSettings(given);
  return stacks.map((each) => {
    const stack = addStack(app, region, each);
    if (!isGrouped && !fitsIntoStack(stack.lifeboat)) {
      throw new SettingsError(describeOverflow(app, region, each));
    }
    return stack;
  });
}

function addStack(app: App, region: string | undefined, { stackName, settings, replica }: AppStack) {
  const stack = new LifeboatStack(app, stackName, {
    description: 'Keeps the configuration of Kong control planes for data planes that start without them',
    ...(region === undefined ? {} : { env: { region } }),
    settings,
  });
  if (replica !== undefined) {
    const { region: secondRegion, ...replicaSettings } = replica;
    new LifeboatReplicaStack(app, nameReplicaStack(stackName), {
      description: 'Keeps a copy of Lifeboat’s files in a second region',
      env: { region: secondRegion },
      settings: { lifeboat: stack.lifeboat, ...replicaSettings },
    });
  }
  return stack;
}

/** The first control planes that fit stay together: a stack that is running has mostly those. */
function describeOverflow(refused: App, region: string | undefined, stack: AppStack): string {
  const { stackName, settings } = stack;
  const all = Object.entries(settings.controlPlanes);
  const { mostControlPlanes } = findMostControlPlanes((count) => {
    const controlPlanes = Object.fromEntries(all.slice(0, count));
    const app = new App({ autoSynth: false, outdir: refused.outdir });
    return measureStack(
      addStack(app, region, { ...stack, settings: { ...settings, controlPlanes } }).lifeboat,
    );
  });
  const names = all.map(([name]) => name);
  const first = { [stackName]: { controlPlanes: names.slice(0, mostControlPlanes) } };
  return `${names.length} control planes do not fit into one stack: say with the setting "stacks" which one is where. ${describeProposal(first, names)}`;
}
