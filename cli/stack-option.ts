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
  return addInsteadOf(command, 'endpoint', replaced);
}

/** The same beside `--key-id`. */
export function addStackOrKeyOption(command: Command): Command {
  return addInsteadOf(command, 'keyId', []);
}

export function stackOption(description: string): Option {
  return new Option('--stack <name>', description).env('LIFEBOAT_STACK').argParser(parseStack);
}

function addInsteadOf(command: Command, other: keyof typeof flags, replaced: readonly string[]): Command {
  // Commander demands what is mandatory before any hook runs: null passes, and the hook takes it out again.
  const implied = Object.fromEntries([other, ...replaced].map((name) => [name, null]));
  return command
    .addOption(
      stackOption(
        `instead of ${flags[other]}: name or ARN of the CloudFormation stack, whose outputs say the rest`,
      ).implies(implied),
    )
    .hook('preAction', (_command, asked) => settle(asked, other, Object.keys(implied)));
}

const flags = { endpoint: '--endpoint', keyId: '--key-id' } as const;

function settle(command: Command, other: keyof typeof flags, implied: readonly string[]): void {
  for (const name of implied) {
    if (command.getOptionValue(name) === null) {
      command.setOptionValue(name, undefined);
    }
  }
  const [stack, given] = ['stack', other].map((name) =>
    command.getOptionValue(name) === undefined ? undefined : command.getOptionValueSource(name),
  );
  if (stack === undefined || given === undefined) {
    return;
  }
  if (stack === given) {
    throw new InvalidArgumentError(
      stack === 'env'
        ? 'LIFEBOAT_STACK and LIFEBOAT_ENDPOINT are both set: unset one of them, or give --stack or --endpoint'
        : `give --stack or ${flags[other]}, not both`,
    );
  }
  command.setOptionValue(stack === 'cli' ? other : 'stack', undefined);
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
