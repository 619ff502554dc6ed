/** A command from its plan to its effect: shown, confirmed, sent, awaited. */
import { InvalidArgumentError } from 'commander';
import { type Clock, systemClock } from '../../core/clock.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { sendCommand } from '../../core/fetch/command-request.ts';
import { inspectRevisions } from '../../core/fetch/inspect-request.ts';
import { type ApiOptions, apiAccess } from '../api-access.ts';
import { readAnswer } from '../inspection/answers.ts';
import { type Ask, showProgress } from '../inspection/asking.ts';
import { forTerminal } from '../inspection/words.ts';
import { type Person, personAtTerminal } from '../person.ts';
import { print } from '../print.ts';
import { awaitEffect, type Effect } from './effect.ts';
import { type CommandName, makePlan, type Plan } from './plan.ts';

export interface OperateOptions extends ApiOptions {
  readonly kongVersion?: string;
  readonly revision?: number;
  readonly sees?: number | string;
  readonly reason?: string;
  readonly id?: string;
  readonly yes?: true;
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly json?: true;
}

/** What a command is carried out with, given by tests. */
export interface Desk {
  readonly ask: Ask;
  /** @returns the answer, JSON */
  readonly send: (command: CommandName, body: object) => Promise<string>;
  readonly person: Person;
  readonly clock: Clock;
  /** Says something beside the result. */
  readonly tell: (line: string) => void;
}

/** What came of a command. */
export interface Outcome {
  readonly plan: Plan['facts'];
  readonly answer: Readonly<Record<string, unknown>>;
  /** Undefined where nobody waited for it. */
  readonly effect: Effect | undefined;
}

const questions: Readonly<Record<CommandName, string>> = {
  rollback: 'Publish it and pin it?',
  unpin: 'Unpin it?',
  approve: 'Approve it?',
  export: 'Export now?',
};

/** @returns whether it went well */
export async function operate(name: CommandName, options: OperateOptions): Promise<boolean> {
  const access = await apiAccess(options);
  const desk: Desk = {
    ask: async (schema, view, query) =>
      readAnswer(schema, await inspectRevisions({ ...access, view, query })),
    send: (command, body) => sendCommand({ ...access, command, body }),
    person: personAtTerminal,
    clock: systemClock,
    tell: (line) => process.stderr.write(`${line}\n`),
  };
  const { plan, answer, effect } = await carryOut(name, options, desk);
  if (options.json === true) {
    await print(`${JSON.stringify({ plan, answer, effect })}\n`);
  } else {
    await print(`${describeAnswer(name, answer)}\n${effect === undefined ? '' : `${effect.what}\n`}`);
  }
  return effect === undefined || effect.outcome === 'seen' || effect.outcome === 'hidden';
}

/**
 * @throws InvalidArgumentError where the options do not say enough, and nobody is there to be asked; ApiError
 * `refused` where there is nothing to do, or the person does not want it; what sending throws
 */
export async function carryOut(name: CommandName, options: OperateOptions, desk: Desk): Promise<Outcome> {
  const { ask, send, person, clock, tell } = desk;
  const { kongVersion, revision, sees, id } = options;
  if (options.reason === undefined && !person.isThere) {
    throw new InvalidArgumentError('--reason is missing: it says why, for the log and the status');
  }
  const plan = await makePlan({ name, kongVersion, revision, sees }, ask, clock.now());
  for (const line of options.json === true && !person.isThere ? [] : plan.lines) {
    tell(line);
  }
  await confirm(name, options, plan, person);
  const reason = options.reason ?? (await person.ask('Why? (for the log and the status) '));
  if (reason === '') {
    throw new ApiError('refused', 'no reason was given, and nothing was sent');
  }
  // JSON leaves out what is undefined.
  const body = { version: plan.version, revision, sees: plan.sees, reason, id };
  const answer = JSON.parse(await send(name, body)) as Readonly<Record<string, unknown>>;
  if (!options.wait) {
    return { plan: plan.facts, answer, effect: undefined };
  }
  if (name === 'approve' && answer['exportRequested'] !== true) {
    // What is waited for may come late, or when the approval has ended: the person should know meanwhile.
    tell(describeAnswer(name, answer));
  }
  const effect = await awaitEffect({ name, version: plan.version, answer }, ask, {
    clock,
    timeoutMs: options.timeout * 1000,
    onWait: (seconds) => showProgress(`${name} was sent; its effect is awaited (${seconds} s)`),
  });
  showProgress('');
  return { plan: plan.facts, answer, effect };
}

/** Who has named what is current, or says yes beforehand, has decided. Asking for an export harms nothing. */
async function confirm(
  name: CommandName,
  { yes, sees }: OperateOptions,
  plan: Plan,
  person: Person,
): Promise<void> {
  const isQuestion = name === 'approve' && plan.sees === undefined;
  if (name === 'export' || isQuestion || yes === true) {
    return;
  }
  if (!person.isThere) {
    if (sees === undefined) {
      throw new InvalidArgumentError(
        `nobody is at a terminal to confirm it: give --yes, or --sees ${plan.sees ?? ''}`.trimEnd(),
      );
    }
    return;
  }
  const said = await person.ask(`${questions[name]} [y/N] `);
  if (!/^y(es)?$/i.test(said)) {
    throw new ApiError('refused', 'it was not confirmed, and nothing was sent');
  }
}

function describeAnswer(name: CommandName, answer: Readonly<Record<string, unknown>>): string {
  const text = (field: string) => forTerminal(String(answer[field]));
  switch (name) {
    case 'rollback':
      return `Revision ${text('revision')} has the content of revision ${text('rollbackOf')}, and is pinned.`;
    case 'unpin':
      return `Revision ${text('revision')} has the same content, and is not pinned.`;
    case 'approve':
      // A release that asks for none does not say so.
      return answer['exportRequested'] === true
        ? `Approved until ${text('until')}. An export was asked for, which publishes it.`
        : `Approved until ${text('until')}. The next check publishes it; lifeboat export asks for one at once.`;
    case 'export':
      return `The export is in the queue (${text('id')}).`;
  }
}
