import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { downloadVerified } from '../core/standby/download.ts';
import { requestGrant } from '../core/standby/grant-request.ts';
import { removeLeftover, requireSeedable, seedKong } from '../core/standby/seed.ts';
import { type StandbyLogEntry, type StandbyPorts, standby } from '../core/standby/standby.ts';
import { configurationHash } from '../core/standby/status.ts';
import { awsCredentials } from './credentials.ts';
import { defaultStatusUrl, statusUrlOf } from './kong-settings.ts';
import {
  controlPlaneOption,
  credentialsHelp,
  endpointUrl,
  kongVersionOption,
  maxBytesOption,
  publicKeyOption,
  regionOf,
  regionOption,
  secondsOption,
  trustedKeys,
} from './options.ts';

interface StandbyCommandOptions {
  readonly controlPlane: string;
  readonly kongVersion: string;
  readonly endpoint: readonly URL[];
  readonly publicKey: string;
  readonly prefix: string;
  readonly statusUrl?: string;
  readonly region?: string;
  readonly maxBytes: number;
  readonly after: number;
  readonly timeout: number;
  readonly loadTimeout: number;
  readonly fastFor: number;
  readonly slowPause: number;
  readonly stay?: true;
  readonly once?: true;
  readonly json?: true;
}

const pollMs = 250;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
const grantTimeoutMs = 10_000;
/** With --once: boot scripts should not wait for ever for a Kong that does not come. */
const silentLimitMs = 60_000;

/** `lifeboat standby`: gives a data plane that stays empty the published configuration. */
export function standbyCommand(): Command {
  return new Command('standby')
    .description(
      'Watch a Kong data plane; when it has no configuration after some seconds, give it the published one. ' +
        'Runs beside Kong, as Kong’s user, and ends when the node has a configuration, from wherever.',
    )
    .addOption(controlPlaneOption())
    .addOption(kongVersionOption())
    .addOption(
      new Option(
        '--endpoint <urls>',
        'Lifeboat’s HTTP API(s), repeated or separated by commas; tried in order',
      )
        .env('LIFEBOAT_ENDPOINT')
        .argParser(endpoints)
        .makeOptionMandatory(),
    )
    .addOption(publicKeyOption())
    .addOption(
      new Option('--prefix <directory>', 'Kong’s prefix, under the same path as Kong sees it')
        .env('KONG_PREFIX')
        .default('/usr/local/kong'),
    )
    .addOption(
      new Option(
        '--status-url <url>',
        `Kong’s status API; by default from KONG_STATUS_LISTEN, else ${defaultStatusUrl}`,
      )
        .env('LIFEBOAT_STATUS_URL')
        .argParser(statusUrl),
    )
    .addOption(regionOption())
    .addOption(secondsOption('--after <seconds>', 'how long the control plane has to deliver', 5, 0))
    .addOption(secondsOption('--timeout <seconds>', 'for a whole download', 120))
    .addOption(secondsOption('--load-timeout <seconds>', 'for Kong to load the file', 60))
    .addOption(secondsOption('--fast-for <seconds>', 'how long failed tries are repeated soon', 300))
    .addOption(secondsOption('--slow-pause <seconds>', 'between tries from then on, about', 60))
    .addOption(maxBytesOption())
    .option('--stay', 'idle when done, for sidecars that may not exit')
    .addOption(
      new Option('--once', 'one try; the exit code says why it failed, for boot scripts').conflicts('stay'),
    )
    .option('--json', 'print a JSON object per decision on stdout, instead of text on stderr')
    .addHelpText(
      'after',
      `${credentialsHelp}\nSIGTERM and SIGINT end it at any step, with 0 (1 with --once), and undo what it began.`,
    )
    .action(watchNode);
}

async function watchNode(options: StandbyCommandOptions): Promise<void> {
  const ending = new AbortController();
  const end = () => ending.abort();
  // Once: a second signal ends it without further ado.
  process.once('SIGTERM', end).once('SIGINT', end);

  const outcome = await standby(await portsOf(options), {
    policy: {
      afterMs: options.after * 1000,
      endpoints: options.endpoint.length,
      firstPauseMs,
      longestPauseMs,
      fastForMs: options.fastFor * 1000,
      slowPauseMs: options.slowPause * 1000,
    },
    pollMs,
    once: options.once === true ? { silentLimitMs } : undefined,
    signal: ending.signal,
  });
  if (outcome !== 'ended') {
    await (options.stay === true ? untilAborted(ending.signal) : undefined);
  } else if (options.once === true) {
    // A boot script must not take this node for one that has its configuration.
    process.exitCode = 1;
  }
}

async function portsOf(options: StandbyCommandOptions): Promise<StandbyPorts> {
  const { controlPlane, kongVersion, maxBytes } = options;
  const prefix = resolve(options.prefix);
  const file = join(prefix, 'lifeboat-config.json');
  const statusUrl = options.statusUrl ?? statusUrlOf(process.env['KONG_STATUS_LISTEN']);
  const apis = options.endpoint.map((endpoint) => ({ endpoint, region: regionOf(endpoint, options.region) }));
  const trusted = await trustedKeys(options.publicKey);
  return {
    configurationHash: (signal) => configurationHash(statusUrl, signal),
    requireSeedable: () => requireSeedable({ prefix, file }),
    removeLeftover: () => removeLeftover({ prefix, file }),
    async requestGrant(index, signal) {
      const api = apis[index];
      if (api === undefined) {
        throw new RangeError(`there are ${apis.length} endpoints, and none with index ${index}`);
      }
      // Anew for each try: those of a machine's role come late and expire.
      const credentials = await awsCredentials();
      return requestGrant({
        ...api,
        controlPlane,
        kongVersion,
        credentials,
        timeoutMs: grantTimeoutMs,
        now: () => new Date(),
        signal,
      });
    },
    download: ({ url }, refusedSha256, signal) =>
      downloadVerified({
        url,
        trusted,
        controlPlane,
        kongVersion,
        output: file,
        maxBytes,
        timeoutMs: options.timeout * 1000,
        refusedSha256,
        signal,
      }),
    seed: ({ md5 }, signal) =>
      seedKong({ prefix, statusUrl, file, md5, timeoutMs: options.loadTimeout * 1000, pollMs, signal }),
    monotonicMs: () => performance.now(),
    random: Math.random,
    sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
    log: options.json === true ? logJson : logText,
  };
}

function logJson(entry: StandbyLogEntry): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`);
}

function logText({ message, nextTryInSeconds }: StandbyLogEntry): void {
  const then = nextTryInSeconds === undefined ? '' : ` (next try in ${nextTryInSeconds} s)`;
  process.stderr.write(`lifeboat: ${message}${then}\n`);
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  // A listener alone would not keep the process alive.
  const alive = setInterval(() => undefined, 2 ** 30);
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  clearInterval(alive);
}

function endpoints(value: string, before: readonly URL[] = []): readonly URL[] {
  return [...before, ...value.split(',').map((one) => endpointUrl(one.trim()))];
}

function statusUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new InvalidArgumentError('an http:// or https:// URL is expected');
  }
  return value;
}
