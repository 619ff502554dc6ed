/** Commands that look at revisions: `lifeboat status`, `history`, `show`, `diff` and `verify`. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { addApiOptions } from './api-access.ts';
import type { InspectOptions } from './inspection/asking.ts';
import { kongVersionOption, parseAgeMs, parseWholeNumber } from './options.ts';

// What answers is loaded when it is asked for: the client also starts while a node boots.
const views = () => import('./inspection/views.ts');

const parseRevision = parseWholeNumber(999_999_999);
const revisionArgument = (name: string, description: string) =>
  new Argument(name, description).argParser(parseRevision);

/** The commands of people who may look, and read no file. */
export function inspectCommands(): readonly Command[] {
  return [
    newCommand('status')
      .description(
        'Say whether a new data plane could boot now, with what, how old that is, and what needs attention (then the exit code is 11).',
      )
      .addOption(
        new Option('--max-check-age <time>', 'a last check that is older needs attention (3600, 60m, 12h)')
          .argParser(parseAgeMs)
          .default(15 * 60_000, '15m'),
      )
      .action(async (options: InspectOptions & { readonly maxCheckAge: number }) =>
        end(await (await views()).showStatus(options)),
      ),
    newCommand('history')
      .description('List the revisions that are kept, the newest first.')
      .addOption(versionOption())
      .action(async (options: InspectOptions) => (await views()).showHistory(options)),
    newCommand('show')
      .description('Say what a revision is and how many entities of which type it has.')
      .addArgument(revisionArgument('<revision>', 'its number'))
      .addOption(versionOption())
      .addOption(new Option('--entities', 'list the entities, too; values that may be secret are "(set)"'))
      .action(async (revision: number, options: InspectOptions & { readonly entities?: true }) =>
        (await views()).showRevision(revision, options),
      ),
    newCommand('diff')
      .description('List what differs between two revisions, entity by entity and field by field.')
      .addArgument(revisionArgument('<from>', 'the number of one revision'))
      .addArgument(revisionArgument('<to>', 'the number of the other'))
      .addOption(versionOption())
      .addOption(new Option('--exit-code', 'exit with 11 when something differs'))
      .action(async (from: number, to: number, options: InspectOptions & { readonly exitCode?: true }) => {
        const differs = await (await views()).showDifferences(from, to, options);
        end(!(differs && options.exitCode === true));
      }),
    newCommand('verify')
      .description(
        'Verify a revision (by default the newest): signature, bytes, content, chain, JSON and references. If it fails, the exit code is 11.',
      )
      .addArgument(revisionArgument('[revision]', 'its number'))
      .addOption(versionOption())
      .addOption(new Option('--all', 'verify each revision that is kept'))
      .action(async (revision: number | undefined, options: InspectOptions & { readonly all?: true }) => {
        if (revision !== undefined && options.all === true) {
          throw new InvalidArgumentError('give the number of a revision or --all, not both');
        }
        const { verifyAll, verifyOne } = await views();
        end(await (options.all === true ? verifyAll(options) : verifyOne(revision, options)));
      }),
  ];
}

/** Beside the codes of lifeboat.ts: it was answered, and the answer is not the good one. */
const notGood = 11;

function end(isGood: boolean): void {
  process.exitCode = isGood ? 0 : notGood;
}

function versionOption(): Option {
  return kongVersionOption().makeOptionMandatory(false);
}

function newCommand(name: string): Command {
  return addApiOptions(new Command(name))
    .addOption(new Option('--json', 'print the API’s answer as JSON; all pages as one'))
    .addHelpText(
      'after',
      '\nAWS credentials come from the standard AWS chain. The role needs the right that grantInspect gives.\nWithout --kong-version it is about the newest version of the settings.',
    );
}
