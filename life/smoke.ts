/** `npm run smoke`: the life of a deployment in an account of AWS, for whoever has one. */
import { Command, Option } from 'commander';
import { kongVersion } from '../core/names.ts';
import { clusterEndpointSchema } from '../lib/settings/setting-values.ts';
import { parseBy } from '../local/parse-by.ts';
import { parseEndpoint } from './emulator/endpoint.ts';
import { endWithUsage, exitCodes, LifeError } from './failure.ts';
import type { SmokeOptions } from './smoke-run.ts';

const names = (value: string) => value.split(',').filter((name) => name !== '');

await new Command('npm run smoke --')
  .showHelpAfterError('(see npm run smoke -- --help)')
  .description(
    'Deploy Lifeboat into an account of AWS under a name of its own, play its life there, with what no emulator can tell, and remove it again. ' +
      'It needs the rights of an administrator, a bootstrapped account, and a control plane that Lambda reaches, which is only read. ' +
      'It says what it costs and what stays, and asks before it begins. Exit codes: 0 played, 1 a step failed, 2 wrong options, ' +
      '3 it cannot be played there, 4 not confirmed.',
  )
  .addOption(
    new Option('--cluster-endpoint <host:port>', 'the control plane, as Lambda reaches it').argParser(
      parseBy(clusterEndpointSchema),
    ),
  )
  .option('--cluster-cert <file>', 'a data plane’s cluster certificate, PEM')
  .option('--cluster-cert-key <file>', 'its key, PEM')
  .option('--cluster-ca <file>', 'PKI mode: the CA of the control plane’s certificate, PEM')
  .option('--cluster-server-name <name>', 'name in the control plane’s certificate, where it is not the host')
  .addOption(
    new Option('--data-plane-version <version>', 'full Kong version to publish for')
      .argParser(parseBy(kongVersion))
      .default('3.9.1'),
  )
  .addOption(
    new Option('--custom-plugins <names>', 'plugins that are not Kong’s own').argParser(names).default([]),
  )
  .addOption(
    new Option('--wasm-filters <names>', 'filters of a control plane with wasm = on')
      .argParser(names)
      .default([]),
  )
  .option('--profile <name>', 'AWS profile; by default AWS_PROFILE, or what the environment has')
  .option('--region <region>', 'of the vault', 'eu-central-1')
  .option('--second-region <region>', 'of its replica', 'eu-west-1')
  .option('--yes', 'do not ask for a confirmation')
  .addOption(
    new Option(
      '--endpoint <url>',
      'an emulator instead of AWS, with a simulated control plane, to try this program',
    ).argParser(parseEndpoint),
  )
  .option('--json', 'the report as one JSON object on stdout; by default it is text to paste into an issue')
  .exitOverride(endWithUsage)
  .action(smoke)
  .parseAsync();

async function smoke(options: SmokeOptions, command: Command): Promise<void> {
  const { endpoint, clusterEndpoint, clusterCert, clusterCertKey, region, secondRegion } = options;
  const isComplete = [clusterEndpoint, clusterCert, clusterCertKey].every((given) => given !== undefined);
  if (endpoint === undefined && !isComplete) {
    command.error(
      'error: AWS reaches no simulated control plane: name one with --cluster-endpoint, --cluster-cert and --cluster-cert-key (it is only read)',
      { exitCode: 2 },
    );
  }
  if (region === secondRegion) {
    command.error('error: --second-region must be another one than --region', { exitCode: 2 });
  }
  // Only now: CDK and the AWS SDK take seconds to load, and a wrong flag should be told at once.
  const { runSmoke } = await import('./smoke-run.ts');
  try {
    process.exitCode = (await runSmoke(options)) ? 0 : exitCodes.failed;
  } catch (error) {
    if (!(error instanceof LifeError)) {
      throw error;
    }
    process.stderr.write(`\nnpm run smoke: ${error.message}\n`);
    process.exitCode = exitCodes[error.code];
  }
}
