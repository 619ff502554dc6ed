/** `--stack`, which says what other options would have to. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { describeMissing } from './missing-options.ts';

/**
 * Name of a stack (CloudFormation API Reference, CreateStack), or its ARN with region, account and name.
 */
const stackName = /^[a-zA-Z][a-zA-Z0-9-]{0,127}$/;
const stackArn =
  /^arn:aws[a-z-]*:cloudformation:([a-z0-9-]+):(\d{12}):stack\/([a-zA-Z][a-zA-Z0-9-]{0,127})\/[\w-]+$/;

/**
 * What is named: a stack, and after a slash perhaps which of its deployments, by what the ids of its outputs
 * begin with.
 */
export function readStack(value: string): { readonly stack: string; readonly part: string | undefined } {
  const [, name = '', part] = /^([^/]*|arn:[^/]*\/[^/]*\/[^/]*)(?:\/([A-Za-z0-9]+))?$/.exec(value) ?? [];
  return { stack: name, part };
}

/** @returns undefined for what is no ARN of a stack */
export function readStackArn(arn: string) {
  const [, region, accountId, name] = stackArn.exec(arn) ?? [];
  return region === undefined || accountId === undefined || name === undefined
    ? undefined
    : { region, accountId, name };
}

/**
 * Adds `--stack` beside `--endpoint`, of which one is needed. What is given on the command line counts more
 * than the variable of the other; where both come from one place that is an error.
 *
 * @param replaced names of further options that the stack makes needless
 */
export function addStackOption(command: Command, ...replaced: readonly string[]): Command {
  // Commander demands what is mandatory before any hook runs: null passes, and the hook takes it out again.
  const implied = Object.fromEntries(['endpoint', ...replaced].map((name) => [name, null]));
  return command
    .addOption(
      stackOption(
        'instead of --endpoint: name or ARN of the CloudFormation stack, whose outputs say the rest',
      ).implies(implied),
    )
    .hook('preAction', (_command, asked) => settleEndpoint(asked, Object.keys(implied)));
}

export function stackOption(description: string): Option {
  return new Option('--stack <name>', description).env('LIFEBOAT_STACK').argParser(parseStack);
}

function settleEndpoint(command: Command, implied: readonly string[]): void {
  for (const name of implied) {
    if (command.getOptionValue(name) === null) {
      command.setOptionValue(name, undefined);
    }
  }
  const [stack, endpoint] = ['stack', 'endpoint'].map((name) =>
    command.getOptionValue(name) === undefined ? undefined : command.getOptionValueSource(name),
  );
  if (stack === undefined || endpoint === undefined) {
    return;
  }
  if (stack === endpoint) {
    throw new InvalidArgumentError(
      stack === 'env'
        ? 'LIFEBOAT_STACK and LIFEBOAT_ENDPOINT are both set: unset one of them, or give --stack or --endpoint'
        : 'give --stack or --endpoint, not both',
    );
  }
  command.setOptionValue(stack === 'cli' ? 'endpoint' : 'stack', undefined);
  const missing = stack === 'cli' ? undefined : describeMissing(command);
  if (missing !== undefined) {
    throw new InvalidArgumentError(missing);
  }
}

function parseStack(value: string): string {
  const { stack } = readStack(value);
  if (!stackName.test(stack) && !stackArn.test(stack)) {
    throw new InvalidArgumentError('the name of a CloudFormation stack, or its ARN, is expected');
  }
  return value;
}
