const roleArn = /^arn:[\w-]+:iam::(\d{12}):role\/(?:[^\s]*\/)?([^/\s]+)$/;
const sessionArn = /^arn:[\w-]+:sts::(\d{12}):assumed-role\/([^/\s]+)\/[^/\s]+$/;

/**
 * Whether a caller is a role's session, or a user. The ARN of a session leaves out the role's path. Within an
 * account no two roles have the same name.
 *
 * @param arn of an IAM role or user
 * @param caller as API Gateway names it
 */
export function isPrincipal(arn: string, caller: string): boolean {
  const role = roleArn.exec(arn);
  const session = sessionArn.exec(caller);
  return role === null
    ? arn === caller
    : session !== null && role[1] === session[1] && role[2] === session[2];
}
