import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { type InspectRequest, inspectRevisions } from '../../core/fetch/inspect-request.ts';
import type { LocalSystem } from '../local-system.ts';

export interface InspectionResult {
  /** Whether the version was said to be ready, with the revision that the vault holds. */
  readonly ready: boolean;
  /** What differs between the first two revisions; entities. */
  readonly differences: number;
  /** Whether the current revision was verified wholly. */
  readonly verified: boolean;
}

const status = v.object({
  versions: v.array(v.object({ state: v.string(), current: v.optional(v.object({ revision: v.number() })) })),
});
const revisions = v.object({ versions: v.array(v.object({ isOwn: v.literal(true), revision: v.number() })) });
const verification = v.object({ outcome: v.string() });
const diff = v.object({ total: v.number() });

/** Asks as somebody who may look and not read, over the HTTP API. */
export async function lookAtRevisions(
  system: LocalSystem,
  controlPlane: string,
  current: number,
): Promise<InspectionResult> {
  const ask = async <Schema extends v.GenericSchema>(
    schema: Schema,
    view: InspectRequest['view'],
    query: InspectRequest['query'] = {},
  ) => {
    const answer = await inspectRevisions({
      endpoint: new URL(system.apiUrl),
      controlPlane,
      view,
      query,
      authentication: { by: 'iam', region: system.region, credentials: system.inspector },
      timeoutMs: 30_000,
      clock: systemClock,
    });
    return v.parse(schema, JSON.parse(answer));
  };
  const { versions } = await ask(status, 'status');
  const listed = await ask(revisions, 'revisions');
  const { outcome } = await ask(verification, 'verification', { revision: String(current) });
  const numbers = listed.versions.map(({ revision }) => revision).sort((one, other) => one - other);
  const [from = 1, to = from] = numbers;
  const { total } = await ask(diff, 'diff', { from: String(from), to: String(to) });
  return {
    ready: versions.every((each) => each.state === 'ready' && each.current?.revision === current),
    differences: total,
    verified: outcome === 'passed',
  };
}
