/** `lifeboat doctor`: what is wrong, and what to do about it. */
import { Command, Option } from 'commander';
import { addAdminApiOptions, adminTokenHelp } from './admin-api-options.ts';
import { addApiOptions } from './api-access.ts';
import type { DoctorOptions } from './doctor/examine.ts';
import { parseAgeMs } from './options.ts';

/** Beside the codes of lifeboat.ts: something needs attention, or could not be checked. */
const notGood = 11;

export function doctorCommand(): Command {
  const command = addAdminApiOptions(addApiOptions(new Command('doctor')))
    .description(
      'Check everything that may be wrong, the most urgent first, and say the next step of each: credentials, clock, endpoint, control planes, certificate, alarms; with --admin-url what the control plane has that the settings lack. If something needs attention, or could not be checked, the exit code is 11.',
    )
    .addOption(
      new Option('--settings <file>', 'the cdk.json with the settings, to compare with the control plane'),
    )
    .addOption(
      new Option('--max-check-age <time>', 'a last check that is older needs attention (3600, 60m, 12h)')
        .argParser(parseAgeMs)
        .default(15 * 60_000, '15m'),
    )
    .addOption(new Option('--json', 'print the findings as JSON'))
    .addHelpText('after', `\nIt changes nothing. ${adminTokenHelp}`);
  // What asks is loaded when it is asked for: the client also starts while a node boots.
  return command.action(async (options: DoctorOptions) => {
    const { examine } = await import('./doctor/examine.ts');
    process.exitCode = (await examine(options)) ? 0 : notGood;
  });
}
