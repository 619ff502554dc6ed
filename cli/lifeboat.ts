#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { CodedError } from '../core/coded-error.ts';
import { nameForeignError } from '../core/error-code.ts';
import { ApiError, type ApiErrorCode } from '../core/fetch/api-request.ts';
import { exitCodes, StandbyError } from '../core/fetch/errors.ts';
import { connectPatiently } from '../core/patient-connections.ts';
import { VaultError, type VaultErrorCode } from '../core/vault/errors.ts';
import packageJson from '../package.json' with { type: 'json' };
import { fetchCommand } from './fetch.ts';
import { readFileVariables } from './file-variables.ts';
import { inspectCommands } from './inspect.ts';
import { operatorCommands } from './operate.ts';
import { publicKeyCommand } from './public-key.ts';
import { standbyCommand } from './standby.ts';
import { describeUsage } from './usage-error.ts';

const program = new Command('lifeboat')
  .description('Keeps Kong data planes bootable while their control plane is down.')
  .version(packageJson.version)
  .addCommand(fetchCommand())
  .addCommand(publicKeyCommand())
  .addCommand(standbyCommand())
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
      diff --exit-code a difference`,
  )
  .exitOverride()
  .showHelpAfterError('(see lifeboat --help)');
for (const command of [...inspectCommands(), ...operatorCommands()]) {
  program.addCommand(command);
}
const usageErrorsOf = (command: Command) => ({
  outputError: (text: string, write: (text: string) => void) => write(describeUsage(text, command)),
});
program.configureOutput(usageErrorsOf(program));
for (const command of program.commands) {
  command
    .configureOutput(usageErrorsOf(command))
    .exitOverride()
    .showHelpAfterError(`(see lifeboat ${command.name()} --help)`);
}

const variables = [
  // Kong's, which no option has.
  'KONG_STATUS_LISTEN',
  ...new Set(program.commands.flatMap(({ options }) => options.flatMap(({ envVar }) => envVar ?? []))),
];

const wrongOptions = 2;
const vaultExitCodes: Readonly<Partial<Record<VaultErrorCode, number>>> = {
  denied: exitCodes.denied,
  unavailable: exitCodes.unreachable,
};

const apiExitCodes: Readonly<Record<ApiErrorCode, number>> = {
  denied: exitCodes.denied,
  refused: 10,
  failed: exitCodes.unreachable,
};

connectPatiently();
// A closed pipe or a full disk behind it ends nothing: what was begun is finished. `print` tells of results.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => undefined);
}
// Bundled it is CommonJS, in which nothing is awaited at the top.
void runCommand();

async function runCommand(): Promise<void> {
  try {
    await readFileVariables(variables, process.env);
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  const foundByCommand = error instanceof InvalidArgumentError;
  if (error instanceof CommanderError && !foundByCommand) {
    // Commander has printed what was wrong, or the help that was asked for.
    return error.exitCode === 0 ? 0 : wrongOptions;
  }
  process.stderr.write(`lifeboat: ${describeFailure(error)}\n`);
  if (error instanceof StandbyError) {
    return exitCodes[error.code];
  }
  if (error instanceof ApiError) {
    return apiExitCodes[error.code];
  }
  if (error instanceof VaultError) {
    return vaultExitCodes[error.code] ?? 1;
  }
  return foundByCommand ? wrongOptions : 1;
}

/** Messages of parsers and of other code quote what they are about, which may be a configuration. */
function describeFailure(error: unknown): string {
  const isOurs = error instanceof CodedError || error instanceof InvalidArgumentError;
  return isOurs || (error instanceof Error && error.name === 'Error')
    ? error.message
    : `an error that was not foreseen (${nameForeignError(error)})`;
}
