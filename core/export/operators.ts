import type { CommandName } from './operator-command.ts';

/** Who may send commands to a control plane's exporter. */
export interface Operator {
  /** Of an IAM role or user. */
  readonly arn: string;
  /** Undefined for all. */
  readonly commands: readonly CommandName[] | undefined;
}

const roleArn = /^arn:[\w-]+:iam::(\d{12}):role\/(?:[^\s]*\/)?([^/\s]+)$/;
const sessionArn = /^arn:[\w-]+:sts::(\d{12}):assumed-role\/([^/\s]+)\/[^/\s]+$/;

/**
 * Whether a caller may send a command. HTTP APIs have no resource policy: whoever has a wide right to invoke
 * APIs comes as far as the function, which therefore keeps a list of its own.
 *
 * @param caller as API Gateway names it: the ARN of a user, or of a role's session
 */
export function mayCommand(
  operators: readonly Operator[],
  caller: string | undefined,
  command: CommandName,
): boolean {
  return (
    caller !== undefined &&
    operators.some(
      ({ arn, commands }) =>
        isPrincipal(arn, caller) && (commands === undefined || commands.includes(command)),
    )
  );
}

/** The ARN of a session leaves out the role's path. Within an account no two roles have the same name. */
function isPrincipal(arn: string, caller: string): boolean {
  const role = roleArn.exec(arn);
  const session = sessionArn.exec(caller);
  return role === null
    ? arn === caller
    : session !== null && role[1] === session[1] && role[2] === session[2];
}
