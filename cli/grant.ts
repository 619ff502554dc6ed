/** `lifeboat grant`: asks for a grant as a data plane would, and says what came. */
import { Command, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { requestFirstGrant } from '../core/fetch/first-grant.ts';
import { endpointGrantSource } from '../core/fetch/grant-source.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { systemRandom } from '../core/random-source.ts';
import { profileOption } from './aws-access.ts';
import {
  addGrantOptions,
  caFileOption,
  credentialsHelp,
  type GrantOptions,
  grantEndpoints,
} from './options.ts';
import { print } from './print.ts';
import { addStackOption } from './stack-option.ts';
import { vaultNetwork } from './vault-network.ts';

interface AskOptions extends GrantOptions {
  readonly stack?: string;
  readonly caFile?: string;
  readonly url?: true;
  readonly json?: true;
}

const timeoutMs = 30_000;

export function grantCommand(): Command {
  const command = addStackOption(addGrantOptions(new Command('grant')), 'controlPlane')
    .addOption(profileOption())
    .description(
      'Ask for a grant as a data plane would, and say what came: whether it may, from which endpoint, for how long. The URL itself is not shown.',
    )
    .addOption(caFileOption())
    .addOption(
      new Option(
        '--url',
        'print the URL and nothing else: whoever has it can download all secrets of the file',
      ),
    )
    .addOption(new Option('--json', 'print it as JSON'))
    .addHelpText(
      'after',
      `${credentialsHelp}\n\nA grant is logged and counted like that of a data plane: while the control plane is up, an alarm tells of it.`,
    )
    .action(async (options: AskOptions) =>
      askForGrant(
        options.stack === undefined ? options : await (await import('./deployment.ts')).locateGrants(options),
      ),
    );
  // Nothing is downloaded, so that nothing is verified.
  command.options
    .find(({ long }) => long === '--public-key')
    ?.makeOptionMandatory(false)
    .hideHelp();
  return command;
}

/** @throws StandbyError, that of the last endpoint */
async function askForGrant(options: AskOptions): Promise<void> {
  const { controlPlane, kongVersion } = options;
  const network = await vaultNetwork(options.caFile);
  const sources = (await grantEndpoints(options, network)).map((endpoint) =>
    endpointGrantSource(endpoint, {
      ...{ controlPlane, kongVersion, timeoutMs },
      fetch: fetchOver(network),
      clock: systemClock,
      random: systemRandom,
    }),
  );
  const { granted, failures } = await requestFirstGrant(sources, {
    endpoints: [...sources.keys()],
    clock: systemClock,
  });
  if (granted === undefined) {
    throw failures.at(-1)?.error ?? new Error('no endpoint was asked');
  }
  for (const { error } of failures) {
    process.stderr.write(`lifeboat: ${error.message}\n`);
  }
  const { url, statusUrl, expiresAt, ...subject } = granted.grant;
  const endpoint = sources[granted.endpoint]?.name;
  if (options.url === true) {
    await print(`${url}\n`);
    return;
  }
  const seconds = Math.round((Date.parse(expiresAt) - systemClock.now().getTime()) / 1000);
  const hasStatus = statusUrl !== undefined;
  await print(
    options.json === true
      ? `${JSON.stringify({ controlPlane: subject.controlPlane, kongVersion: subject.kongVersion, endpoint, expiresAt, seconds, hasStatus })}\n`
      : `${endpoint} grants a download for control plane "${subject.controlPlane}" and Kong ${subject.kongVersion}, for ${seconds} s` +
          `${hasStatus ? ', with the status' : ''}. Its URL is a secret, and is not shown.\n`,
  );
}
