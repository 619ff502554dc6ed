/** `lifeboat drill`: plays a new data plane from this machine, and says what would keep it from booting. */
import { Command, Option } from 'commander';
import { profileOption } from './aws-access.ts';
import type { PlayOptions } from './drill/play.ts';
import {
  addGrantOptions,
  caFileOption,
  credentialsHelp,
  parseWholeNumber,
  secondsOption,
} from './options.ts';
import { addStackOption } from './stack-option.ts';

interface DrillOptions extends PlayOptions {
  readonly stack?: string;
}

const useHelp = `Each line is one thing that was checked; of one that failed it names what is broken: api, vault, disk, missing, key, control-plane, version, outdated, file, reference, size, kong, time.
A Kong of that version, on PATH or by --kong, is started on the file in a directory of its own, without proxy, and stopped in the end. Without one this step is left out.
A grant is logged and counted like that of a data plane: while the control plane is up, an alarm tells of it.`;

export function drillCommand(): Command {
  return (
    addStackOption(addGrantOptions(new Command('drill')), 'controlPlane')
      .addOption(profileOption())
      .description(
        'Play a new data plane: grant, download, verification, parse, references, size, and a Kong that boots. Nothing of it stays. Ends with 11 where one would not boot.',
      )
      .addOption(
        new Option('--lmdb-map-mib <n>', 'lmdb_map_size of the data planes, in MiB')
          .argParser(parseWholeNumber(1_048_576, 16))
          .default(2048),
      )
      .addOption(
        secondsOption(
          '--timeout <seconds>',
          'for grant, download and checks, and again for Kong to boot',
          120,
        ),
      )
      .addOption(caFileOption())
      .addOption(new Option('--kong <path>', 'the kong command that boots; by default that on PATH'))
      .addOption(
        new Option(
          '--kong-conf <file>',
          'kong.conf of the data planes, for their plugins, vaults and router; by default Kong’s own defaults',
        ),
      )
      .addOption(new Option('--json', 'print it as JSON'))
      .addHelpText('after', `${credentialsHelp}\n\n${useHelp}`)
      // What plays is loaded when it is asked for: the client also starts while a node boots.
      .action(async (options: DrillOptions) => {
        const located =
          options.stack === undefined
            ? options
            : await (await import('./deployment.ts')).locateGrants(options);
        process.exitCode = await (await import('./drill/play.ts')).playDrill(located);
      })
  );
}
