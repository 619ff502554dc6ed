import type { Command, Option } from 'commander';

/**
 * Everything that a command still needs, in one sentence, so that nobody learns of it one by one.
 *
 * @returns undefined when nothing is missing
 */
export function describeMissing(command: Command): string | undefined {
  const missing = command.options.filter(
    (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
  );
  const stack = command.options.find(({ long }) => long === '--stack');
  const names = missing.map((option) =>
    stack !== undefined && ['--endpoint', '--key-id'].includes(option.long ?? '')
      ? `${nameOption(option)} or ${nameOption(stack)}`
      : nameOption(option),
  );
  const last = names.pop();
  return names.length === 0 ? last && `${last} is missing` : `${names.join(', ')} and ${last} are missing`;
}

function nameOption({ long, envVar }: Option): string {
  return envVar === undefined ? `${long}` : `${long} (${envVar})`;
}
