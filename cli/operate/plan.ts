/** What a command would do, found out before it is sent, by the sender's right to look. */
import { InvalidArgumentError } from 'commander';
import { ApiError } from '../../core/fetch/api-request.ts';
import {
  diffAnswer,
  type Revision,
  revisionAnswer,
  type StatusAnswer,
  statusAnswer,
} from '../inspection/answers.ts';
import type { Ask } from '../inspection/asking.ts';
import { differenceText, diffSummary } from '../inspection/text.ts';
import { ago, countOf, forTerminal } from '../inspection/words.ts';

export type CommandName = 'rollback' | 'unpin' | 'approve' | 'export';

/** What the command line says of a command. */
export interface Intention {
  readonly name: CommandName;
  readonly kongVersion: string | undefined;
  /** The revision to go back to. */
  readonly revision: number | undefined;
  /** What its sender has seen. */
  readonly sees: number | string | undefined;
}

/** What will be sent, and what is to be known beforehand. */
export interface Plan {
  /** Of the command's body. */
  readonly version?: string | undefined;
  readonly sees?: number | string | undefined;
  /** One line each. */
  readonly lines: readonly string[];
  /** For programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What may be shown of a difference before somebody decides. */
const mostDifferences = 12;

/**
 * @param cannotLook why nothing could be asked; undefined where it could
 * @throws InvalidArgumentError where the options do not say enough; ApiError `refused` where there is nothing
 * to do
 */
export async function makePlan(intention: Intention, ask: Ask, now: Date): Promise<Plan> {
  const { name } = intention;
  if (name === 'export') {
    return { lines: [], facts: {} };
  }
  let status: StatusAnswer;
  try {
    status = (await ask(statusAnswer, 'status', {})).read;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'denied') {
      return planBlindly(intention, error);
    }
    throw error;
  }
  return name === 'approve' ? planApproval(status, intention) : planPublication(status, intention, ask, now);
}

/**
 * For a role that may send commands and not look. An approval that does not say of what is answered with what
 * is held.
 */
function planBlindly({ name, kongVersion, sees }: Intention, denied: ApiError): Plan {
  const lacking =
    name === 'approve'
      ? []
      : [...(kongVersion === undefined ? ['--kong-version'] : []), ...(sees === undefined ? ['--sees'] : [])];
  if (lacking.length > 0) {
    throw new InvalidArgumentError(
      `what is current cannot be shown: ${denied.message}. Without that right give ${lacking.join(' and ')}`,
    );
  }
  return {
    version: kongVersion,
    sees,
    lines: [`What is current cannot be shown: ${denied.message}.`],
    facts: { unseen: denied.message },
  };
}

function planApproval(
  { held, checkedAt, disbelieved, lookedAt }: StatusAnswer,
  { sees: given }: Intention,
): Plan {
  if (checkedAt === undefined) {
    const why = disbelieved === undefined ? 'there is no note of a check' : forTerminal(disbelieved);
    throw new ApiError(
      'refused',
      `nobody knows what is held (${why}): lifeboat export checks, and notes it anew`,
    );
  }
  if (held === undefined) {
    throw new ApiError('refused', 'nothing is held, so there is nothing to approve');
  }
  const { since, reason, what = '', losses = {}, sees } = held;
  const gone = Object.entries(losses).filter(([type]) => type !== 'total');
  return {
    sees: given ?? sees,
    lines: [
      `held since   ${ago(since, lookedAt)}, as ${forTerminal(reason)}`,
      `because      ${forTerminal(what)}`,
      ...(gone.length === 0
        ? []
        : [`gone         ${gone.map(([type, count]) => `${count} ${forTerminal(type)}`).join(', ')}`]),
      'For half an hour it may be published, for all data-plane versions. New data planes get it then.',
    ],
    facts: { held },
  };
}

async function planPublication(
  status: StatusAnswer,
  intention: Intention,
  ask: Ask,
  now: Date,
): Promise<Plan> {
  const { name, revision, sees } = intention;
  const version = findVersion(status, intention.kongVersion);
  const { current, state, problem } =
    status.versions.find(({ kongVersion }) => kongVersion === version) ?? {};
  const trouble =
    state === undefined || state === 'ready'
      ? []
      : [`but    it is ${forTerminal(state)}: ${forTerminal(problem ?? 'no reason was given.')}`];
  if (current === undefined) {
    throw new ApiError('refused', `nothing is published for Kong ${version} that could be changed`);
  }
  if (name === 'unpin') {
    if (!current.pinned) {
      throw new ApiError('refused', `revision ${current.revision} of Kong ${version} is not pinned`);
    }
    return {
      version,
      sees: sees ?? current.revision,
      lines: [
        `now    ${describe(current, now)}`,
        ...trouble,
        'then   the same content, unpinned. The next check publishes what the control plane then serves.',
      ],
      facts: { current },
    };
  }
  const target = await findTarget(revision ?? 0, version, ask);
  if (target.revision === current.revision) {
    throw new ApiError('refused', `revision ${target.revision} is the current one of Kong ${version}`);
  }
  return {
    version,
    sees: sees ?? current.revision,
    lines: [
      `now    ${describe(current, now)}`,
      ...trouble,
      `then   the content of ${describe(target, now)}, as a new revision that is pinned: new data planes get it at once, and`,
      '       nothing else is published until it is unpinned. Running data planes are not touched.',
      ...(await describeChanges(current.revision, target.revision, version, ask)),
    ],
    facts: { current, target },
  };
}

function findVersion({ versions, controlPlane }: StatusAnswer, given: string | undefined): string {
  const names = versions.map(({ kongVersion }) => kongVersion);
  const [only, ...more] = given === undefined ? names : names.filter((each) => each === given);
  if (only !== undefined && more.length === 0) {
    return only;
  }
  throw new InvalidArgumentError(
    given === undefined
      ? `${controlPlane} has files for several versions of Kong, ${names.join(', ')}: name one with --kong-version`
      : `${controlPlane} has no files for Kong ${given}: there is ${names.join(', ')}`,
  );
}

async function findTarget(revision: number, version: string, ask: Ask): Promise<Revision> {
  const query = { version, revision: String(revision), entities: 'none' };
  return (await ask(revisionAnswer, 'revision', query)).read;
}

function describe({ revision, builtAt, entities, pinned, rollbackOf }: Revision, now: Date): string {
  const notes = [
    ...(pinned ? ['pinned'] : []),
    ...(rollbackOf === undefined ? [] : [`content of ${rollbackOf}`]),
  ];
  return [
    `revision ${revision}`,
    `built ${ago(builtAt, now)}`,
    countOf(entities['total'] ?? 0, 'entity', 'entities'),
    ...notes,
  ].join(', ');
}

/** What cannot be compared does not keep anybody from going back. */
async function describeChanges(
  from: number,
  to: number,
  version: string,
  ask: Ask,
): Promise<readonly string[]> {
  try {
    const query = { version, from: String(from), to: String(to) };
    const { differences, total, next } = (await ask(diffAnswer, 'diff', query)).read;
    const counts = { added: 0, updated: 0, removed: 0 };
    for (const { kind } of differences) {
      counts[kind] += 1;
    }
    const summary =
      next === undefined
        ? diffSummary(counts).trimEnd()
        : `${total} differences, not all of them compared here.`;
    const shown = differences.slice(0, mostDifferences);
    return [
      summary,
      ...shown
        .flatMap((each) => differenceText({ ...each, fields: [] }).split('\n')[0] ?? [])
        .map((line) => `  ${line}`),
      ...(total > shown.length ? [`  and more: lifeboat diff ${from} ${to} --kong-version ${version}`] : []),
    ];
  } catch (error) {
    if (error instanceof ApiError) {
      return [`What that changes cannot be shown: ${error.message}`];
    }
    throw error;
  }
}
