/** Options that several commands have, with their `LIFEBOAT_*` variables. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import { controlPlaneName, kongVersion } from '../core/names.ts';
import { VaultError } from '../core/vault/errors.ts';
import { type VerificationKey, verificationKey } from '../core/vault/signer.ts';

export const credentialsHelp =
  '\nCredentials come from the standard AWS chain (environment, profile, container, instance).';

export function controlPlaneOption(): Option {
  return new Option('--control-plane <name>', 'name of the control plane')
    .env('LIFEBOAT_CONTROL_PLANE')
    .argParser(checked(controlPlaneName))
    .makeOptionMandatory();
}

export function kongVersionOption(): Option {
  return new Option('--kong-version <version>', 'full version of the data plane, see `kong version`')
    .env('LIFEBOAT_KONG_VERSION')
    .argParser(checked(kongVersion))
    .makeOptionMandatory();
}

export function publicKeyOption(): Option {
  return new Option(
    '--public-key <file>',
    'signing key(s), PEM, see `lifeboat public-key`; two while a key is replaced',
  )
    .env('LIFEBOAT_PUBLIC_KEY')
    .makeOptionMandatory();
}

export function regionOption(): Option {
  return new Option(
    '--region <region>',
    'AWS region of an API whose URL does not tell it; by default AWS_REGION',
  );
}

export function maxBytesOption(): Option {
  return new Option('--max-bytes <n>', 'largest file that is accepted')
    .argParser(wholeNumber(999_999_999_999))
    .default(2 ** 30);
}

export function caFileOption(): Option {
  return new Option(
    '--ca-file <file>',
    'CA certificate(s), PEM, that are trusted besides Node’s own, for example a proxy’s',
  ).env('LIFEBOAT_CA_FILE');
}

export function secondsOption(flags: string, description: string, byDefault: number, least = 1): Option {
  // Node's timers end at 24 days, and nobody waits for a day.
  return new Option(flags, description).argParser(wholeNumber(86_400, least)).default(byDefault);
}

/**
 * The keys that a PEM file pins.
 *
 * @throws InvalidArgumentError
 */
export async function trustedKeys(file: string): Promise<readonly VerificationKey[]> {
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

/**
 * The AWS region whose API an endpoint is: as API Gateway's own name says, which cannot be wrong and may be one of several endpoints; else as
 * asked for, else the environment's.
 *
 * @throws InvalidArgumentError when none is known
 */
export function regionOf(endpoint: URL, region: string | undefined): string {
  const fromUrl = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com/.exec(endpoint.hostname)?.[1];
  // Manifests and unit files often set variables to nothing.
  const found = [fromUrl, region, process.env['AWS_REGION'], process.env['AWS_DEFAULT_REGION']].find(Boolean);
  if (found === undefined) {
    throw new InvalidArgumentError('no AWS region: give --region or set AWS_REGION');
  }
  return found;
}

/** For options whose value is itself, if it is right. */
export function checked(schema: v.GenericSchema<string>): (value: string) => string {
  return (value) => {
    const result = v.safeParse(schema, value);
    if (!result.success) {
      throw new InvalidArgumentError(result.issues[0].message);
    }
    return value;
  };
}

/** HTTPS, or HTTP to this machine. */
export function endpointUrl(value: string): URL {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(parsed?.hostname ?? '');
  // The grant holds a secret URL: plain HTTP is for the local system only.
  if (parsed === undefined || !(parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLocal))) {
    throw new InvalidArgumentError('an https:// URL is expected');
  }
  return parsed;
}

export function wholeNumber(most: number, least = 1): (value: string) => number {
  return (value) => {
    if (!/^(0|[1-9]\d{0,11})$/.test(value) || Number(value) < least || Number(value) > most) {
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is expected`);
    }
    return Number(value);
  };
}
