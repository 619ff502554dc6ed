import * as v from 'valibot';
import { appSettingsSchema, replicaSchema } from './app-settings.ts';
import { findGroupingMistakes, onlyStackName } from './app-stacks.ts';
import type { vpcSchema } from './control-plane-settings.ts';
import { type domainSchema, fillInAuth, givenSettingsSchema, settingsSchema } from './deployment-settings.ts';
import type { Mistake } from './given-constructs.ts';

/** Settings before defaults are filled in. */
export type SettingsInput = v.InferInput<typeof settingsSchema>;
export type Settings = ReturnType<typeof fillInAuth>;
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
 * What wrong settings leave: themselves, where the app can go on with them, and what is wrong. Each value is
 * of the right type then, or is missing.
 */
export interface Checked<Of> {
  /** Undefined where nothing can be made of them. */
  readonly settings: Of | undefined;
  readonly mistakes: readonly Mistake[];
}

/** Checks the settings of a deployment. */
export function checkSettings(given: unknown): Checked<Settings> {
  const alone = check(givenSettingsSchema, given);
  // Whether they fit one another is a question for values that are right.
  const { settings, mistakes } = alone.mistakes.length > 0 ? alone : check(settingsSchema, given);
  // A setting that is missing is wrong, and not of a wrong type.
  return { settings: settings?.controlPlanes === undefined ? undefined : fillInAuth(settings), mistakes };
}

/** Checks the settings of a replica. */
export function checkReplicaSettings(given: unknown): Checked<ReplicaSettings> {
  return check(replicaSchema, given);
}

/**
 * Checks the settings of a deployment.
 *
 * @param where - where the settings are written, for the error message
 * @throws SettingsError
 */
export function parseSettings(given: unknown, where = appLocation): Settings {
  return requireRight(checkSettings(given), where);
}

/**
 * Checks the settings of an app: those of its deployments, and where they and their replicas are.
 *
 * @throws SettingsError
 */
export function parseAppSettings(given: unknown): AppSettings {
  const { region, replica, stacks, ...shared } = requireRight(check(appSettingsSchema, given), appLocation);
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
 * Makes one error of all mistakes.
 *
 * @param where - where the settings are written
 */
export function makeSettingsError(where: string, mistakes: readonly Mistake[]): SettingsError {
  const lines = mistakes.map(({ path, sentence }) => `- ${path}: ${hideTokens(sentence)}`);
  return new SettingsError(`the settings ${where} are wrong:\n${lines.join('\n')}`);
}

/** What CDK knows later says nothing to people. */
function hideTokens(sentence: string): string {
  return sentence.replaceAll(/\$\{Token\[[^\]]*\]\}/g, '…');
}

function check<const Schema extends v.GenericSchema>(
  schema: Schema,
  given: unknown,
): Checked<v.InferOutput<Schema>> {
  if (given === undefined) {
    throw new SettingsError(
      'there are no settings: add them to cdk.json, context "lifeboat" (see README, Deploy)',
    );
  }
  const { typed, output, issues = [] } = v.safeParse(schema, given);
  return {
    settings: typed ? output : undefined,
    mistakes: issues.map((issue) => ({ path: v.getDotPath(issue) ?? 'lifeboat', sentence: issue.message })),
  };
}

function requireRight<Of>({ settings, mistakes }: Checked<Of>, where: string): Of {
  if (settings === undefined || mistakes.length > 0) {
    throw makeSettingsError(where, mistakes);
  }
  return settings;
}
