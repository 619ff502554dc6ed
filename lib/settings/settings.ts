import * as v from 'valibot';
import { appSettingsSchema, replicaSchema } from './app-settings.ts';
import { findGroupingMistakes, onlyStackName } from './app-stacks.ts';
import type { vpcSchema } from './control-plane-settings.ts';
import { type domainSchema, settingsSchema } from './deployment-settings.ts';

/** Settings before defaults are filled in. */
export type SettingsInput = v.InferInput<typeof settingsSchema>;
export type Settings = v.InferOutput<typeof settingsSchema>;
export type ReplicaSettings = v.InferOutput<typeof replicaSchema>;
type GivenAppSettings = v.InferOutput<typeof appSettingsSchema>;
/** One stack of an app, and its second region. */
export interface AppStack {
  readonly stackName: string;
  readonly settings: Settings;
  readonly replica: GivenAppSettings['replica'];
}
export interface AppSettings {
  readonly region: string | undefined;
  /** At least one. */
  readonly stacks: readonly AppStack[];
  /** Whether the settings say which control plane is in which stack. */
  readonly isGrouped: boolean;
}
export type ControlPlaneSettings = Settings['controlPlanes'][string];
export type DataPlaneAuthSettings = Settings['dataPlaneAuth'];
export type LockdownSettings = NonNullable<Settings['lockdown']>;
export type DomainSettings = v.InferOutput<typeof domainSchema>;
export type VpcSettings = v.InferOutput<typeof vpcSchema>;

/** The settings are wrong; the message has a sentence for each mistake. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const appLocation = 'in cdk.json, context "lifeboat",';

/**
 * Checks the settings of a deployment.
 *
 * @param where - where the settings are written, for the error message
 * @throws SettingsError
 */
export function parseSettings(given: unknown, where = appLocation): Settings {
  return parse(settingsSchema, given, where);
}

/**
 * Checks the settings of an app: those of its deployments, and where they and their replicas are.
 *
 * @throws SettingsError
 */
export function parseAppSettings(given: unknown): AppSettings {
  const { region, replica, stacks, ...shared } = parse(appSettingsSchema, given, appLocation);
  if (stacks === undefined) {
    const only = { stackName: onlyStackName, settings: parseSettings(shared), replica };
    return { region, stacks: [only], isGrouped: false };
  }
  const mistakes = findGroupingMistakes({ ...shared, stacks, replica });
  if (mistakes.length > 0) {
    throw new SettingsError(`the settings ${appLocation} are wrong:\n${mistakes.join('\n')}`);
  }
  return {
    region,
    isGrouped: true,
    stacks: Object.entries(stacks).map(([stackName, { controlPlanes, replica: ofReplica, ...own }]) => ({
      stackName,
      settings: parseSettings(
        { ...shared, ...own, controlPlanes: pick(shared.controlPlanes, controlPlanes) },
        `${appLocation} of the stack "${stackName}",`,
      ),
      replica: replica === undefined ? undefined : { ...replica, ...ofReplica },
    })),
  };
}

function pick<Value>(all: Readonly<Record<string, Value>>, names: readonly string[]): Record<string, Value> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

/**
 * Checks the settings of a replica.
 *
 * @throws SettingsError
 */
export function parseReplicaSettings(given: unknown, where: string): ReplicaSettings {
  return parse(replicaSchema, given, where);
}

function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  given: unknown,
  where: string,
): v.InferOutput<Schema> {
  if (given === undefined) {
    throw new SettingsError(
      'there are no settings: add them to cdk.json, context "lifeboat" (see README, Deploy)',
    );
  }
  const parsed = v.safeParse(schema, given);
  if (!parsed.success) {
    throw new SettingsError(
      `the settings ${where} are wrong:\n${parsed.issues.map(describeIssue).join('\n')}`,
    );
  }
  return parsed.output;
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? 'lifeboat';
  return `- ${path}: ${issue.message}`;
}
