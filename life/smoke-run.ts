/** A life in an account of AWS: asked for, played, removed, and reported. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { realControlPlane } from '../local/rehearsal/subject.ts';
import { type Account, clientsOf, cloudFormationsOf, emulatedEnvironment } from './account.ts';
import { type Cleanups, withCleanups } from './cleanups.ts';
import { startReachableControlPlane } from './control-plane.ts';
import { probeEmulator } from './emulator/gaps.ts';
import { LifeError } from './failure.ts';
import { Life } from './life.ts';
import { type Played, play } from './play.ts';
import { runLifeboat } from './programs.ts';
import { tellProgress } from './progress.ts';
import { bootstrapStep, firstLife, laterLife, leaveNothingStep, onlyOnAws } from './whole-life.ts';

export interface SmokeOptions {
  readonly clusterEndpoint?: string;
  readonly clusterCert?: string;
  readonly clusterCertKey?: string;
  readonly clusterCa?: string;
  readonly clusterServerName?: string;
  readonly dataPlaneVersion: string;
  readonly customPlugins: readonly string[];
  readonly wasmFilters: readonly string[];
  readonly profile?: string;
  readonly region: string;
  readonly secondRegion: string;
  readonly yes?: true;
  readonly endpoint?: string;
  readonly json?: true;
}

/** Estimated. */
const longestMinutes = 70;

const say = (line: string) => process.stderr.write(`${line}\n`);

/**
 * Plays it and prints the report. What was made is removed, whatever happens.
 *
 * @returns whether each step has ended as it must
 * @throws LifeError `usage` for a file that is no PEM, `unplayable` when it cannot begin,
 *   `refused` when nobody said yes
 */
export function runSmoke(options: SmokeOptions): Promise<boolean> {
  return withCleanups(async ({ folder, add }) => {
    const controlPlane = await findControlPlane(options, add);
    const account = await findAccount(options);
    const stackName = `LifeboatSmoke${randomBytes(3).toString('hex')}`;
    await confirm(options, account, stackName);
    const notes: string[] = [];
    const life = new Life({ account, stackName, folder, notes, kept: [], ...controlPlane });
    const left = describeLeft(account, stackName);
    let isTold = false;
    // Also at Ctrl-C, which removes nothing: that takes a quarter of an hour.
    add(async () => (isTold ? undefined : say(left)));
    const progress = tellProgress(say);
    const steps = [
      ...(account.emulator === undefined ? [] : [bootstrapStep(Object.values(account.regions))]),
      ...firstLife,
      ...laterLife(),
      ...onlyOnAws,
    ];
    const played = await play(life, steps, progress);
    const removed = await play(life, [leaveNothingStep], progress);
    isTold = true;
    if (!removed.ok) {
      notes.push(left);
    }
    const report = await describe(account, stackName, notes, played, removed);
    process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : formatReport(report));
    return played.ok && removed.ok;
  });
}

function describeLeft({ regions }: Account, stackName: string): string {
  return (
    `NOT REMOVED: stacks, buckets and keys whose names begin with or whose descriptions name ${stackName}, in ${Object.values(regions).join(' and ')}. ` +
    'Take the termination protection off the stacks and delete them, then the buckets and keys that they have left'
  );
}

async function findAccount(options: SmokeOptions): Promise<Account> {
  const regions = { first: options.region, second: options.secondRegion };
  if (options.endpoint !== undefined) {
    const url = options.endpoint;
    const environment = emulatedEnvironment(url, regions.first);
    const clients = clientsOf(environment, regions.first);
    const { accountId: id, open: gaps } = await probeEmulator(cloudFormationsOf(environment, regions), url);
    const emulator = { url, name: url, gaps };
    return { id, regions, environment, clients, emulator };
  }
  const { profile } = options;
  const found = await defaultProvider(profile === undefined ? {} : { profile })().catch((error: unknown) => {
    throw new LifeError(
      'unplayable',
      `no AWS credentials were found (${error instanceof Error ? error.message : String(error)}): give --profile, or set AWS_PROFILE`,
      { cause: error },
    );
  });
  warnOfExpiry(found.expiration);
  const environment = {
    AWS_ACCESS_KEY_ID: found.accessKeyId,
    AWS_SECRET_ACCESS_KEY: found.secretAccessKey,
    ...(found.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: found.sessionToken }),
    AWS_REGION: regions.first,
    AWS_DEFAULT_REGION: regions.first,
  };
  const clients = clientsOf(environment, regions.first);
  const id = await requireBootstrapped(environment, Object.values(regions));
  return { id, regions, environment, clients };
}

/** A life has the credentials that are there when it begins: without them nothing can be removed, either. */
function warnOfExpiry(expiration: Date | undefined): void {
  const minutesLeft = ((expiration?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now()) / 60_000;
  if (minutesLeft < longestMinutes) {
    say(
      `!! These credentials end in ${Math.floor(minutesLeft)} minutes, and it may take ${longestMinutes}: what is there then stays. Get new ones first.\n`,
    );
  }
}

/** @returns the account's id, which CDK's own stack tells */
async function requireBootstrapped(
  environment: Readonly<Record<string, string>>,
  regions: readonly string[],
): Promise<string> {
  const ids = await Promise.all(
    regions.map(async (region) => {
      const { cloudFormation } = clientsOf(environment, region);
      const { Stacks: [stack] = [] } = await cloudFormation
        .send(new DescribeStacksCommand({ StackName: 'CDKToolkit' }))
        .catch((error: unknown) => {
          throw new LifeError(
            'unplayable',
            `${region} is not bootstrapped for CDK, or may not be looked at (${error instanceof Error ? error.message : String(error)}): npx cdk bootstrap aws://<account>/${region}`,
            { cause: error },
          );
        });
      return stack?.StackId?.split(':')[4];
    }),
  );
  const [id] = ids;
  if (id === undefined) {
    throw new LifeError('unplayable', 'CloudFormation does not say which account this is');
  }
  return id;
}

async function confirm(options: SmokeOptions, account: Account, stackName: string): Promise<void> {
  const { first, second } = account.regions;
  say(`Lifeboat is deployed as ${stackName} in ${account.emulator?.url ?? `account ${account.id}`}, ${first} and ${second}.

  It takes 40 to ${longestMinutes} minutes, and makes about 20 deployments.
  It costs less than 2 USD: some hours of 9 keys, 80 alarms and 8 secrets, and a few thousand requests.
  It reads the control plane (${options.clusterEndpoint ?? 'a simulated one'}), and changes nothing of it.
  In the end everything is removed. Keys wait 7 days for their deletion, which costs nothing. Log groups end with the stacks.
  With a broken line in between something may stay: its name begins with ${stackName}.
`);
  if (options.yes === true) {
    return;
  }
  if (!(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new LifeError('refused', 'there is no terminal to ask at: give --yes');
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question('Begin? (yes/no) ').finally(() => lines.close());
  if (answer.trim().toLowerCase() !== 'yes') {
    throw new LifeError('refused', 'nothing was done');
  }
}

async function findControlPlane(options: SmokeOptions, add: Cleanups['add']) {
  const { endpoint, clusterEndpoint, clusterCert, clusterCertKey } = options;
  if (endpoint !== undefined) {
    const started = await startReachableControlPlane(options.dataPlaneVersion);
    add(started.stop);
    return { subject: started.subject, clusterEndpoint: started.clusterEndpoint };
  }
  if (clusterEndpoint === undefined || clusterCert === undefined || clusterCertKey === undefined) {
    throw new Error('the options are checked before');
  }
  const subject = await realControlPlane({ ...options, clusterEndpoint, clusterCert, clusterCertKey }).catch(
    (error: unknown) => {
      throw new LifeError('usage', error instanceof Error ? error.message : String(error), { cause: error });
    },
  );
  return { subject, clusterEndpoint };
}

interface Report {
  readonly ok: boolean;
  readonly steps: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly where: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  readonly failures: readonly { readonly step: string; readonly error: string }[];
}

async function describe(
  account: Account,
  stackName: string,
  notes: readonly string[],
  ...parts: readonly Played[]
): Promise<Report> {
  const packages = v.object({ version: v.string(), devDependencies: v.record(v.string(), v.string()) });
  const { version, devDependencies } = v.parse(
    packages,
    JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')),
  );
  const { stdout } = await runLifeboat(account, ['--version']);
  // A report is for others to read: they need not know which account it was.
  const anonymous = (text: string) => text.replaceAll(account.id, '<account>');
  return {
    ok: parts.every(({ ok }) => ok),
    steps: Object.assign({}, ...parts.map(({ steps }) => steps)),
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    where: `${account.emulator?.name ?? 'AWS'}, ${account.regions.first} and ${account.regions.second}, ${stackName}`,
    versions: {
      lifeboat: `${version} (${stdout.trim()})`,
      node: process.version,
      'aws-cdk': devDependencies['aws-cdk'] ?? '',
      'aws-cdk-lib': devDependencies['aws-cdk-lib'] ?? '',
      system: `${platform()} ${arch()}`,
    },
    notes: notes.map(anonymous),
    failures: parts.flatMap(({ failure }) =>
      failure === undefined ? [] : [{ step: failure.step, error: anonymous(String(failure.error)) }],
    ),
  };
}

/** Markdown, for an issue. */
function formatReport({ ok, steps, seconds, where, versions, notes, failures }: Report): string {
  return [
    `### npm run smoke: ${ok ? 'played' : 'failed'}`,
    '',
    `${where}. ${Object.entries(versions)
      .map((each) => each.join(' '))
      .join(', ')}.`,
    '',
    '| step | seconds |',
    '|---|---|',
    ...Object.entries(steps).map(([name, duration]) => `| ${name} | ${duration} |`),
    `| together | ${Math.round(seconds)} |`,
    '',
    ...failures.flatMap(({ step, error }) => [`**${step} failed**`, '', '```', error, '```', '']),
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}
