import type { ControlPlaneConfiguration } from '../kong/control-plane.ts';
import { type ConfigFileName, configFileKey } from './config-file-name.ts';
import type { ConfigVault, VersionStatus } from './config-vault.ts';
import { VaultError } from './errors.ts';
import type { Manifest } from './manifest.ts';
import { type Comparison, compareWithPublished } from './published-content.ts';
import { hashStored, type OwnRevision, type Standing } from './standing.ts';

/** What a control plane serves for a file, and what is known of the file. */
export interface DecisionRequest {
  readonly name: ConfigFileName;
  readonly configuration: ControlPlaneConfiguration;
  /** What the last check noted of this file. */
  readonly lastStatus: VersionStatus | undefined;
  /** Ends a comparison of files that takes too long. */
  readonly signal?: AbortSignal | undefined;
}

/** What is to be done with a served configuration. */
export type Decision =
  | {
      readonly do: 'publish';
      /** Whether its content is that of the revision that it follows. */
      readonly isSameAsBefore: boolean;
      /** What a person should look at although the revision is published. */
      readonly warning: string | undefined;
    }
  /** It is what is published already. */
  | { readonly do: 'keep'; readonly own: OwnRevision; readonly servedTables: readonly string[] }
  /** It is older than what is published. */
  | { readonly do: 'wait'; readonly own: OwnRevision; readonly behindSince: Date };

/**
 * An older configuration that is still served after this time is published all the same: the control plane's
 * clock was set back, and without this the vault would never be updated again.
 */
export const behindToleranceMs = 15 * 60 * 1000;

/**
 * A control plane's nodes and workers serve one configuration in the same bytes, and each start of a node
 * brings new ones.
 */
const rememberedTables = 8;

/**
 * Decides what becomes of a served configuration (docs/design.md#7-publish-is-one-conditional-put).
 *
 * @throws VaultError when the published file cannot be read, which then is never taken for equal
 */
export async function decide(
  vault: ConfigVault,
  request: DecisionRequest,
  standing: Standing,
  now: Date,
): Promise<Decision> {
  const { name, configuration } = request;
  const own = ownRevision(standing);
  if (standing.is === 'unjudged' && own === undefined) {
    // It may be the last good file: nobody knows what must be measured against, and be newer than, what.
    throw standing.because;
  }
  const warning = describeReplaced(name, standing);
  if (own === undefined) {
    return { do: 'publish', isSameAsBefore: false, warning };
  }
  const isSame = (await compareTables(vault, request, own)) === 'same';
  if (isSame) {
    return standing.is === 'own' && !own.isOutOfForm
      ? { do: 'keep', own, servedTables: rememberTable(request, own) }
      : { do: 'publish', isSameAsBefore: true, warning };
  }
  // A frame that does not say when it was built cannot be told from an older one.
  if (!configuration.hasTimestamp || configuration.builtAt.getTime() >= own.manifest.builtAt.getTime()) {
    return { do: 'publish', isSameAsBefore: false, warning };
  }
  const behindSince = behindSinceOf(request, own) ?? now;
  return now.getTime() - behindSince.getTime() < behindToleranceMs
    ? { do: 'wait', own, behindSince }
    : {
        do: 'publish',
        isSameAsBefore: false,
        warning: warning ?? describeOlder(configuration, own.manifest, behindSince),
      };
}

/** The revision that counts as published: what stands there, or what stood there before something foreign. */
export function ownRevision(standing: Standing): OwnRevision | undefined {
  switch (standing.is) {
    case 'nothing':
      return undefined;
    case 'own':
      return standing.own;
    case 'foreign':
    case 'unjudged':
      return standing.newestOwn;
  }
}

/** What a person should know of an object that a revision replaces; undefined where it is the one before. */
export function describeReplaced(name: ConfigFileName, standing: Standing): string | undefined {
  switch (standing.is) {
    case 'foreign':
      return describeForeign(name, standing.foreign.what);
    case 'unjudged':
      return (
        `${configFileKey(name)} held an object that a signing key of ours may have signed, and that key cannot be asked for; it was ` +
        'published over. See "Signing key missing" in the runbook'
      );
    default:
      return undefined;
  }
}

/** The sentence of the log, and of the alarm's runbook, about an object that was not ours. */
export function describeForeign(name: ConfigFileName, what: string): string {
  return (
    `${configFileKey(name)} held ${what}; it was replaced. ` +
    'Only the export role may write there: find out who else did (CloudTrail data events)'
  );
}

function describeOlder(
  { builtAt }: ControlPlaneConfiguration,
  published: Manifest,
  behindSince: Date,
): string {
  return (
    `the control plane has served a configuration built at ${builtAt.toISOString()}, before the published one ` +
    `(${published.builtAt.toISOString()}), since ${behindSince.toISOString()}; it was published. Check the control plane nodes’ clocks`
  );
}

/**
 * The mark belongs to one revision and one served configuration: each other one has its own 15 minutes.
 */
function behindSinceOf(
  { lastStatus, configuration }: DecisionRequest,
  { manifest }: OwnRevision,
): Date | undefined {
  return lastStatus?.revision === manifest.revision &&
    lastStatus.behindConfigHash === configuration.configHash
    ? lastStatus.behindSince
    : undefined;
}

/**
 * The control plane's hash is the same, which says nothing of a table that was down-converted for an older
 * version: the table itself must be known, or be compared.
 *
 * @throws VaultError when the published file cannot be read: it is never taken for equal then
 */
async function compareTables(
  vault: ConfigVault,
  { name, configuration, lastStatus, signal }: DecisionRequest,
  { versionId, manifest, isOutOfForm }: OwnRevision,
): Promise<Comparison> {
  if (manifest.configHash !== configuration.configHash) {
    return 'other';
  }
  if (knownTables(lastStatus, versionId).includes(configuration.tableSha256)) {
    return 'same';
  }
  let gzip: Uint8Array;
  try {
    gzip = await vault.content(name, versionId);
  } catch (error) {
    if (isOutOfForm && error instanceof VaultError && error.code === 'denied') {
      // Under a key that may not be used any more. It is published anew in any case, and by now no data plane
      // can read it either: it must not wait for a change.
      return 'other';
    }
    throw error;
  }
  if (manifest.storedSha256 !== undefined && hashStored(gzip) !== manifest.storedSha256) {
    throw new VaultError(
      'unavailable',
      `the vault answered with other bytes for version ${versionId} of ${configFileKey(name)} than it says it has`,
    );
  }
  return compareWithPublished(configuration, gzip, signal);
}

/** What was noted of the very version that is published; somebody may have written since. */
export function knownTables(lastStatus: VersionStatus | undefined, versionId: string): readonly string[] {
  return lastStatus?.versionId === versionId ? (lastStatus.servedTables ?? []) : [];
}

function rememberTable(
  { configuration, lastStatus }: DecisionRequest,
  { versionId }: OwnRevision,
): readonly string[] {
  const { tableSha256 } = configuration;
  const others = knownTables(lastStatus, versionId).filter((known) => known !== tableSha256);
  return [tableSha256, ...others].slice(0, rememberedTables);
}
