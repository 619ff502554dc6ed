import { isPrincipal } from '../access/caller.ts';
import type { CommandName } from './operator-command.ts';

/** Who may send commands to a control plane's exporter. */
export interface Operator {
  /** Of an IAM role or user. */
  readonly arn: string;
  /** Undefined for all. */
  readonly commands: readonly CommandName[] | undefined;
}

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
