import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import { controlPlaneName, kongVersion } from '../core/names.ts';
import { fetchConfig } from '../core/standby/fetch-config.ts';
import { VaultError } from '../core/vault/errors.ts';
import { type VerificationKey, verificationKey } from '../core/vault/signer.ts';
import { awsCredentials } from './credentials.ts';

interface FetchOptions {
  readonly controlPlane: string;
  readonly kongVersion: string;
  readonly endpoint: URL;
  readonly publicKey: string;
  readonly output: string;
  readonly region?: string;
  readonly maxBytes: number;
  readonly timeout: number;
  readonly json?: true;
}

/** `lifeboat fetch`: gets a control plane's published file, verified. */
export function fetchCommand(): Command {
  return new Command('fetch')
    .description(
      'Fetch the published configuration of a control plane, verify it, and write it with mode 0600.',
    )
    .addOption(
      new Option('--control-plane <name>', 'name of the control plane')
        .env('LIFEBOAT_CONTROL_PLANE')
        .argParser(checked(controlPlaneName))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--kong-version <version>', 'full version of the data plane, see `kong version`')
        .env('LIFEBOAT_KONG_VERSION')
        .argParser(checked(kongVersion))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--endpoint <url>', 'Lifeboat’s HTTP API, see the stack’s outputs')
        .env('LIFEBOAT_ENDPOINT')
        .argParser(url)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--public-key <file>',
        'signing key(s), PEM, see `lifeboat public-key`; two while a key is replaced',
      )
        .env('LIFEBOAT_PUBLIC_KEY')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--output <file>', 'where the file goes; name it *.json')
        .env('LIFEBOAT_OUTPUT')
        .makeOptionMandatory(),
    )
    .addOption(new Option('--region <region>', 'AWS region of the API; by default the URL’s, or AWS_REGION'))
    .addOption(
      new Option('--max-bytes <n>', 'largest file that is accepted')
        .argParser(wholeNumber(999_999_999_999))
        .default(2 ** 30),
    )
    .addOption(
      // Node's timers end at 24 days, and nobody waits for a day.
      new Option('--timeout <seconds>', 'for the whole download').argParser(wholeNumber(86_400)).default(120),
    )
    .option('--json', 'print the manifest as JSON')
    .addHelpText(
      'after',
      '\nCredentials come from the standard AWS chain (environment, profile, container, instance).',
    )
    .action(fetchFile);
}

async function fetchFile(options: FetchOptions): Promise<void> {
  const output = resolve(options.output);
  const manifest = await fetchConfig({
    endpoint: options.endpoint,
    controlPlane: options.controlPlane,
    kongVersion: options.kongVersion,
    region: regionOf(options),
    trusted: await trustedKeys(options.publicKey),
    credentials: await awsCredentials(),
    output,
    maxBytes: options.maxBytes,
    timeoutMs: options.timeout * 1000,
    now: () => new Date(),
  });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ file: output, ...manifest })}\n`
      : `${output}: revision ${manifest.revision} of control plane "${manifest.controlPlane}" for Kong ${manifest.kongVersion}, ` +
          `exported ${manifest.exportedAt.toISOString()}, ${manifest.entities['total']} entities, ${manifest.size} bytes, verified\n`,
  );
}

async function trustedKeys(file: string): Promise<readonly VerificationKey[]> {
  const pem = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InvalidArgumentError(
      `--public-key ${file} cannot be read (${error instanceof Error ? error.message : String(error)})`,
    );
  });
  const keys = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (keys.length === 0) {
    throw new InvalidArgumentError(
      `--public-key ${file} holds no PEM public key: make it with \`lifeboat public-key\``,
    );
  }
  try {
    return await Promise.all(keys.map(verificationKey));
  } catch (error) {
    if (error instanceof VaultError) {
      throw new InvalidArgumentError(`--public-key ${file}: ${error.message}`);
    }
    throw error;
  }
}

function regionOf({ region, endpoint }: FetchOptions): string {
  const fromUrl = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com/.exec(endpoint.hostname)?.[1];
  const found = region ?? fromUrl ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (found === undefined) {
    throw new InvalidArgumentError('no AWS region: give --region or set AWS_REGION');
  }
  return found;
}

function checked(schema: v.GenericSchema<string>): (value: string) => string {
  return (value) => {
    const result = v.safeParse(schema, value);
    if (!result.success) {
      throw new InvalidArgumentError(result.issues[0].message);
    }
    return value;
  };
}

function url(value: string): URL {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(parsed?.hostname ?? '');
  // The grant holds a secret URL: plain HTTP is for the local system only.
  if (parsed === undefined || !(parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLocal))) {
    throw new InvalidArgumentError('an https:// URL is expected');
  }
  return parsed;
}

function wholeNumber(most: number): (value: string) => number {
  return (value) => {
    if (!/^[1-9]\d{0,11}$/.test(value) || Number(value) > most) {
      throw new InvalidArgumentError(`a whole number from 1 to ${most} is expected`);
    }
    return Number(value);
  };
}
