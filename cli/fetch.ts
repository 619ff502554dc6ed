import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { fetchConfig } from '../core/standby/fetch-config.ts';
import { awsCredentials } from './credentials.ts';
import {
  caFileOption,
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
import { vaultFetch } from './vault-fetch.ts';

interface FetchOptions {
  readonly controlPlane: string;
  readonly kongVersion: string;
  readonly endpoint: URL;
  readonly publicKey: string;
  readonly output: string;
  readonly region?: string;
  readonly maxBytes: number;
  readonly timeout: number;
  readonly caFile?: string;
  readonly json?: true;
}

/** `lifeboat fetch`: gets a control plane's published file, verified. */
export function fetchCommand(): Command {
  return new Command('fetch')
    .description(
      'Fetch the published configuration of a control plane, verify it, and write it with mode 0600.',
    )
    .addOption(controlPlaneOption())
    .addOption(kongVersionOption())
    .addOption(
      new Option('--endpoint <url>', 'Lifeboat’s HTTP API, see the stack’s outputs')
        .env('LIFEBOAT_ENDPOINT')
        .argParser(endpointUrl)
        .makeOptionMandatory(),
    )
    .addOption(publicKeyOption())
    .addOption(
      new Option('--output <file>', 'where the file goes; name it *.json')
        .env('LIFEBOAT_OUTPUT')
        .makeOptionMandatory(),
    )
    .addOption(regionOption())
    .addOption(maxBytesOption())
    .addOption(secondsOption('--timeout <seconds>', 'for the whole download', 120))
    .addOption(caFileOption())
    .option('--json', 'print the manifest as JSON')
    .addHelpText('after', credentialsHelp)
    .action(fetchFile);
}

async function fetchFile(options: FetchOptions): Promise<void> {
  const output = resolve(options.output);
  const manifest = await fetchConfig({
    endpoint: options.endpoint,
    controlPlane: options.controlPlane,
    kongVersion: options.kongVersion,
    region: regionOf(options.endpoint, options.region),
    trusted: await trustedKeys(options.publicKey),
    credentials: await awsCredentials(),
    output,
    maxBytes: options.maxBytes,
    timeoutMs: options.timeout * 1000,
    now: () => new Date(),
    fetch: await vaultFetch(options.caFile),
  });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ file: output, ...manifest })}\n`
      : `${output}: revision ${manifest.revision} of control plane "${manifest.controlPlane}" for Kong ${manifest.kongVersion}, ` +
          `exported ${manifest.exportedAt.toISOString()}, ${manifest.entities['total']} entities, ${manifest.size} bytes, verified\n`,
  );
}
