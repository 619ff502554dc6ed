/** Plays a drill in a directory that is gone afterwards, and prints what came of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { type DrilledVersion, type DrillReport, drill, findFault } from '../../core/drill/drill.ts';
import { readErrorCode } from '../../core/error-code.ts';
import { StandbyError } from '../../core/fetch/errors.ts';
import { requestFirstGrant } from '../../core/fetch/first-grant.ts';
import type { ReceivedGrant } from '../../core/fetch/grant-request.ts';
import { endpointGrantSource, type GrantSource } from '../../core/fetch/grant-source.ts';
import { fetchOver } from '../../core/fetch/http-client.ts';
import { systemRandom } from '../../core/random-source.ts';
import { readTrustedKeys } from '../given-pem.ts';
import { undoOnSignals } from '../interruption.ts';
import { type GrantOptions, grantEndpoints } from '../options.ts';
import { print } from '../print.ts';
import { vaultNetwork } from '../vault-network.ts';
import { prepareKong } from './boot-kong.ts';

export interface PlayOptions extends GrantOptions {
  readonly lmdbMapMib: number;
  readonly timeout: number;
  readonly caFile?: string;
  readonly kong?: string;
  readonly kongConf?: string;
  readonly json?: true;
}

const longestGrantMs = 30_000;
/** As for all commands: it was answered, and not well. */
const failedExitCode = 11;

/**
 * @returns the exit code
 * @throws InvalidArgumentError for options; StandbyError `output` where nothing can be held on the disk
 */
export async function playDrill(options: PlayOptions): Promise<number> {
  const { controlPlane, kongVersion } = options;
  const network = await vaultNetwork(options.caFile);
  const endpoints = await grantEndpoints(options, network);
  const trusted = await readTrustedKeys(options.publicKey);
  const timeoutMs = options.timeout * 1000;
  const shared = { controlPlane, fetch: fetchOver(network), clock: systemClock, random: systemRandom };
  const grantSettings = { ...shared, kongVersion, timeoutMs: Math.min(timeoutMs, longestGrantMs) };
  const grants = firstOf(endpoints.map((each) => endpointGrantSource(each, grantSettings)));
  const report = await undoOnSignals((signal) =>
    inScratchDirectory(async (directory) => {
      const bootKong = await prepareKong({ ...options, directory, timeoutMs, signal });
      return drill(
        {
          ...shared,
          grantsOf: () => grants.source,
          mayLag: grants.isCopy,
          trusted: async () => trusted,
          lmdbMapBytes: options.lmdbMapMib * 2 ** 20,
          holdDirectory: directory,
          timeoutMs,
          // Of one version.
          totalMs: timeoutMs,
          signal,
          bootKong,
        },
        [kongVersion],
      );
    }),
  );
  await print(options.json === true ? `${JSON.stringify({ controlPlane, ...report })}\n` : describe(report));
  return report.outcome === 'passed' ? 0 : failedExitCode;
}

/** The endpoints in the order and at the pace of a data plane. All but the first give copies. */
function firstOf(sources: readonly GrantSource[]): {
  readonly source: GrantSource;
  readonly isCopy: (grant: ReceivedGrant) => boolean;
} {
  const copies = new WeakSet<ReceivedGrant>();
  return {
    isCopy: (grant) => copies.has(grant),
    source: {
      async requestGrant(versionId, signal) {
        const { granted, failures } = await requestFirstGrant(sources, {
          endpoints: [...sources.keys()],
          clock: systemClock,
          versionId,
          signal,
        });
        if (granted === undefined) {
          const errors = failures.map(({ error }) => error);
          throw new StandbyError(
            errors.at(-1)?.code ?? 'unreachable',
            errors.map(({ message }) => message).join('; then '),
          );
        }
        if (granted.endpoint > 0) {
          copies.add(granted.grant);
        }
        return granted.grant;
      },
    },
  };
}

async function inScratchDirectory<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-')).catch((error: unknown) => {
    throw new StandbyError(
      'output',
      `no directory can be made in ${tmpdir()} (${readErrorCode(error) ?? 'no reason'}): check its owner and free space, or name another one (TMPDIR)`,
    );
  });
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function describe({ versions, seconds }: DrillReport): string {
  return versions
    .flatMap((version) => [
      ...version.checks.map(
        ({ outcome, check, fault, detail }) =>
          `${outcome.padEnd(8)}  ${check.padEnd(10)}  ${fault === undefined ? '' : `${fault}: `}${detail}\n`,
      ),
      ...(version.warning === undefined ? [] : [`warning   ${version.warning}\n`]),
      `${conclude(version)} (${seconds.toFixed(1)} s)\n`,
    ])
    .join('');
}

function conclude(version: DrilledVersion): string {
  const { kongVersion, revision } = version;
  return version.outcome === 'passed'
    ? `A new data plane of Kong ${kongVersion} can boot, with revision ${revision}.`
    : `A new data plane of Kong ${kongVersion} cannot boot: ${findFault(version)}.`;
}
