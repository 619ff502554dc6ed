/** `lifeboat restore`: fills the new database of a control plane with a file from the vault. */
import { Argument, Command, Option } from 'commander';
import type { RestoreOptions } from './restore/run.ts';

export function restoreCommand(): Command {
  return (
    new Command('restore')
      .description(
        'Say what fills the new database of a rebuilt control plane with a file that `lifeboat fetch --for-import` has written, and what is missing afterwards; with --run do it on this machine.',
      )
      .addArgument(new Argument('<file>', 'as `lifeboat fetch --for-import` writes it'))
      .addOption(new Option('--run', 'run Kong’s own commands here, with the settings of this environment'))
      .addOption(new Option('--kong <path>', 'the kong command').default('kong', 'that on PATH'))
      .addOption(new Option('--kong-conf <file>', 'kong.conf of the control plane; by default Kong’s own'))
      .addOption(
        new Option(
          '--again',
          'with --run: import into a database that was set up before, for an import that broke off',
        ),
      )
      .addOption(new Option('--yes', 'do not ask for a confirmation'))
      .addOption(new Option('--json', 'print it as JSON'))
      .addHelpText(
        'after',
        '\nKeep the cluster port (8005) closed until it is done: data planes that connect to an empty database are emptied within seconds.\nKong’s settings come from --kong-conf and KONG_* variables: database and plugins as the control plane has them.',
      )
      // What runs is loaded when it is asked for: the client also starts while a node boots.
      .action(async (file: string, options: RestoreOptions) =>
        (await import('./restore/run.ts')).restore(file, options),
      )
  );
}
