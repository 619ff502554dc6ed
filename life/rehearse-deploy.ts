/** `npm run rehearse:deploy`: the life of a deployment, with the real `cdk`, against an emulator of AWS. */
import { Command, Option } from 'commander';
import { parseEndpoint } from './emulator/endpoint.ts';
import { endWithUsage, exitCodes, LifeError } from './failure.ts';

interface Options {
  readonly endpoint?: string;
  readonly ministack?: string;
  readonly short?: true;
  readonly json?: true;
}

await new Command('npm run rehearse:deploy --')
  .showHelpAfterError('(see npm run rehearse:deploy -- --help)')
  .description(
    'Deploy Lifeboat with the real cdk into an emulator of AWS that nobody here wrote, and play its life: first deployment, files, commands, control ' +
      'planes that come and go, a new signing key, a second region, the end and a new beginning. Installs MiniStack (PyPI) into a folder of its own ' +
      'for that, and removes it. Nothing of AWS is called, and nothing listens but on this machine. Exit codes: 0 played, 1 a step failed, ' +
      '2 wrong options, 3 it cannot be played here (no Python, no PyPI).',
  )
  .addOption(
    new Option(
      '--endpoint <url>',
      'another emulator, which runs; it must be empty, and is left as the life leaves it',
    ).argParser(parseEndpoint),
  )
  .option(
    '--ministack <version>',
    'this version alone; by default the newest, and the proved one if that fails',
  )
  .option('--short', 'from the first deployment to the first commands only')
  .option('--json', 'one JSON object at the end, and nothing else on stdout')
  .exitOverride(endWithUsage)
  .action(rehearse)
  .parseAsync();

async function rehearse(options: Options): Promise<void> {
  // Only now: CDK and the AWS SDK take seconds to load, and a wrong flag should be told at once.
  const { rehearseDeployment } = await import('./rehearsal.ts');
  try {
    const { ok } = await rehearseDeployment(options);
    process.exitCode = ok ? 0 : exitCodes.failed;
  } catch (error) {
    if (!(error instanceof LifeError)) {
      throw error;
    }
    process.stderr.write(`\nnpm run rehearse:deploy: ${error.message}\n`);
    process.exitCode = exitCodes[error.code];
  }
}
