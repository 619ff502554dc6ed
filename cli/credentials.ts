import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isNativeError } from 'node:util/types';
import type { AwsCredentialIdentity } from '@smithy/types';
import { limitCalls } from '../core/aws-calls.ts';
import { systemClock } from '../core/clock.ts';
import { readErrorCode } from '../core/error-code.ts';
import { StandbyError } from '../core/fetch/errors.ts';
import { describeRequestFailure } from '../core/fetch/http-client.ts';
import type { Network } from '../core/fetch/network.ts';
import { sdkAgent } from '../core/fetch/sdk-agent.ts';
import { describeInvisible } from './visible-text.ts';

/**
 * The credentials that the standard AWS chain finds: environment, profile, container, instance.
 *
 * @param network by which STS and single sign-on are asked
 * @param profile by name; what the environment says of credentials then does not count. @default AWS_PROFILE
 * @throws StandbyError `denied` when it finds none, or none that can be sent, or there is no such profile
 */
export async function awsCredentials(network: Network, profile?: string): Promise<AwsCredentialIdentity> {
  if (profile !== undefined) {
    // The chain would go on to the machine's own role, which is not who was asked for.
    await requireProfile(profile, '--profile');
  }
  // Half of the client, and most nodes never ask: it is loaded here.
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  const named = profile === undefined ? {} : { profile, logger: silence };
  const found = await defaultProvider({ clientConfig: sdkSettings(network), ...named })().catch(
    async (error: unknown) => {
      if (process.env['AWS_PROFILE'] && profile === undefined) {
        await requireProfile(process.env['AWS_PROFILE'], 'AWS_PROFILE');
      }
      // Where this user has no home there is no file.
      const unreadable = await findUnreadable().catch(() => undefined);
      throw new StandbyError(
        'denied',
        `no AWS credentials were found (${unreadable ?? describeProviderFailure(error)}): set AWS_ACCESS_KEY_ID and ` +
          'AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role',
        { cause: error },
      );
    },
  );
  requireVisible(found);
  return found;
}

/** Settings of a client of the SDK: how it connects, and how long it waits. */
export function sdkSettings(network: Network) {
  const { maxAttempts, requestHandler } = limitCalls({
    connectMs: 10_000,
    tryMs: 10_000,
    silenceMs: 10_000,
    tries: 2,
  });
  return { maxAttempts, requestHandler: { ...requestHandler, httpsAgent: sdkAgent(network, systemClock) } };
}

/** What the SDK has to say is told, and what a service answered it. Other errors quote what they read. */
function describeProviderFailure(error: unknown): string {
  const isOfProvider = isNativeError(error) && (error.name.endsWith('ProviderError') || '$fault' in error);
  return isOfProvider ? error.message.slice(0, 500) : describeRequestFailure(error);
}

const ignore = () => undefined;
/** The SDK would warn that the environment's credentials do not count, which `--profile` asks for. */
const silence = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Where the AWS SDKs and the AWS CLI have profiles (AWS SDKs Reference Guide, "Shared config files"). */
function sharedFiles() {
  const {
    AWS_SHARED_CREDENTIALS_FILE: credentials = join(homedir(), '.aws/credentials'),
    AWS_CONFIG_FILE: config = join(homedir(), '.aws/config'),
  } = process.env;
  return { credentials, config };
}

/** Headings of profiles; other sections of the config file are no profiles. */
const headings = {
  credentials: /^[ \t]*\[[ \t]*"?([^\]"\n]+?)"?[ \t]*\]/gm,
  config: /^[ \t]*\[[ \t]*(?:profile[ \t]+|(?=default[ \t]*\]))"?([^\]"\n]+?)"?[ \t]*\]/gm,
};

/** @throws StandbyError `denied` that names the profiles that there are */
async function requireProfile(profile: string, source: string): Promise<void> {
  const files = sharedFiles();
  const namesIn = async (kind: keyof typeof headings) =>
    [...(await readFile(files[kind], 'utf8').catch(() => '')).matchAll(headings[kind])].map(
      ([, name = '']) => name,
    );
  const names = new Set([...(await namesIn('credentials')), ...(await namesIn('config'))]);
  if (names.has(profile)) {
    return;
  }
  const { credentials, config } = files;
  const known = [...names].sort().map((name) => `"${name}"`);
  const unreadable = await findUnreadable().catch(() => undefined);
  const there =
    known.length === 0 ? `neither ${credentials} nor ${config} has any` : `there are ${known.join(', ')}`;
  throw new StandbyError(
    'denied',
    `there is no AWS profile "${profile}", which ${source} names: ${unreadable ?? there}`,
  );
}

/** The SDK takes a file that may not be read for one that is not there. */
async function findUnreadable(): Promise<string | undefined> {
  const { credentials, config } = sharedFiles();
  const failures = await Promise.all(
    [credentials, config].map((path) =>
      readFile(path).then(
        () => undefined,
        (error: unknown) => ({ path, code: readErrorCode(error) }),
      ),
    ),
  );
  const failed = failures.find((failure) => failure !== undefined && failure.code !== 'ENOENT');
  return failed && `${failed.path} is there and cannot be read, ${failed.code}`;
}

const variables = {
  accessKeyId: ['AWS_ACCESS_KEY_ID', 'access key id'],
  secretAccessKey: ['AWS_SECRET_ACCESS_KEY', 'secret access key'],
  sessionToken: ['AWS_SESSION_TOKEN', 'session token'],
} as const;

/** With a line break a header cannot be sent, and a key signs wrongly: it looks like the fault of others. */
function requireVisible(credentials: AwsCredentialIdentity): void {
  for (const [field, [variable, words]] of Object.entries(variables)) {
    const value = credentials[field as keyof typeof variables];
    const oddity = value === undefined ? undefined : describeInvisible(value);
    if (oddity !== undefined) {
      const name = process.env[variable] === value ? variable : `the ${words} of the AWS credentials`;
      throw new StandbyError('denied', `${name} ${oddity}`);
    }
  }
}
