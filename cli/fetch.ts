import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { formatAge } from '../core/fetch/currency.ts';
import { type Downloaded, vaultFileSource } from '../core/fetch/download.ts';
import type { StandbyError } from '../core/fetch/errors.ts';
import { fetchConfig } from '../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../core/fetch/grant-source.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { writeForImport } from '../core/fetch/import-file.ts';
import {
  type OutputPlace,
  removeAbandoned,
  requireOutputPlace,
  temporaryPath,
} from '../core/fetch/output-file.ts';
import { ignoreErrors } from '../core/ignore-errors.ts';
import { systemRandom } from '../core/random-source.ts';
import { profileOption } from './aws-access.ts';
import { readTrustedKeys } from './given-pem.ts';
import {
  addGrantOptions,
  caFileOption,
  credentialsHelp,
  type GrantOptions,
  grantEndpoints,
  maxBytesOption,
  maxUnverifiedAgeOption,
  secondsOption,
  spreadOption,
} from './options.ts';
import { print } from './print.ts';
import { addStackOption } from './stack-option.ts';
import { vaultNetwork } from './vault-network.ts';

interface FetchOptions extends GrantOptions {
  readonly stack?: string;
  readonly output: string;
  readonly maxBytes: number;
  readonly maxUnverifiedAge?: number;
  readonly timeout: number;
  readonly spread: number;
  readonly caFile?: string;
  readonly forImport?: true;
  readonly json?: true;
}

/** A grant is a small answer: with several endpoints the next one is asked soon. */
const longestGrantMs = 30_000;

/** `lifeboat fetch`: gets a control plane's published file, verified. */
export function fetchCommand(): Command {
  return addStackOption(addGrantOptions(new Command('fetch')), 'controlPlane')
    .addOption(profileOption())
    .description(
      'Fetch the published configuration of a control plane, verify it, and write it with mode 0600.',
    )
    .addOption(
      new Option('--output <file>', 'where the file goes; name it *.json')
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
    .option(
      '--for-import',
      'write what `kong config db_import` takes into a new database: without workspaces and parameters',
    )
    .option('--json', 'print the manifest as JSON')
    .addHelpText('after', credentialsHelp)
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
  const endpoints = await grantEndpoints(options, network);
  const grantSettings = { ...shared, timeoutMs: Math.min(timeoutMs, longestGrantMs) };
  const trusted = await readTrustedKeys(options.publicKey);
  await requireOutputPlace(output);
  const fetchTo = (file: string) =>
    fetchConfig(
      {
        grants: endpoints.map((endpoint) => endpointGrantSource(endpoint, grantSettings)),
        files: vaultFileSource({
          ...shared,
          trusted,
          output: file,
          maxBytes,
          timeoutMs,
          maxUnverifiedAgeMs: options.maxUnverifiedAge,
        }),
        clock: systemClock,
        random: systemRandom,
      },
      { spreadMs: options.spread * 1000, patienceMs: timeoutMs, onThrottled: throttlingTeller() },
    );
  const { manifest, currency } = await (options.forImport === true
    ? fetchForImport(fetchTo, { output, timeoutMs, clock: systemClock, random: systemRandom })
    : fetchTo(output));
  const { verifiedAt, warning } = currency;
  if (warning !== undefined) {
    process.stderr.write(`lifeboat: ${warning}\n`);
  }
  const current =
    verifiedAt === undefined ? '' : ` as current ${formatAge(verifiedAt, systemClock.now())} before`;
  await print(
    options.json === true
      ? `${JSON.stringify({ file: output, ...manifest, verifiedAt })}\n`
      : `${output}: revision ${manifest.revision} of control plane "${manifest.controlPlane}" for Kong ${manifest.kongVersion}, ` +
          `exported ${manifest.exportedAt.toISOString()}, ${manifest.entities['total']} entities, ${manifest.size} bytes, verified${current}${options.forImport === true ? '; written for kong config db_import' : ''}\n`,
  );
}

/** On stderr, for somebody waits for the command: the whole message once, and then that it goes on. */
function throttlingTeller(): (error: StandbyError, pauseMs: number) => void {
  let lastMessage: string | undefined;
  return ({ message }, pauseMs) => {
    const what = message === lastMessage ? 'still throttled' : message;
    lastMessage = message;
    process.stderr.write(`lifeboat: ${what} (next attempt in ${Math.round(pauseMs / 100) / 10} s)\n`);
  };
}

/** The signature is of the published file, so that this is verified first, beside the one that is written. */
async function fetchForImport(
  fetchTo: (file: string) => Promise<Downloaded>,
  place: OutputPlace,
): Promise<Downloaded> {
  const { output, random } = place;
  await removeAbandoned(place);
  const verified = temporaryPath(output, random);
  try {
    const downloaded = await fetchTo(verified);
    const expiring = await writeForImport(verified, output, temporaryPath(output, random));
    if (expiring > 0) {
      process.stderr.write(
        `lifeboat: ${expiring} entities have a ttl, which kong config db_import drops: they would be valid for ever. Set it again after ` +
          'the import, as docs/runbook.md says ("Filling a rebuilt control plane from the vault")\n',
      );
    }
    return downloaded;
  } finally {
    await ignoreErrors(rm(verified, { force: true }));
  }
}

/** @returns an absolute path */
function parseOutput(value: string): string {
  if (/[/\0]$/.test(value) || value === '') {
    throw new InvalidArgumentError('the name of a file is expected');
  }
  return resolve(value);
}
