import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { defaultBackoff } from '../core/fetch/backoff.ts';
import { formatAge } from '../core/fetch/currency.ts';
import { vaultFileSource } from '../core/fetch/download.ts';
import { StandbyError } from '../core/fetch/errors.ts';
import { endpointGrantSource } from '../core/fetch/grant-source.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { systemRandom } from '../core/random-source.ts';
import { type Health, type HealthPlace, startHealth } from '../core/standby/health.ts';
import { readKongSetting } from '../core/standby/kong-env.ts';
import type { StandbyLogEntry } from '../core/standby/log.ts';
import { runStandby, type StandbyPorts } from '../core/standby/standby.ts';
import { statusFetch } from '../core/standby/status.ts';
import { watchedKong } from '../core/standby/watched-kong.ts';
import { readTrustedKeys } from './given-pem.ts';
import { defaultStatusUrl, readStatusUrl } from './kong-settings.ts';
import {
  addGrantOptions,
  caFileOption,
  credentialsHelp,
  type GrantOptions,
  grantEndpoints,
  maxBytesOption,
  maxUnverifiedAgeOption,
  parseAgeMs,
  secondsOption,
  spreadOption,
} from './options.ts';
import { vaultNetwork } from './vault-network.ts';

interface StandbyCommandOptions extends GrantOptions {
  readonly prefix: string;
  readonly statusUrl?: string;
  readonly maxBytes: number;
  readonly after: number;
  readonly spread: number;
  readonly timeout: number;
  readonly loadTimeout: number;
  readonly fastFor: number;
  readonly slowPause: number;
  readonly maxCacheAge?: number;
  readonly maxUnverifiedAge?: number;
  readonly healthListen?: HealthPlace;
  readonly caFile?: string;
  readonly stay?: true;
  readonly once?: true;
  readonly json?: true;
}

const pollMs = 250;
const grantTimeoutMs = 10_000;
/** With --once: boot scripts should not wait for ever for a Kong that does not come. */
const silentLimitMs = 60_000;

/** `lifeboat standby`: gives a data plane that stays empty the published configuration. */
export function standbyCommand(): Command {
  return addGrantOptions(new Command('standby'))
    .description(
      'Watch a Kong data plane. When it has no configuration after some seconds, give it the published one. ' +
        'Runs beside Kong, as Kong’s user, and ends when the node has a configuration from any source.',
    )
    .addOption(
      new Option('--prefix <directory>', 'Kong’s prefix, at the same path as for Kong')
        .env('KONG_PREFIX')
        .default('/usr/local/kong'),
    )
    .addOption(
      new Option(
        '--status-url <url>',
        `Kong’s status API; by default from KONG_STATUS_LISTEN or Kong’s own settings, else ${defaultStatusUrl}`,
      )
        .env('LIFEBOAT_STATUS_URL')
        .argParser(statusUrl),
    )
    .addOption(secondsOption('--after <seconds>', 'how long to wait for the control plane first', 5, 0))
    .addOption(spreadOption(3))
    .addOption(secondsOption('--timeout <seconds>', 'limit for a download', 120))
    .addOption(secondsOption('--load-timeout <seconds>', 'how long Kong may take to load the file', 60))
    .addOption(
      secondsOption('--fast-for <seconds>', 'how long failed attempts are repeated at short intervals', 300),
    )
    .addOption(
      secondsOption('--slow-pause <seconds>', 'approximate interval between attempts after that', 60),
    )
    .addOption(maxBytesOption())
    .addOption(
      new Option(
        '--max-cache-age <time>',
        'also seed a node whose cache is older than this (3600, 60m, 12h, 7d) and which has no connection to its control plane',
      )
        .env('LIFEBOAT_MAX_CACHE_AGE')
        .argParser(parseAgeMs),
    )
    .addOption(maxUnverifiedAgeOption())
    .addOption(caFileOption())
    .addOption(
      new Option(
        '--health-listen <host:port>',
        'serve /healthz and /readyz at this address; a port alone means 127.0.0.1',
      )
        .env('LIFEBOAT_HEALTH_LISTEN')
        .argParser(healthPlace),
    )
    .option('--stay', 'keep running when done, for sidecars that must not exit')
    .addOption(
      new Option('--once', 'try once, for boot scripts; the exit code says why it failed').conflicts('stay'),
    )
    .option('--json', 'print one JSON object per decision on stdout, instead of text on stderr')
    .addHelpText(
      'after',
      `${credentialsHelp}\nOn SIGTERM, SIGINT, SIGHUP or SIGQUIT it undoes what it began and exits with 0 (1 with --once).`,
    )
    .action(watchNode);
}

async function watchNode(options: StandbyCommandOptions): Promise<void> {
  const ending = new AbortController();
  const end = () => ending.abort();
  // Once: a second signal ends it without further ado.
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
    process.once(name, end);
  }

  const ports = await createPorts(options);
  const health = await startHealthPage(options);
  const outcome = await runStandby(health === undefined ? ports : { ...ports, report: health.report }, {
    policy: {
      afterMs: options.after * 1000,
      spreadMs: options.spread * 1000,
      ...defaultBackoff,
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

async function startHealthPage({ healthListen: place }: StandbyCommandOptions): Promise<Health | undefined> {
  if (place === undefined) {
    return undefined;
  }
  return startHealth(place, systemClock).catch((error: unknown) => {
    throw new InvalidArgumentError(
      `cannot listen on --health-listen ${place.host}:${place.port} (${error instanceof Error ? error.message : String(error)}): ` +
        'choose a free port, or leave the option out',
    );
  });
}

async function createPorts(options: StandbyCommandOptions): Promise<StandbyPorts> {
  const { controlPlane, kongVersion, maxBytes, statusUrl } = options;
  const prefix = resolve(options.prefix);
  const file = join(prefix, 'lifeboat-config.json');
  const network = await vaultNetwork(options.caFile);
  const fetch = fetchOver(network);
  const endpoints = await grantEndpoints(options, network);
  const trusted = await readTrustedKeys(options.publicKey);
  const shared = { controlPlane, kongVersion, fetch, clock: systemClock, random: systemRandom };
  return {
    node: watchedKong({
      prefix,
      file,
      findStatusUrl: statusUrlFinder(statusUrl, prefix),
      maxCacheAgeMs: options.maxCacheAge,
      loadTimeoutMs: options.loadTimeout * 1000,
      pollMs,
      environment: process.env,
      clock: systemClock,
      fetch: statusFetch(network.secureContext),
    }),
    grants: endpoints.map((endpoint) =>
      endpointGrantSource(endpoint, { ...shared, timeoutMs: grantTimeoutMs }),
    ),
    files: vaultFileSource({
      ...shared,
      trusted,
      output: file,
      maxBytes,
      maxUnverifiedAgeMs: options.maxUnverifiedAge,
      timeoutMs: options.timeout * 1000,
    }),
    clock: systemClock,
    random: systemRandom,
    log: options.json === true ? logJson : logText,
  };
}

function logJson(entry: StandbyLogEntry): void {
  process.stdout.write(`${JSON.stringify({ at: systemClock.now().toISOString(), ...entry })}\n`);
}

function logText({ message, nextTryInSeconds, verifiedAt }: StandbyLogEntry): void {
  const then = nextTryInSeconds === undefined ? '' : ` (next attempt in ${nextTryInSeconds} s)`;
  const current =
    verifiedAt === undefined
      ? ''
      : `, as current ${formatAge(new Date(verifiedAt), systemClock.now())} before`;
  process.stderr.write(`lifeboat: ${message}${current}${then}\n`);
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  // A listener alone would not keep the process alive.
  const alive = setInterval(() => undefined, 2 ** 30);
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  clearInterval(alive);
}

/**
 * Finds the status API anew each time: Kong writes its settings when it starts, which may be after standby.
 */
function statusUrlFinder(given: string | undefined, prefix: string): () => Promise<string> {
  // Manifests and unit files often set variables to nothing.
  const listen = process.env['KONG_STATUS_LISTEN'] || undefined;
  if (given !== undefined || listen !== undefined) {
    const url = given ?? readStatusUrl(listen);
    return async () => url;
  }
  return async () => {
    try {
      return readStatusUrl(await readKongSetting(prefix, 'status_listen'));
    } catch (error) {
      // The next start of Kong may have another one.
      throw error instanceof InvalidArgumentError ? new StandbyError('kong', error.message) : error;
    }
  };
}

function healthPlace(value: string): HealthPlace {
  const [, host = '127.0.0.1', port = ''] =
    /^(?:(\[[0-9a-fA-F:]+\]|[^\s:[\]]+):)?(\d{1,5})$/.exec(value) ?? [];
  if (port === '' || Number(port) < 1 || Number(port) > 65_535) {
    throw new InvalidArgumentError('a port, or host:port, is expected, for example 8100 or 0.0.0.0:8100');
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function statusUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new InvalidArgumentError('an http:// or https:// URL is expected');
  }
  return value;
}
