#!/usr/bin/env node
/** `npm run drill`: plays a drill in a local system, whole or with one part broken. */
import { Command, Option } from 'commander';
import { type BreakablePart, breakableParts, startDrillStage } from './stage.ts';

interface DrillOptions {
  readonly break?: BreakablePart;
  readonly json?: true;
}

/** Of `lifeboat`, too: it was answered, and not well. */
const failedExitCode = 11;

await new Command('npm run drill --')
  .showHelpAfterError('(see npm run drill -- --help)')
  .description(
    'Play a drill in a local system: a new data plane that asks for a grant, downloads, verifies and looks into its file, by the function that is deployed. Ends with 11 where it fails.',
  )
  .addOption(new Option('--break <part>', 'break something first').choices(breakableParts))
  .option('--json', 'print what the function has noted, as JSON')
  .action(async (options: DrillOptions) => {
    const stage = await startDrillStage();
    try {
      await stage.publish();
      if (options.break !== undefined) {
        await stage.breakPart[options.break]();
      }
      const record = await stage.system.playDrill();
      const { outcome, seconds, versions } = record;
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(record)}\n`
          : [
              `drill ${outcome}, ${seconds.toFixed(1)} s`,
              ...versions.map(
                ({ kongVersion, revision, fault, detail }) =>
                  `Kong ${kongVersion}: ${fault === undefined ? `revision ${revision}` : `${fault}: ${detail}`}`,
              ),
              '',
            ].join('\n'),
      );
      process.exitCode = outcome === 'passed' ? 0 : failedExitCode;
    } finally {
      await stage.stop();
    }
  })
  .parseAsync();
