import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { fittingVersion } from '../kong/version-choice.ts';
import { kongVersion, objectVersionId } from '../names.ts';
import type { Problem } from '../problem.ts';
import { configFileKey, statusKey } from '../vault/config-file-name.ts';
import type { Presigner } from './presigned-url.ts';
import { type FindVersion, refuseOlder } from './step-back.ts';

/** What a new data plane gets: where to read its file, and until when. */
export interface Grant {
  readonly url: string;
  /** Where to read what the last check noted of the files, for as long; by GET, too. */
  readonly statusUrl: string;
  readonly method: 'GET';
  /** ISO 8601 UTC. */
  readonly expiresAt: string;
  readonly controlPlane: string;
  /** The version that the file was made for: the one asked for, or the highest below it in the same minor. */
  readonly kongVersion: string;
  /** The version of the file that was asked for; absent for the current one. */
  readonly versionId?: string | undefined;
}

/** What a data plane asks for, as it came. */
export interface AskedFor {
  readonly kongVersion?: unknown;
  readonly versionId?: unknown;
}

export interface GrantParts {
  readonly controlPlane: string;
  /** Full versions that files are published for. */
  readonly dataPlaneVersions: readonly string[];
  readonly presign: Presigner;
  /** Asked only where a grant of a version by its id is wanted. */
  readonly findVersion: FindVersion;
  readonly lifetimeSeconds: number;
  readonly clock: Clock;
}

/** When a URL ends that is signed now, ISO 8601: SigV4 counts whole seconds. */
export function expiryOf(now: Date, lifetimeSeconds: number): string {
  return new Date(Math.floor(now.getTime() / 1000) * 1000 + lifetimeSeconds * 1000).toISOString();
}

/** Answers a data plane that asks for its file. Whether it may ask was decided before. */
export function grants(parts: GrantParts): (asked: AskedFor) => Promise<Grant | Problem> {
  return async (asked) => {
    const requested = v.safeParse(kongVersion, asked.kongVersion);
    if (!requested.success) {
      return {
        status: 400,
        title: 'No data plane version',
        detail:
          'Say which full Kong version the data plane runs (see `kong version`), for example ?kongVersion=3.9.1.',
      };
    }
    const requestedFile = v.safeParse(v.optional(objectVersionId), asked.versionId);
    if (!requestedFile.success) {
      return {
        status: 400,
        title: 'No version of a file',
        detail: `versionId is optional, and otherwise ${requestedFile.issues[0].message}.`,
      };
    }
    const versionId = requestedFile.output;
    const version = fittingVersion(requested.output, parts.dataPlaneVersions);
    if (version === undefined) {
      return {
        status: 404,
        title: 'No file for this version',
        detail:
          `There is no file that a data plane ${requested.output} can load; there are files for ${parts.dataPlaneVersions.join(', ')}. ` +
          'Add the version to dataPlaneVersions of this control plane and deploy.',
        more: { kongVersions: parts.dataPlaneVersions },
      };
    }
    const { controlPlane, lifetimeSeconds } = parts;
    const name = { controlPlane, kongVersion: version };
    const refused = versionId === undefined ? undefined : await refuseOlder(parts, name, versionId);
    if (refused !== undefined) {
      return refused;
    }
    const now = parts.clock.now();
    const file = { key: configFileKey(name), versionId };
    return {
      url: await parts.presign(file, lifetimeSeconds, now),
      statusUrl: await parts.presign({ key: statusKey(controlPlane) }, lifetimeSeconds, now),
      method: 'GET',
      expiresAt: expiryOf(now, lifetimeSeconds),
      controlPlane,
      kongVersion: version,
      ...(versionId === undefined ? {} : { versionId }),
    };
  };
}
