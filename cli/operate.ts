/** Commands of operators to an exporter: `lifeboat rollback`, `unpin`, `approve` and `export`. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { addApiOptions } from './api-access.ts';
import type { CommandName } from './operate/plan.ts';
import type { OperateOptions } from './operate/run.ts';
import { kongVersionOption, parseWholeNumber, secondsOption } from './options.ts';

const parseRevision = parseWholeNumber(999_999_999);

const versionOption = () => kongVersionOption().makeOptionMandatory(false);

const seesOption = () =>
  new Option(
    '--sees <n>',
    'the revision that is current, as you saw it: with another one nothing is done (by default the one that is shown)',
  ).argParser(parseRevision);

/** Beside the codes of lifeboat.ts: it was done, and its effect is not the good one, or was not seen. */
const notGood = 11;

/** The commands of operators. Each shows what it would do, asks, and says what came of it. */
export function operatorCommands(): readonly Command[] {
  return [
    newCommand('rollback')
      .description(
        'Publish the content of an earlier revision as a new one, and pin it: nothing else is published until it is unpinned.',
      )
      .addArgument(
        new Argument('[revision]', 'the revision whose content is to be published').argParser(parseRevision),
      )
      .addOption(new Option('--revision <n>', 'the same').argParser(parseRevision))
      .addOption(versionOption())
      .addOption(seesOption())
      .action((given: number | undefined, options: OperateOptions) =>
        run('rollback', { ...options, revision: chooseRevision(given, options.revision) }),
      ),
    newCommand('unpin')
      .description('Publish a pinned revision once more, unpinned: exports go on from there.')
      .addOption(versionOption())
      .addOption(seesOption())
      .action((options: OperateOptions) => run('unpin', options)),
    newCommand('approve')
      .description('Approve what is held, for half an hour, and wait until it is published.')
      .addOption(new Option('--sees <name>', 'what is held, as status names it (by default what is shown)'))
      .action((options: OperateOptions) => run('approve', options)),
    newCommand('export')
      .description('Ask for an export at once, and wait until it is done.')
      .action((options: OperateOptions) => run('export', options)),
  ];
}

function newCommand(name: CommandName): Command {
  return addApiOptions(new Command(name))
    .addOption(new Option('--reason <text>', 'why, for the log and the status; asked for at a terminal'))
    .addOption(new Option('--yes', 'do not ask for a confirmation'))
    .addOption(new Option('--no-wait', 'do not wait for the effect'))
    .addOption(secondsOption('--timeout <seconds>', 'how long the effect is awaited', 600))
    .addOption(new Option('--id <id>', 'names the command; by default the request’s own id'))
    .addOption(new Option('--json', 'print plan, answer and effect as JSON'))
    .addHelpText(
      'after',
      '\nAWS credentials come from the standard AWS chain. The role must be one of the operators; to show what a command would do,\nand its effect, it also needs the right that grantInspect gives.',
    );
}

// What sends is loaded when it is asked for: the client also starts while a node boots.
async function run(name: CommandName, options: OperateOptions): Promise<void> {
  const { operate } = await import('./operate/run.ts');
  process.exitCode = (await operate(name, options)) ? 0 : notGood;
}

function chooseRevision(argument: number | undefined, option: number | undefined): number {
  if (argument !== undefined && option !== undefined && argument !== option) {
    throw new InvalidArgumentError(`two revisions are named, ${argument} and ${option}: name one`);
  }
  const revision = argument ?? option;
  if (revision === undefined) {
    throw new InvalidArgumentError('name the revision to go back to: lifeboat history lists them');
  }
  return revision;
}
