import * as v from 'valibot';
import { appSettingsSchema, replicaSchema } from './app-settings.ts';
import type { vpcSchema } from './control-plane-settings.ts';
import { type domainSchema, settingsSchema } from './deployment-settings.ts';

/** Settings before defaults are filled in. */
export type SettingsInput = v.InferInput<typeof settingsSchema>;
export type Settings = v.InferOutput<typeof settingsSchema>;
export type ReplicaSettings = v.InferOutput<typeof replicaSchema>;
export interface AppSettings extends Pick<v.InferOutput<typeof appSettingsSchema>, 'region' | 'replica'> {
  readonly deployment: Settings;
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
 * Checks the settings of an app: those of a deployment, and where it and its replica are.
 *
 * @throws SettingsError
 */
export function parseAppSettings(given: unknown): AppSettings {
  const { region, replica: second, ...deployment } = parse(appSettingsSchema, given, appLocation);
  return { region, replica: second, deployment: parseSettings(deployment) };
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
