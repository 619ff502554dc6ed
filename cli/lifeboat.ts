#!/usr/bin/env node
import { Command } from 'commander';
import { connectPatiently } from '../core/patient-connections.ts';
import packageJson from '../package.json' with { type: 'json' };
import { adminTokenVariable } from './admin-api-options.ts';
import { listCommands } from './commands.ts';
import { type Failure, isSaidByCommander, readFailure } from './failure.ts';
import { describeUnknownVariables, readFileVariables } from './file-variables.ts';
import { hookSecretVariable } from './hooks/options.ts';
import { endOnSignals } from './interruption.ts';
import { describeUsage } from './usage-error.ts';
import { warn } from './warn.ts';

const program = new Command('lifeboat')
  .description('Keeps Kong data planes bootable while their control plane is down.')
  .version(packageJson.version)
  .addHelpText(
    'after',
    `
Exit codes:
  0  done
  1  an unexpected error
  2  wrong options
  3  the grant was refused: credentials, role or cluster certificate, or this machine's clock
  4  the vault has no file for this control plane and version
  5  the grant endpoint, the vault or KMS did not answer or failed, or the download was interrupted
  6  the file must not be loaded: its signature, hash, control plane or version is wrong, or it is not the current one
  7  the output could not be written
  8  Kong could not be given the file: prefix, process or status API
  9  Kong was given the file and did not load it
  10  the command or question was refused, or a file is none that can be compared: the message says why
  11  it was answered, and not well: status found something that needs attention, verify something wrong,
      doctor a finding, drill what keeps a node from booting, diff --exit-code a difference`,
  )
  .hook('preAction', (_program, command) => {
    // Standby ends itself in order, and takes a signal for success.
    if (command.name() !== 'standby') {
      endOnSignals();
    }
  });
for (const command of listCommands()) {
  program.addCommand(command);
}
const isJson = process.argv.includes('--json');
let usage = '';
for (const [name, command] of namedCommands(program)) {
  if (command.commands.length === 0) {
    // Read where something is painted (terminal.ts): what fails before the options are read has colour, too.
    command.option('--no-color', 'no colour; without a terminal, with NO_COLOR or TERM=dumb there is none');
  }
  command
    .configureOutput({
      outputError(text, write) {
        usage = describeUsage(text, command);
        write(usage);
      },
      // In JSON it is said once, at the end.
      ...(isJson ? { writeErr: () => undefined } : {}),
    })
    .exitOverride()
    .showHelpAfterError(`(see ${name} --help)`);
}

/** A command and all below it, each with what is typed to call it. */
function namedCommands(command: Command, above = ''): readonly (readonly [string, Command])[] {
  const name = `${above}${command.name()}`;
  return [[name, command], ...command.commands.flatMap((each) => namedCommands(each, `${name} `))];
}

const variables = [
  // No option has them: Kong's, and secrets.
  'KONG_STATUS_LISTEN',
  adminTokenVariable,
  hookSecretVariable,
  ...new Set(
    namedCommands(program).flatMap(([, { options }]) => options.flatMap(({ envVar }) => envVar ?? [])),
  ),
];

// The SDK's version is pinned, and Node 20 is supported: its notice of a later one would stand in whatever is
// read from standard error.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
connectPatiently();
// A closed pipe or a full disk behind it ends nothing: what was begun is finished. `print` tells of results.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => undefined);
}
/** Resolves when the command is done. Bundled, this is CommonJS, in which nothing is awaited at the top. */
export const ended = runCommand();

async function runCommand(): Promise<void> {
  try {
    warnOfVariables();
    await readFileVariables(variables, process.env);
    await program.parseAsync();
  } catch (error) {
    const failure = readAsked(error);
    process.exitCode = failure?.exitCode ?? 0;
    if (isJson && failure !== undefined) {
      process.stderr.write(`${JSON.stringify({ error: failure })}\n`);
    } else if (failure !== undefined && !isSaidByCommander(error)) {
      process.stderr.write(`lifeboat: ${failure.message}\n`);
    }
  }
}

/** For monitoring 2 is an outage, and wrong options are none. */
function readAsked(error: unknown): Failure | undefined {
  const failure = readFailure(error, usage);
  const isForMonitoring = failure?.code === 'usage' && process.argv.includes('--monitoring');
  return isForMonitoring ? { ...failure, exitCode: 3 } : failure;
}

/** A variable that is misspelt does nothing, and nobody would know. */
function warnOfVariables(): void {
  for (const message of describeUnknownVariables(Object.keys(process.env), variables)) {
    warn(message);
  }
}
