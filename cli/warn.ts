/** Says on standard error what does not end the command, in the form that was asked for. */
export function warn(message: string, parameters: readonly string[] = process.argv): void {
  const isJson = parameters.includes('--json');
  process.stderr.write(isJson ? `${JSON.stringify({ warning: { message } })}\n` : `lifeboat: ${message}\n`);
}
