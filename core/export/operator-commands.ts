import { attempt } from '../attempt.ts';
import { endWith } from '../aws-calls.ts';
import type { RequestedExports } from '../intake/sqs-requested-exports.ts';
import { type Problem, unknownVersion } from '../problem.ts';
import type { LastCommand, VersionStatus } from '../vault/config-vault.ts';
import { VaultError } from '../vault/errors.ts';
import { CommandRefused, type PinOutcome, rollBack, unpin } from '../vault/pin.ts';
import type { NewPublication } from '../vault/publish.ts';
import { readStatus, recordStatus } from '../vault/status.ts';
import { approveHeld } from './approve.ts';
import { partsWithin } from './export-run.ts';
import {
  type CommandName,
  commandNames,
  isCommandName,
  type OperatorCommand,
  parseCommand,
} from './operator-command.ts';
import { mayCommand, type Operator } from './operators.ts';
import { noteRevision } from './status-after.ts';
import type { ExportParts } from './version-checks.ts';

export interface OperatorParts extends ExportParts {
  readonly operators: readonly Operator[];
  readonly requests: RequestedExports;
}

/** A command as it came over HTTP. */
export interface CommandCall {
  /** As the path names it. */
  readonly command: string;
  /** ARN of who has signed the request. */
  readonly caller: string | undefined;
  readonly body: Uint8Array;
  /** Names this one call; the command's id where its sender gives none. */
  readonly requestId: string;
}

/** What was answered to a command, and what is to be told of it. */
export interface AnsweredCommand {
  readonly answer: { readonly status: 200 | 202; readonly content: object } | Problem;
  /** Undefined where it was not understood. */
  readonly command: OperatorCommand | undefined;
  /** What it has put into the vault. */
  readonly publication?: NewPublication | undefined;
  /** Why it failed, or why the status does not tell of it. */
  readonly error?: unknown;
  /** Why no export was asked for, which should have followed. */
  readonly notRequested?: unknown;
}

type Followed = Omit<AnsweredCommand, 'command'> & {
  /** What is left to do when it is done, and changes nothing of that. It has time of its own. */
  readonly conclude?: () => Promise<Partial<Omit<AnsweredCommand, 'command'>>>;
};

/** API Gateway waits for 30 s. */
export const commandMs = 25_000;

/** Of that, what is left for the status, or for asking for an export. */
const recordingMs = 3_000;

/**
 * Follows the commands of a control plane's operators (docs/design.md#10-one-writer). They need no control
 * plane, and keep no pace.
 */
export function operatorCommands(parts: OperatorParts): (call: CommandCall) => Promise<AnsweredCommand> {
  return async (call) => {
    const { command: name, caller } = call;
    if (!isCommandName(name)) {
      return { command: undefined, answer: unknownCommand() };
    }
    if (caller === undefined || !mayCommand(parts.operators, caller, name)) {
      return { command: undefined, answer: notGranted(name) };
    }
    const command = parseCommand(name, call.body);
    if ('status' in command) {
      return { command: undefined, answer: command };
    }
    const deadline = parts.clock.deadline(commandMs - recordingMs);
    const by = { by: caller, id: command.id ?? call.requestId, at: parts.clock.now() };
    const done = await attempt(endWith(follow(parts, command, by, deadline), deadline));
    if (!('value' in done)) {
      return { command, ...describeFailure(done.error, deadline.aborted) };
    }
    const { conclude, ...answered } = done.value;
    return { command, ...answered, ...(await conclude?.()) };
  };
}

type Sender = Pick<LastCommand, 'by' | 'id' | 'at'>;

async function follow(
  parts: OperatorParts,
  command: OperatorCommand,
  sender: Sender,
  signal: AbortSignal,
): Promise<Followed> {
  switch (command.name) {
    case 'export': {
      const { id } = sender;
      await parts.requests.request({ ...sender, reason: command.reason }, signal);
      return { answer: { status: 202, content: { controlPlane: parts.name, id } } };
    }
    case 'approve':
      return approve(parts, command, sender, signal);
    case 'rollback':
    case 'unpin':
      return pin(parts, command, sender, signal);
  }
}

async function approve(
  unbound: OperatorParts,
  { sees, reason }: Extract<OperatorCommand, { readonly name: 'approve' }>,
  sender: Sender,
  signal: AbortSignal,
): Promise<Followed> {
  const noted: LastCommand = { command: 'approve', ...sender, reason, outcome: 'done' };
  const approved = await approveHeld(partsWithin(unbound, signal), sees, noted);
  switch (approved.outcome) {
    case 'approved': {
      const content = { controlPlane: unbound.name, sees, until: approved.until };
      return { answer: { status: 200, content }, conclude: () => publishApproved(unbound, content, sender) };
    }
    case 'nothing held':
      return {
        answer: {
          status: 422,
          title: 'Nothing is held',
          detail: 'Nothing is held: there is nothing to approve.',
        },
      };
    case 'other held': {
      const { held } = approved;
      return {
        answer: {
          status: 409,
          title: 'Name what you approve',
          detail:
            `Held is: ${held.what} (${held.reason}). It is named ${approved.sees}${sees === undefined ? '' : `, not ${sees}`}. ` +
            'If that is what people meant, send the command with this name in "sees".',
          more: { sees: approved.sees, held },
        },
      };
    }
  }
}

/**
 * Asks for the export that publishes what was approved: without a change the next one may come when the
 * approval has ended. Where that fails, the answer says so, and the approval stands.
 */
async function publishApproved(
  { clock, requests }: OperatorParts,
  approved: object,
  sender: Sender,
): Promise<Pick<AnsweredCommand, 'answer' | 'notRequested'>> {
  const signal = clock.deadline(recordingMs);
  const asked = await attempt(endWith(requests.requestUnnoted(sender, signal), signal));
  const exportRequested = 'value' in asked;
  return {
    answer: { status: 200, content: { ...approved, exportRequested } },
    ...('error' in asked ? { notRequested: asked.error } : {}),
  };
}

async function pin(
  unbound: OperatorParts,
  command: Extract<OperatorCommand, { readonly name: 'rollback' | 'unpin' }>,
  sender: Sender,
  signal: AbortSignal,
): Promise<Followed> {
  const parts = { ...unbound, ...partsWithin(unbound, signal) };
  const { version: kongVersion, sees } = command;
  if (!parts.dataPlaneVersions.includes(kongVersion)) {
    return { answer: unknownVersion(kongVersion, parts.dataPlaneVersions) };
  }
  const { status: last } = await readStatus(parts, parts.name);
  const request = {
    name: { controlPlane: parts.name, kongVersion },
    sees,
    lastStatus: last?.versions.find((each) => each.kongVersion === kongVersion),
    signal,
  };
  const outcome = await (command.name === 'rollback'
    ? rollBack(parts, { ...request, revision: command.revision })
    : unpin(parts, request));
  const answer = { status: 200, content: describeOutcome(outcome) } as const;
  if (outcome.outcome === 'repeated') {
    return { answer };
  }
  const { name, reason } = command;
  const noted: LastCommand = {
    ...{ command: name, ...sender, reason, outcome: 'done', kongVersion },
    revision: outcome.manifest.revision,
  };
  return { answer, publication: outcome, conclude: () => noteCommand(unbound, noted, outcome) };
}

/** What was done is done: a status that cannot be written is told, and does not fail the command. */
async function noteCommand(
  unbound: OperatorParts,
  lastCommand: LastCommand,
  publication: NewPublication,
): Promise<Partial<Pick<AnsweredCommand, 'error'>>> {
  const parts = partsWithin(unbound, unbound.clock.deadline(recordingMs));
  const recorded = await attempt(recordCommand(parts, lastCommand, publication));
  return 'error' in recorded ? { error: recorded.error } : {};
}

async function recordCommand(
  parts: ExportParts,
  lastCommand: LastCommand,
  publication: NewPublication,
): Promise<void> {
  const known = await readStatus(parts, parts.name);
  const { status } = known;
  if (status === undefined) {
    throw new VaultError(
      'status',
      'there is no status of ours: the next check writes one, without the command',
    );
  }
  const versions = status.versions.map((version) => noteIfPublished(version, publication));
  await recordStatus(parts, { ...status, versions, lastCommand }, known);
}

/** The next check asks the control plane: nothing is known of how this compares. */
function noteIfPublished(version: VersionStatus, publication: NewPublication): VersionStatus {
  return version.kongVersion === publication.manifest.kongVersion
    ? {
        ...version,
        ...noteRevision(publication),
        ...{ changed: true, askedAt: undefined, behindSince: undefined, behindConfigHash: undefined },
        // What the next one is measured against is read from the file.
        ...{ entities: undefined, identity: undefined },
      }
    : version;
}

function describeOutcome({ manifest, versionId }: PinOutcome): object {
  const { controlPlane, kongVersion, revision, rollbackOf, pinned = false } = manifest;
  return {
    ...{ controlPlane, kongVersion, revision, versionId, pinned },
    ...(rollbackOf === undefined ? {} : { rollbackOf }),
  };
}

function unknownCommand(): Problem {
  return {
    status: 404,
    title: 'Unknown command',
    detail: `The path ends with a command: ${commandNames.join(', ')}.`,
    more: { commands: commandNames },
  };
}

function notGranted(name: CommandName): Problem {
  return {
    status: 403,
    title: 'Not an operator',
    detail:
      `Whoever has signed this request may not send "${name}" to this control plane: grant it to a role (grantOperate, or the setting ` +
      'operatorRoleArns), deploy, and send it as that role.',
  };
}

function describeFailure(
  error: unknown,
  isLate: boolean,
): { readonly answer: Problem; readonly error?: unknown } {
  if (error instanceof CommandRefused) {
    const [status, title] =
      error.code === 'stale'
        ? ([409, 'Another revision is current'] as const)
        : ([422, 'Senseless'] as const);
    return { answer: { status, title, detail: `${error.message}.` } };
  }
  if (isLate) {
    return {
      error,
      answer: {
        status: 504,
        title: 'Not done in time',
        detail: `It was not done within ${commandMs / 1000} s. Send the same command again: what is done already is not done twice.`,
      },
    };
  }
  if (error instanceof VaultError && error.code === 'conflict') {
    return {
      error,
      answer: {
        status: 409,
        title: 'Another revision was published',
        detail:
          'Somebody published at the same time, again and again: look at what is current, and send the command anew.',
      },
    };
  }
  const why = error instanceof VaultError ? ` ${error.message}.` : '';
  return {
    error,
    answer: {
      status: error instanceof VaultError && error.code === 'unavailable' ? 503 : 500,
      title: 'The command failed',
      detail: `Nothing is known to have changed.${why} The function’s log says more; the same command may be sent again.`,
    },
  };
}
