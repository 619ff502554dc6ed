import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { kongVersion } from '../core/names.ts';
import { clusterEndpointSchema } from '../lib/settings/setting-values.ts';
import { isAlive } from '../simulators/kong/kong-node.ts';
import { parseBy } from './parse-by.ts';
import { chooseKong } from './rehearsal/rehearsed-kong.ts';
import {
  type RealControlPlaneOptions,
  realControlPlane,
  type Subject,
  simulatedControlPlane,
  usualVersion,
} from './rehearsal/subject.ts';

export interface StartOptions extends Partial<RealControlPlaneOptions> {
  readonly customPlugins: readonly string[];
  readonly wasmFilters: readonly string[];
  readonly kong?: string;
  readonly serve?: true;
  readonly listen?: true;
  readonly port?: number;
  readonly data?: string;
  readonly json?: true;
}

const portExpected = 'a port number is expected';
const portSchema = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, portExpected),
  v.transform(Number),
  v.maxValue(65_535, portExpected),
);

/** What `npm start` understands. */
export function startProgram(start: (options: StartOptions) => Promise<void>): Command {
  return new Command('npm start --')
    .showHelpAfterError('(see npm start -- --help)')
    .description(
      'Rehearse an outage on this machine: the whole of Lifeboat, without an AWS account, in under a minute.',
    )
    .addOption(
      new Option(
        '--cluster-endpoint <host:port>',
        'read a real control plane instead of the simulator; it is never changed',
      ).argParser(parseBy(clusterEndpointSchema)),
    )
    .option('--cluster-cert <file>', 'a data plane’s cluster certificate, PEM')
    .option('--cluster-cert-key <file>', 'its key, PEM')
    .option('--cluster-ca <file>', 'PKI mode: the CA of the control plane’s certificate, PEM')
    .option(
      '--cluster-server-name <name>',
      'name in the control plane’s certificate, where it is not the host',
    )
    .addOption(
      new Option('--custom-plugins <names>', 'plugins that are not Kong’s own, separated by commas')
        .default([])
        .argParser(parseNames),
    )
    .addOption(
      new Option('--wasm-filters <names>', 'filters of a control plane with wasm = on, separated by commas')
        .default([])
        .argParser(parseNames),
    )
    .addOption(
      new Option('--data-plane-version <version>', 'full Kong version to publish for').argParser(
        parseBy(kongVersion),
      ),
    )
    .option('--kong <path>', 'a kong executable for the new data plane; by default the one on PATH, if any')
    .option(
      '--serve',
      'keep running, and print endpoints, credentials and ready-made commands; Ctrl-C ends it',
    )
    .addOption(new Option('--port <port>', 'of the HTTP API').argParser(parseBy(portSchema)))
    .option('--listen', 'listen to the control plane as well, as the setting `listen` has it done')
    .option(
      '--data <directory>',
      'keep vault, keys and logs here for the next start (default: .lifeboat, which is emptied first)',
    )
    .option('--json', 'one JSON object at the end, and nothing else on stdout')
    .action(start);
}

/** What a start needs before anything is deployed. */
export interface PreparedStart {
  readonly directory: string;
  readonly kong: Awaited<ReturnType<typeof chooseKong>>;
  readonly subject: Subject;
  /** Ends the simulator, if there is one, and lets others use the directory. */
  stop(): Promise<void>;
}

/** @throws Error that names the flag, the file or the directory in the way */
export async function prepareStart(options: StartOptions): Promise<PreparedStart> {
  const { directory, release } = await claimDataDirectory(options.data);
  try {
    const kong = await chooseKong(options.kong, options.dataPlaneVersion ?? usualVersion, directory);
    const subject = await chooseSubject(options);
    return {
      directory,
      kong,
      subject,
      async stop() {
        await subject.simulator?.takeDown();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function chooseSubject(options: StartOptions): Promise<Subject> {
  const { clusterEndpoint, clusterCert, clusterCertKey } = options;
  if (clusterEndpoint === undefined) {
    const { clusterCa, clusterServerName, customPlugins, wasmFilters } = options;
    // With a certificate and no endpoint, the simulator's success would be taken for that of a real control
    // plane.
    if (
      [clusterCert, clusterCertKey, clusterCa, clusterServerName, customPlugins[0], wasmFilters[0]].some(
        (given) => given,
      )
    ) {
      throw new Error(
        '--cluster-cert, --cluster-cert-key, --cluster-ca, --cluster-server-name, --custom-plugins and --wasm-filters describe a real control plane: ' +
          'name it with --cluster-endpoint',
      );
    }
    return simulatedControlPlane(options.dataPlaneVersion);
  }
  if (clusterCert === undefined || clusterCertKey === undefined) {
    throw new Error(
      '--cluster-endpoint needs --cluster-cert and --cluster-cert-key: a data plane’s cluster certificate',
    );
  }
  return realControlPlane({ ...options, clusterEndpoint, clusterCert, clusterCertKey });
}

/**
 * A directory that the user names is kept as it is; our own starts empty. Only one system runs in a directory
 * at a time: a second one would overwrite the objects of the first.
 */
async function claimDataDirectory(
  named: string | undefined,
): Promise<{ readonly directory: string; readonly release: () => Promise<void> }> {
  const directory = named === undefined ? join(projectRoot, '.lifeboat') : resolve(named);
  const pidFile = join(directory, 'pid');
  const runningPid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (runningPid > 0 && runningPid !== process.pid && isAlive(runningPid)) {
    throw new Error(
      `another system (process ${runningPid}) uses ${directory}: end it, or name another directory with --data. ` +
        `If that process is not Lifeboat, delete ${pidFile}`,
    );
  }
  if (named === undefined) {
    await rm(directory, { recursive: true, force: true });
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(pidFile, String(process.pid));
  return { directory, release: () => rm(pidFile, { force: true }) };
}

function parseNames(value: string): readonly string[] {
  return value.split(',').filter((name) => name !== '');
}
