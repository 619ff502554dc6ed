/** Commands of operators to an exporter: `lifeboat rollback`, `unpin`, `approve` and `export`. */
import { Command, Option } from 'commander';
import { sendCommand } from '../core/fetch/command-request.ts';
import { type ApiOptions, addApiOptions, apiAccess } from './api-access.ts';
import { kongVersionOption, parseWholeNumber } from './options.ts';
import { print } from './print.ts';

interface OperateOptions extends ApiOptions {
  readonly kongVersion?: string;
  readonly revision?: number;
  readonly sees?: number | string;
  readonly reason: string;
  readonly id?: string;
}

const revisionOption = (flags: string, description: string) =>
  new Option(flags, description).argParser(parseWholeNumber(999_999_999)).makeOptionMandatory();

const seesOption = () =>
  revisionOption(
    '--sees <n>',
    'the revision that is current, as you saw it: with another one nothing is done',
  );

/** The commands of operators. Each prints the answer, JSON. */
export function operatorCommands(): readonly Command[] {
  return [
    newCommand('rollback')
      .description(
        'Publish the content of an earlier revision as a new one, and pin it: nothing else is published until it is unpinned.',
      )
      .addOption(kongVersionOption())
      .addOption(revisionOption('--revision <n>', 'the revision whose content is to be published'))
      .addOption(seesOption()),
    newCommand('unpin')
      .description('Publish a pinned revision once more, unpinned: exports go on from there.')
      .addOption(kongVersionOption())
      .addOption(seesOption()),
    newCommand('approve')
      .description(
        'Approve what is held, for half an hour. Without --sees nothing is done, and the answer says what is held.',
      )
      .addOption(new Option('--sees <name>', 'what is held, as the answer without it names it')),
    newCommand('export').description('Ask for an export. Its outcome comes into the log and the status.'),
  ];
}

function newCommand(name: string): Command {
  return addApiOptions(new Command(name))
    .addOption(new Option('--reason <text>', 'why, for the log and the status').makeOptionMandatory())
    .addOption(new Option('--id <id>', 'names the command; by default the request’s own id'))
    .addHelpText(
      'after',
      '\nAWS credentials come from the standard AWS chain. The role must be one of the operators.',
    )
    .action((options: OperateOptions) => operate(name, options));
}

async function operate(command: string, options: OperateOptions): Promise<void> {
  const { kongVersion: version, revision, sees, reason, id } = options;
  const answer = await sendCommand({
    ...(await apiAccess(options)),
    command,
    // JSON leaves out what is undefined.
    body: { version, revision, sees, reason, id },
  });
  await print(`${answer.trimEnd()}\n`);
}
