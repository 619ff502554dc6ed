/** `lifeboat certificate put`: fills the secret that exports take the cluster certificate from. */
import { Command, Option } from 'commander';
import { addAwsOptions } from './aws-access.ts';
import type { PutCertificateOptions } from './certificate/put.ts';
import { controlPlaneOption } from './options.ts';
import { stackOption } from './stack-option.ts';

/** `lifeboat certificate`. */
export function certificateCommand(): Command {
  return new Command('certificate')
    .description('The cluster certificate that exports connect with.')
    .addCommand(putCommand());
}

function putCommand(): Command {
  const command = new Command('put')
    .description(
      'Check a data plane’s cluster certificate and key as exports do, and put them into the secret that exports read.',
    )
    .addOption(controlPlaneOption().makeOptionMandatory(false))
    .addOption(stackOption('name or ARN of the CloudFormation stack, whose outputs name the secret'))
    .addOption(new Option('--secret <id>', 'instead of --stack: ARN or name of the secret'))
    .addOption(
      new Option('--cluster-cert <certificate>', 'as in Kong: a file, PEM, or base64 of PEM')
        .env('KONG_CLUSTER_CERT')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--cluster-cert-key <key>', 'its private key, in the same forms')
        .env('KONG_CLUSTER_CERT_KEY')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--cluster-ca-cert <certificate>', 'in PKI mode: its authority, in the same forms').env(
        'KONG_CLUSTER_CA_CERT',
      ),
    )
    .addOption(new Option('--dry-run', 'check, show what would be done, and do nothing'))
    .addOption(new Option('--yes', 'do not ask for a confirmation'))
    .addOption(new Option('--json', 'print what was done as JSON'))
    .addHelpText(
      'after',
      '\nThe role needs secretsmanager:PutSecretValue on the secret. What is there is not read. A key on the command line is seen by\nwhoever lists processes: name its file.',
    );
  // What writes is loaded when it is asked for: the client also starts while a node boots.
  return addAwsOptions(command).action(async (options: PutCertificateOptions) =>
    (await import('./certificate/put.ts')).putCertificate(options),
  );
}
