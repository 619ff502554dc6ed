import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { fetchConfig } from '../core/fetch/fetch-config.ts';
import { systemRandom } from '../core/random-source.ts';
import {
  addGrantOptions,
  caFileOption,
  credentialsHelp,
  type GrantOptions,
  grantSources,
  maxBytesOption,
  secondsOption,
  trustedKeys,
} from './options.ts';
import { vaultFetch } from './vault-fetch.ts';

interface FetchOptions extends GrantOptions {
  readonly output: string;
  readonly maxBytes: number;
  readonly timeout: number;
  readonly caFile?: string;
  readonly json?: true;
}

/** `lifeboat fetch`: gets a control plane's published file, verified. */
export function fetchCommand(): Command {
  return addGrantOptions(new Command('fetch'))
    .description(
      'Fetch the published configuration of a control plane, verify it, and write it with mode 0600.',
    )
    .addOption(
      new Option('--output <file>', 'where the file goes; name it *.json')
        .env('LIFEBOAT_OUTPUT')
        .makeOptionMandatory(),
    )
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
    sources: await grantSources(options),
    controlPlane: options.controlPlane,
    kongVersion: options.kongVersion,
    trusted: await trustedKeys(options.publicKey),
    output,
    maxBytes: options.maxBytes,
    timeoutMs: options.timeout * 1000,
    clock: systemClock,
    random: systemRandom,
    fetch: await vaultFetch(options.caFile),
  });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ file: output, ...manifest })}\n`
      : `${output}: revision ${manifest.revision} of control plane "${manifest.controlPlane}" for Kong ${manifest.kongVersion}, ` +
          `exported ${manifest.exportedAt.toISOString()}, ${manifest.entities['total']} entities, ${manifest.size} bytes, verified\n`,
  );
}
