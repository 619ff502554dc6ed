/** Commands that look at revisions: `lifeboat status`, `history`, `show`, `diff` and `verify`. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { addApiOptions } from './api-access.ts';
import type { InspectOptions } from './inspection/asking.ts';
import type { VerifyFileOptions } from './inspection/local-files.ts';
import type { StatusOptions } from './inspection/status.ts';
import { describeMissing } from './missing-options.ts';
import { kongVersionOption, parseAgeMs, parseWholeNumber, publicKeyOption } from './options.ts';

// What answers is loaded when it is asked for: the client also starts while a node boots.
const views = () => import('./inspection/views.ts');
const localFiles = () => import('./inspection/local-files.ts');

const parseRevision = parseWholeNumber(999_999_999);
const revisionArgument = (name: string, description: string) =>
  new Argument(name, description).argParser(parseRevision);
/** A number is a revision's. A file of such a name is `./42`. */
const revisionOrFile = (name: string, description: string) =>
  new Argument(name, description).argParser((value) => {
    if (value === '') {
      throw new InvalidArgumentError('the number of a revision, or the name of a file, is expected');
    }
    return /^\d+$/.test(value) ? parseRevision(value) : value;
  });

interface HistoryOptions extends InspectOptions {
  readonly html?: string;
  readonly diffs?: number;
}

const usualDiffs = 20;
const usualCheckAgeMs = 15 * 60_000;

/** The commands of people who may look, and read no file. */
export function inspectCommands(): readonly Command[] {
  return [
    statusCommand(),
    historyCommand(),
    newCommand('show')
      .description('Say what a revision is and how many entities of which type it has.')
      .addArgument(revisionArgument('<revision>', 'its number'))
      .addOption(versionOption())
      .addOption(new Option('--entities', 'list the entities, too; values that may be secret are "(set)"'))
      .action(async (revision: number, options: InspectOptions & { readonly entities?: true }) =>
        (await views()).showRevision(revision, options),
      ),
    diffCommand(),
    verifyCommand(),
  ];
}

function statusCommand(): Command {
  return newCommand('status')
    .description(
      'Say whether a new data plane could boot now, with what, how old that is, and what needs attention (then the exit code is 11). ' +
        'With --stack also which alarms ring, and without --control-plane of all control planes.',
    )
    .addOption(
      new Option('--max-check-age <time>', 'a last check that is older needs attention (3600, 60m, 12h)')
        .argParser(parseAgeMs)
        .default(usualCheckAgeMs, '15m'),
    )
    .addOption(
      new Option(
        '--watch [seconds]',
        'ask again and again, by default every 30 seconds: a terminal is drawn anew, elsewhere there is a line for each change',
      )
        .argParser(parseWholeNumber(86_400))
        .conflicts('monitoring'),
    )
    .addOption(
      new Option(
        '--monitoring',
        'for monitoring: one line, and the exit code 0 good, 1 something needs attention, 2 a version cannot boot or nobody answers, 3 not asked',
      ),
    )
    .addOption(
      new Option(
        '--all-stacks',
        'instead of --stack: all control planes of all stacks of Lifeboat in the region; the role needs cloudformation:DescribeStacks on all',
      )
        .implies({ endpoint: null, controlPlane: null })
        .conflicts('watch'),
    )
    .action(async ({ watch, allStacks, ...options }: AskedStatus, command: Command) => {
      if (allStacks === true) {
        refuseBesideAllStacks(command);
        process.exitCode = await (await import('./inspection/all-stacks.ts')).showAllStacks(options);
        return;
      }
      if (watch === undefined) {
        process.exitCode = await (await import('./inspection/status.ts')).showStatus(options);
        return;
      }
      const { watchStatus } = await import('./inspection/watch.ts');
      await watchStatus(options, watch === true ? 30 : watch);
    });
}

type AskedStatus = StatusOptions & { readonly watch?: number | true; readonly allStacks?: true };

/** What the shell's variables say is for other commands; what stands beside it on the line is a mistake. */
function refuseBesideAllStacks(command: Command): void {
  const given = ['stack', 'endpoint', 'controlPlane'].find(
    (name) => command.getOptionValueSource(name) === 'cli',
  );
  if (given !== undefined) {
    const flag = command.options.find((option) => option.attributeName() === given)?.long;
    throw new InvalidArgumentError(`give --all-stacks or ${flag}, not both`);
  }
}

function historyCommand(): Command {
  return newCommand('history')
    .description('List the revisions that are kept, the newest first.')
    .addOption(versionOption())
    .addOption(
      new Option(
        '--html <file>',
        'write a page of them instead, with what each changed; it needs no other file',
      ),
    )
    .addOption(
      new Option(
        '--diffs <n>',
        'of so many revisions, the newest, the page says what they changed (by default 20)',
      ).argParser(parseWholeNumber(1_000, 0)),
    )
    .action(async (options: HistoryOptions) => {
      const { html, diffs = usualDiffs } = options;
      if (html === undefined) {
        if (options.diffs !== undefined) {
          throw new InvalidArgumentError('--diffs is about the page: name its file with --html');
        }
        await (await views()).showHistory(options);
        return;
      }
      if (options.json === true) {
        throw new InvalidArgumentError('give --html or --json, not both');
      }
      const { writeHistoryPage } = await import('./history-page/write-page.ts');
      await writeHistoryPage({ ...options, html, diffs, maxCheckAgeMs: usualCheckAgeMs });
    });
}

function diffCommand(): Command {
  return newFileCommand('diff')
    .description(
      'List what differs between two revisions, or two files on this machine, entity by entity and field by field.',
    )
    .addArgument(revisionOrFile('<from>', 'the number of one revision, or a file'))
    .addArgument(revisionOrFile('<to>', 'the number of the other, or another file'))
    .addOption(versionOption())
    .addOption(new Option('--exit-code', 'exit with 11 when something differs'))
    .action(
      async (
        from: number | string,
        to: number | string,
        options: InspectOptions & { readonly exitCode?: true },
        command: Command,
      ) => {
        end(!((await showDiffering(from, to, options, command)) && options.exitCode === true));
      },
    );
}

async function showDiffering(
  from: number | string,
  to: number | string,
  options: InspectOptions,
  command: Command,
): Promise<boolean> {
  if (typeof from === 'number' && typeof to === 'number') {
    demandApi(command);
    return (await views()).showDifferences(from, to, options);
  }
  if (typeof from === 'string' && typeof to === 'string') {
    return (await localFiles()).showFileDifferences(from, to, options);
  }
  throw new InvalidArgumentError(
    'a revision and a file cannot be compared: give the numbers of two revisions, or two files (lifeboat fetch gets one)',
  );
}

type VerifyOptions = InspectOptions &
  VerifyFileOptions & {
    readonly all?: true;
  };

function verifyCommand(): Command {
  return newFileCommand('verify')
    .description(
      'Verify a revision (by default the newest): signature, bytes, content, chain, JSON and references; or a file on this machine, with its saved manifest. If it fails, the exit code is 11.',
    )
    .addArgument(revisionOrFile('[revision]', 'its number, or a file that lifeboat fetch has written'))
    .addOption(versionOption())
    .addOption(new Option('--all', 'verify each revision that is kept'))
    .addOption(publicKeyOption().makeOptionMandatory(false))
    .addOption(new Option('--manifest <file>', 'of a file: its manifest, where that is not beside it'))
    .action(async (asked: number | string | undefined, options: VerifyOptions, command: Command) => {
      if (asked !== undefined && options.all === true) {
        throw new InvalidArgumentError('give a revision or a file, or --all, not both');
      }
      if (typeof asked === 'string') {
        end(await (await localFiles()).verifyFile(asked, options));
        return;
      }
      demandApi(command);
      const { verifyAll, verifyOne } = await views();
      end(await (options.all === true ? verifyAll(options) : verifyOne(asked, options)));
    });
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

/** What a file on this machine does not need. */
const apiOptions = ['--control-plane', '--endpoint'];

/** A command that is about revisions, or about files on this machine: for these nobody is asked. */
function newFileCommand(name: string): Command {
  const command = newCommand(name);
  demand(command, false);
  return command;
}

/** @throws CommanderError as commander does for what is mandatory */
function demandApi(command: Command): void {
  if (command.getOptionValue('stack') !== undefined) {
    return;
  }
  demand(command, true);
  const missing = describeMissing(command);
  if (missing !== undefined) {
    command.error(`error: ${missing}`);
  }
}

function demand(command: Command, isDemanded: boolean): void {
  for (const option of command.options.filter(({ long }) => apiOptions.includes(long ?? ''))) {
    option.makeOptionMandatory(isDemanded);
  }
}
