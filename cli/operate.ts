/** Commands of operators to an exporter: `lifeboat rollback`, `unpin`, `approve` and `export`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { sendCommand } from '../core/fetch/command-request.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { awsCredentials } from './credentials.ts';
import {
  caFileOption,
  controlPlaneOption,
  findRegion,
  kongVersionOption,
  parseEndpoint,
  parseWholeNumber,
  regionOption,
} from './options.ts';
import { print } from './print.ts';
import { vaultNetwork } from './vault-network.ts';

interface OperateOptions {
  readonly endpoint: URL;
  readonly controlPlane: string;
  readonly kongVersion?: string;
  readonly revision?: number;
  readonly sees?: number | string;
  readonly reason: string;
  readonly id?: string;
  readonly region?: string;
  readonly caFile?: string;
}

const revisionOption = (flags: string, description: string) =>
  new Option(flags, description).argParser(parseWholeNumber(999_999_999)).makeOptionMandatory();

const seesOption = () =>
  revisionOption(
    '--sees <n>',
    'the revision that is current, as you saw it: with another one nothing is done',
  );

/** The commands of operators. Each prints the answer, JSON. */
export function operatorCommands(): readonly Command[] {
  return [
    newCommand('rollback')
      .description(
        'Publish the content of an earlier revision as a new one, and pin it: nothing else is published until it is unpinned.',
      )
      .addOption(kongVersionOption())
      .addOption(revisionOption('--revision <n>', 'the revision whose content is to be published'))
      .addOption(seesOption()),
    newCommand('unpin')
      .description('Publish a pinned revision once more, unpinned: exports go on from there.')
      .addOption(kongVersionOption())
      .addOption(seesOption()),
    newCommand('approve')
      .description(
        'Approve what is held, for half an hour. Without --sees nothing is done, and the answer says what is held.',
      )
      .addOption(new Option('--sees <name>', 'what is held, as the answer without it names it')),
    newCommand('export').description('Ask for an export. Its outcome comes into the log and the status.'),
  ];
}

function newCommand(name: string): Command {
  return new Command(name)
    .addOption(controlPlaneOption())
    .addOption(
      new Option('--endpoint <url>', 'URL of Lifeboat’s HTTP API (see the stack’s outputs)')
        .env('LIFEBOAT_ENDPOINT')
        .argParser(parseApi)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--reason <text>', 'why, for the log and the status').makeOptionMandatory())
    .addOption(new Option('--id <id>', 'names the command; by default the request’s own id'))
    .addOption(regionOption())
    .addOption(caFileOption())
    .addHelpText(
      'after',
      '\nAWS credentials come from the standard AWS chain. The role must be one of the operators.',
    )
    .action((options: OperateOptions) => operate(name, options));
}

/** API Gateway waits for 30 s. */
const timeoutMs = 35_000;

async function operate(command: string, options: OperateOptions): Promise<void> {
  const { endpoint, controlPlane, kongVersion: version, revision, sees, reason, id } = options;
  const network = await vaultNetwork(options.caFile);
  const answer = await sendCommand({
    endpoint,
    controlPlane,
    command,
    // JSON leaves out what is undefined.
    body: { version, revision, sees, reason, id },
    authentication: {
      by: 'iam',
      region: findRegion(endpoint, options.region),
      credentials: await awsCredentials(network),
    },
    timeoutMs,
    clock: systemClock,
    fetch: fetchOver(network),
  });
  await print(`${answer.trimEnd()}\n`);
}

function parseApi(value: string): URL {
  const endpoint = parseEndpoint(value);
  if (endpoint.protocol === 'arn:') {
    throw new InvalidArgumentError('commands go to the HTTP API: give its URL');
  }
  return endpoint;
}
