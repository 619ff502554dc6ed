import * as v from 'valibot';
import { kongVersion } from '../names.ts';
import type { Problem } from '../problem.ts';

/** What operators may ask of a control plane's exporter (docs/design.md#10-one-writer). */
export type CommandName = 'export' | 'rollback' | 'unpin' | 'approve';
export const commandNames: readonly CommandName[] = ['export', 'rollback', 'unpin', 'approve'];

/** Largest body that is taken. */
export const maxCommandBytes = 10 * 1024;

const reason = v.pipe(
  v.string('"reason" says why, in a text of 1 to 500 characters on one line'),
  // What is written into logs must stay one line, and SQS takes no half characters and no noncharacters (SQS
  // API Reference, SendMessage, "MessageBody").
  v.regex(
    /^(?=.*\S)[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]{1,500}$/u,
    '"reason" says why, in a text of 1 to 500 characters on one line',
  ),
);
const id = v.optional(
  v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, '"id" has 1 to 64 letters, digits, "-" or "_"')),
);
const revisionNumber = (field: string) => {
  const expected = `"${field}" is the number of a revision: 1, 2, 3, …`;
  return v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(1, expected));
};
const version = v.pipe(v.string('"version" is a full data-plane version, such as "3.9.1"'), kongVersion);

const bodies = {
  export: v.strictObject({ reason, id }),
  rollback: v.strictObject({
    reason,
    id,
    version,
    revision: revisionNumber('revision'),
    sees: revisionNumber('sees'),
  }),
  unpin: v.strictObject({ reason, id, version, sees: revisionNumber('sees') }),
  approve: v.strictObject({
    reason,
    id,
    sees: v.optional(
      v.pipe(
        v.string('"sees" names what is held, as the answer without it says'),
        v.regex(/^[0-9a-f]{12}$/, '"sees" names what is held, as the answer without it says'),
      ),
    ),
  }),
};

type Bodies = { readonly [Name in CommandName]: v.InferOutput<(typeof bodies)[Name]> };

/** A command, as its sender wrote it. */
export type OperatorCommand = {
  [Name in CommandName]: { readonly name: Name } & Readonly<Bodies[Name]>;
}[CommandName];

export function isCommandName(name: string): name is CommandName {
  return (commandNames as readonly string[]).includes(name);
}

/** The command that a body holds; a problem where it holds none. */
export function parseCommand(name: CommandName, body: Uint8Array): OperatorCommand | Problem {
  if (body.length > maxCommandBytes) {
    return {
      status: 413,
      title: 'Body too large',
      detail: `A command’s body has at most ${maxCommandBytes} bytes; this one has ${body.length}.`,
    };
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), bodies[name]), Buffer.from(body).toString());
  if (parsed.success) {
    return { name, ...parsed.output } as OperatorCommand;
  }
  const [issue] = parsed.issues;
  // Valibot's own messages quote what was sent.
  const wrong =
    issue.type === 'parse_json' || issue.type === 'strict_object' || !issue.message.startsWith('"')
      ? `the fields of "${name}" are ${Object.keys(bodies[name].entries).join(', ')}, and "id" may be left out`
      : issue.message;
  return { status: 400, title: 'Malformed command', detail: `Send one JSON object: ${wrong}.` };
}
