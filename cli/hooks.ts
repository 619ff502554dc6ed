/** `lifeboat hooks`: the event hook by which Kong Enterprise tells Lifeboat of changes. */
import { Command, Option } from 'commander';
import { addAdminApiOptions, adminTokenHelp } from './admin-api-options.ts';
import { addApiOptions } from './api-access.ts';
import {
  type HookOptions,
  hookSecretVariable,
  type InstallOptions,
  type TestOptions,
} from './hooks/options.ts';

const secretHelp = `The secret comes from ${hookSecretVariable}, or the file that ${hookSecretVariable}_FILE names, or with --stack from Secrets Manager; the role then needs secretsmanager:GetSecretValue on it, and kms:Decrypt with its key.`;

export function hooksCommand(): Command {
  return new Command('hooks')
    .description('The event hook by which Kong Enterprise tells Lifeboat of changes.')
    .addCommand(installCommand())
    .addCommand(
      newAdminCommand('list')
        .description('List the event hooks of the control plane, and say which is Lifeboat’s.')
        .addHelpText('after', `\n${adminTokenHelp}`)
        // What asks is loaded when it is asked for: the client also starts while a node boots.
        .action(async (options: HookOptions) => (await import('./hooks/list.ts')).listHooks(options)),
    )
    .addCommand(testCommand())
    .addCommand(
      addDryRun(newAdminCommand('remove'))
        .description('Remove Lifeboat’s event hook. Changes are then found by the schedule, or a listener.')
        .addHelpText('after', `\n${adminTokenHelp}`)
        .action(async (options: InstallOptions) => (await import('./hooks/install.ts')).removeHooks(options)),
    );
}

function installCommand(): Command {
  return addDryRun(newAdminCommand('install'))
    .description(
      'Create Lifeboat’s event hook in the control plane, or mend it. Where it is right already nothing is done.',
    )
    .addOption(
      new Option(
        '--no-ssl-verify',
        'Kong shall not verify Lifeboat’s certificate, as by default up to Kong 2.8',
      ),
    )
    .addHelpText('after', `\n${secretHelp}\n${adminTokenHelp}`)
    .action(async (options: InstallOptions) => (await import('./hooks/install.ts')).installHook(options));
}

function testCommand(): Command {
  return newCommand('test')
    .description(
      'Send a signed ping to Lifeboat, as Kong does for a new event hook, and say what was answered. It causes no export, and needs no Admin API.',
    )
    .addOption(new Option('--sha1', 'sign as Kong up to 3.13 does, which the setting acceptSha1 may forbid'))
    .addHelpText('after', `\n${secretHelp}`)
    .action(async (options: TestOptions) => (await import('./hooks/test.ts')).testHook(options));
}

function newCommand(name: string): Command {
  return addApiOptions(new Command(name)).addOption(new Option('--json', 'print it as JSON'));
}

function newAdminCommand(name: string): Command {
  const command = addAdminApiOptions(newCommand(name));
  command.options.find(({ long }) => long === '--admin-url')?.makeOptionMandatory();
  return command;
}

function addDryRun(command: Command): Command {
  return command.addOption(new Option('--dry-run', 'show what would be done, and do nothing'));
}
