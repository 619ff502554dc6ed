import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { nameForeignError } from '../error-code.ts';
import { StandbyError } from '../fetch/errors.ts';
import type { Fetch } from '../fetch/http-client.ts';
import { nginxProcesses } from './nginx-master.ts';
import { kongEnvSeedLine } from './seed-line.ts';
import type { SeededKong } from './seed-ports.ts';
import { removeReadableLine, seedThrough } from './seeding.ts';
import { isSurelyEmpty, isUnchanged, type StaleCache } from './stale-cache.ts';
import { readConfigurationHash } from './status.ts';
import type { SeedOutcome } from './watched-node.ts';

export interface SeedRequest {
  /** Kong's prefix (`KONG_PREFIX`; `/usr/local/kong` by default). */
  readonly prefix: string;
  /** Base URL of the node's `status_listen`. */
  readonly statusUrl: string;
  /**
   * Verified declarative config, `*.json`, under the path by which Kong sees it; Kong's user must be able to
   * read it.
   */
  readonly file: string;
  /** Of the file's bytes, lower-case hex: what a node that has loaded it shows as its configuration hash. */
  readonly md5: string;
  /** An old cache that the file may replace. @default none: the node must have no configuration */
  readonly replaces?: StaleCache | undefined;
  /** For Kong to do something about the signal; where its processes cannot be seen, to load the file. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** How the status API is asked. @default trusting whom Node trusts */
  readonly fetch?: Fetch | undefined;
  /** @default 250 */
  readonly pollMs?: number | undefined;
  /** How long Kong's master rests before it counts as having refused the file. @default 2,000 */
  readonly restMs?: number | undefined;
  /** Ends the wait early; everything is undone. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a node is, or would be, seeded. */
export type SeedPlace = Pick<SeedRequest, 'prefix' | 'file' | 'clock'>;

/**
 * Gives a running Kong that has no configuration, or an old one that may go, one from a file, without a
 * restart (docs/kong.md#seeding): a line `declarative_config = <file>` in `<prefix>/.kong_env`, a SIGHUP, and
 * the line out again as soon as the node has another configuration, from wherever. A node that has any other
 * is left alone. When it returns or throws, the line is gone, so that the file may go too.
 *
 * A line that a killed run left behind is known by its path, which nobody but Lifeboat writes to.
 *
 * @returns `interrupted` when Kong was started again, or wrote its settings anew, before it had loaded the
 * file
 * @throws StandbyError `kong`; `refused` when Kong did not load the file; `verification` when the file is not
 * the one that was verified
 */
export async function seedKong(request: SeedRequest): Promise<SeedOutcome> {
  return seedThrough(kongHere(request, request), {
    ...request,
    pollMs: request.pollMs ?? 250,
    restMs: request.restMs ?? 2_000,
  });
}

/**
 * Checks what the seeding of a node needs besides the file, and takes out the line of a killed run.
 *
 * @throws StandbyError `kong`
 */
export async function requireSeedable({ prefix, file, clock }: SeedPlace): Promise<void> {
  const line = kongEnvSeedLine({ prefix, file, clock });
  await line.refuseUsersOwn();
  await line.remove();
  await nginxProcesses(prefix).findMaster();
}

/**
 * Takes out the line that a killed run left in a node that has a configuration by now.
 *
 * @throws StandbyError `kong` when it is there and stays
 */
export async function removeLeftover({ prefix, file, clock }: SeedPlace): Promise<void> {
  await removeReadableLine(kongEnvSeedLine({ prefix, file, clock }));
}

function kongHere(
  { prefix, file, clock }: SeedPlace,
  { statusUrl, md5, fetch }: Pick<SeedRequest, 'statusUrl' | 'md5' | 'fetch'>,
): SeededKong {
  return {
    status: {
      readHash: (signal) => readConfigurationHash(statusUrl, { clock, fetch }, signal),
      isSurelyEmpty: () => isSurelyEmpty(prefix),
      isUnchanged: (cache, hash) => isUnchanged(cache, prefix, hash),
    },
    line: kongEnvSeedLine({ prefix, file, clock }),
    processes: nginxProcesses(prefix),
    requireContent: () => requireContent(file, md5),
  };
}

// A file that changed since it was verified must not be loaded, and one that is missing would make the node
// unready.
async function requireContent(file: string, md5: string): Promise<void> {
  const hash = createHash('md5');
  try {
    const content = await open(file);
    try {
      // One buffer for all: what a stream leaves behind would be as large as the file.
      const buffer = Buffer.alloc(256 * 1024);
      for (let read = await content.read(buffer); read.bytesRead > 0; read = await content.read(buffer)) {
        hash.update(buffer.subarray(0, read.bytesRead));
      }
    } finally {
      await content.close();
    }
  } catch (error) {
    throw new StandbyError('kong', `${file} cannot be read (${nameForeignError(error)}): fetch it again`, {
      cause: error,
    });
  }
  if (hash.digest('hex') !== md5) {
    throw new StandbyError('verification', `${file} was changed after it was verified: fetch it again`);
  }
}
