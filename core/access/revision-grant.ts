import * as v from 'valibot';
import { answerInTime, type InspectionParts, seekRevision } from '../inspect/answering.ts';
import { revisionQuery } from '../inspect/inspection-query.ts';
import { fittingVersion } from '../kong/version-choice.ts';
import { type Problem, unknownVersion } from '../problem.ts';
import { configFileKey, statusKey } from '../vault/config-file-name.ts';
import type { OwnRevision } from '../vault/standing.ts';
import { expiryOf, type Grant } from './grant.ts';
import type { Presigner } from './presigned-url.ts';

/** A grant of a kept revision, for a person who has asked for it by its number. */
export interface RevisionGrant extends Grant {
  readonly versionId: string;
  readonly revision: number;
}

export interface RevisionGrantParts extends InspectionParts {
  readonly presign: Presigner;
  readonly lifetimeSeconds: number;
}

export interface AnsweredRevisionGrant {
  readonly answer: RevisionGrant | Problem;
  /** Undefined where the query was not understood. */
  readonly asked: { readonly kongVersion: string; readonly revision: number } | undefined;
  readonly error?: unknown;
}

/**
 * Grants a person any revision that is kept. The URL is of a version that is ours, looked up here: signed
 * with our keys for this control plane and version, and bound to the stored bytes. Whether they may ask was
 * decided before, by a right of its own: a data plane's leads nobody here.
 */
export function revisionGrants(
  parts: RevisionGrantParts,
): (parameters: Readonly<Record<string, string | undefined>>) => Promise<AnsweredRevisionGrant> {
  return async (parameters) => {
    const query = v.safeParse(revisionQuery, parameters);
    if (!query.success || query.output.version === undefined) {
      const detail =
        'Say which revision of the file for which full Kong version, for example ?version=3.9.1&revision=41.';
      return { asked: undefined, answer: { status: 400, title: 'Not understood', detail } };
    }
    const { version, revision } = query.output;
    const kongVersion = fittingVersion(version, parts.dataPlaneVersions);
    if (kongVersion === undefined) {
      return {
        asked: { kongVersion: version, revision },
        answer: unknownVersion(version, parts.dataPlaneVersions),
      };
    }
    const name = { controlPlane: parts.name, kongVersion };
    const answered = await answerInTime(parts, async (bounded) => {
      const own = await seekRevision(bounded, name, revision);
      return 'status' in own ? own : grantRevision(parts, own);
    });
    return { asked: { kongVersion, revision }, ...answered };
  };
}

async function grantRevision(
  { presign, lifetimeSeconds, clock }: RevisionGrantParts,
  { versionId, manifest }: OwnRevision,
): Promise<RevisionGrant> {
  const now = clock.now();
  const { controlPlane, kongVersion, revision } = manifest;
  return {
    url: await presign({ key: configFileKey(manifest), versionId }, lifetimeSeconds, now),
    statusUrl: await presign({ key: statusKey(controlPlane) }, lifetimeSeconds, now),
    method: 'GET',
    expiresAt: expiryOf(now, lifetimeSeconds),
    ...{ controlPlane, kongVersion, versionId, revision },
  };
}
