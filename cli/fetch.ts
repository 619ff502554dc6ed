import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { vaultFileSource } from '../core/fetch/download.ts';
import type { StandbyError } from '../core/fetch/errors.ts';
import { fetchConfig } from '../core/fetch/fetch-config.ts';
import { endpointGrantSource, revisionGrantSource } from '../core/fetch/grant-source.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { requireOutputPlace } from '../core/fetch/output-file.ts';
import { systemRandom } from '../core/random-source.ts';
import { profileOption } from './aws-access.ts';
import {
  describeFetched,
  describeUse,
  type FetchTarget,
  fetchToTarget,
  saveManifest,
  standardOutput,
} from './fetched-file.ts';
import { readTrustedKeys } from './given-pem.ts';
import { undoOnSignals } from './interruption.ts';
import {
  addGrantOptions,
  caFileOption,
  credentialsHelp,
  type GrantOptions,
  grantEndpoints,
  maxBytesOption,
  maxUnverifiedAgeOption,
  parseWholeNumber,
  secondsOption,
  spreadOption,
} from './options.ts';
import { print } from './print.ts';
import { addStackOption } from './stack-option.ts';
import { vaultNetwork } from './vault-network.ts';
import { warn } from './warn.ts';

interface FetchOptions extends GrantOptions {
  readonly stack?: string;
  readonly output: string;
  readonly maxBytes: number;
  readonly maxUnverifiedAge?: number;
  readonly timeout: number;
  readonly spread: number;
  readonly caFile?: string;
  readonly forImport?: true;
  readonly manifest: boolean;
  readonly revision?: number;
  readonly json?: true;
}

/** A grant is a small answer: with several endpoints the next one is asked soon. */
const longestGrantMs = 30_000;

const useHelp = `Kong starts with the file by KONG_DATABASE=off KONG_DECLARATIVE_CONFIG=<file>. A new control plane takes what --for-import writes by
\`kong config db_import <file>\`. With --output - the file goes to standard output, once it is verified whole, and all else to standard error.`;

/** `lifeboat fetch`: gets a control plane's published file, verified. */
export function fetchCommand(): Command {
  return addStackOption(addGrantOptions(new Command('fetch')), 'controlPlane')
    .addOption(profileOption())
    .description(
      'Fetch the published configuration of a control plane, verify it, and write it with mode 0600.',
    )
    .addOption(
      new Option('--output <file>', 'where the file goes; name it *.json, or - for standard output')
        .env('LIFEBOAT_OUTPUT')
        .argParser(parseOutput)
        .makeOptionMandatory(),
    )
    .addOption(maxBytesOption())
    .addOption(maxUnverifiedAgeOption())
    .addOption(
      secondsOption(
        '--timeout <seconds>',
        'for the whole download, and for asking again when throttled',
        120,
      ),
    )
    .addOption(spreadOption(0))
    .addOption(caFileOption())
    .addOption(
      new Option(
        '--revision <n>',
        'fetch a kept revision by its number (see `lifeboat history`), whatever is published now; with a right of its own',
      ).argParser(parseWholeNumber(999_999_999)),
    )
    .option(
      '--for-import',
      'write what `kong config db_import` takes into a new database: without workspaces and parameters',
    )
    .option(
      '--no-manifest',
      'do not save the signed manifest beside the file (<file>.manifest.json), by which `lifeboat verify <file>` verifies it',
    )
    .option('--json', 'print the manifest as JSON')
    .addHelpText('after', `${credentialsHelp}\n\n${useHelp}`)
    .action(async (options: FetchOptions) =>
      fetchFile(
        options.stack === undefined ? options : await (await import('./deployment.ts')).locateGrants(options),
      ),
    );
}

async function fetchFile(options: FetchOptions): Promise<void> {
  const { output, controlPlane, kongVersion, maxBytes } = options;
  const timeoutMs = options.timeout * 1000;
  const network = await vaultNetwork(options.caFile);
  const fetch = fetchOver(network);
  const shared = { controlPlane, kongVersion, fetch, clock: systemClock, random: systemRandom };
  if (options.revision !== undefined) {
    requireWayToRevision(options);
  }
  const endpoints = await grantEndpoints(options, network);
  const grantSettings = { ...shared, timeoutMs: Math.min(timeoutMs, longestGrantMs) };
  const trusted = await readTrustedKeys(options.publicKey);
  const target: FetchTarget = {
    ...{ output, timeoutMs },
    ...(options.forImport === undefined ? {} : { forImport: options.forImport }),
  };
  // What is written for an import is not what was signed.
  const isSaved = options.manifest && output !== standardOutput && options.forImport !== true;
  if (output !== standardOutput) {
    await requireOutputPlace(output);
  }
  const { revision } = options;
  const grants =
    revision === undefined
      ? endpoints.map((each) => endpointGrantSource(each, grantSettings))
      : // A replica has no function that searches its history.
        endpoints.slice(0, 1).map((each) => revisionGrantSource(each, revision, grantSettings));
  const pace = { spreadMs: options.spread * 1000, patienceMs: timeoutMs, onThrottled: throttlingTeller() };
  const downloaded = await undoOnSignals((signal) =>
    fetchToTarget(target, (openOutput) =>
      fetchConfig(
        {
          grants,
          files: vaultFileSource({
            ...shared,
            trusted,
            output,
            openOutput,
            maxBytes,
            timeoutMs,
            maxUnverifiedAgeMs: options.maxUnverifiedAge,
            wantedRevision: revision,
          }),
          clock: systemClock,
          random: systemRandom,
        },
        { ...pace, signal },
      ),
    ),
  );
  const { manifest, currency, failures } = downloaded;
  const endpoint = grants[downloaded.endpoint]?.name;
  if (downloaded.endpoint > 0) {
    const before = failures.map(({ message }) => message).join('; then ');
    warn(`the file is from ${endpoint}: ${before || 'no endpoint before has answered in time'}`);
  }
  if (currency.warning !== undefined) {
    warn(currency.warning);
  }
  const manifestFile = isSaved ? await saveManifest(target, downloaded) : undefined;
  const { verifiedAt } = currency;
  const said =
    options.json === true
      ? `${JSON.stringify({ file: output, manifestFile, endpoint, ...manifest, verifiedAt })}\n`
      : describeFetched(target, downloaded);
  // The file itself is what standard output has got.
  await (output === standardOutput ? process.stderr.write(said) : print(said));
  if (options.json !== true && process.stdout.isTTY) {
    process.stderr.write(describeUse(target) ?? '');
  }
}

/** A kept revision is for people: what a data plane has gives none. */
function requireWayToRevision({ auth, endpoint: [first] }: FetchOptions): void {
  if (auth !== 'iam') {
    throw new InvalidArgumentError(
      '--revision is asked for with AWS credentials: a cluster certificate is a data plane’s, which gets the published file. Leave --auth out',
    );
  }
  if (first?.protocol === 'arn:') {
    throw new InvalidArgumentError(
      '--revision goes to the HTTP API, and not to the function of data planes: give the API’s URL as --endpoint',
    );
  }
}

/** On stderr, for somebody waits for the command: the whole message once, and then that it goes on. */
function throttlingTeller(): (error: StandbyError, pauseMs: number) => void {
  let lastMessage: string | undefined;
  return ({ message }, pauseMs) => {
    const what = message === lastMessage ? 'still throttled' : message;
    lastMessage = message;
    warn(`${what} (next attempt in ${Math.round(pauseMs / 100) / 10} s)`);
  };
}

/** @returns an absolute path, or `standardOutput` */
function parseOutput(value: string): string {
  if (value === standardOutput) {
    return value;
  }
  if (/[/\0]$/.test(value) || value === '') {
    throw new InvalidArgumentError('the name of a file is expected');
  }
  return resolve(value);
}
