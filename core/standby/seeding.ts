import type { Clock } from '../clock.ts';
import { StandbyError } from '../fetch/errors.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { isEmpty } from './emptiness.ts';
import { judgeLoad, type LoadPatience } from './load-verdict.ts';
import type { SeededKong, SeedLine } from './seed-ports.ts';
import type { StaleCache } from './stale-cache.ts';
import { noConfiguration } from './status.ts';
import type { SeedOutcome } from './watched-node.ts';

export interface Seeding extends LoadPatience {
  /** Kong's prefix, for messages. */
  readonly prefix: string;
  /** Under the path by which Kong sees it. */
  readonly file: string;
  /** Of the file's bytes, lower-case hex: what a node that has loaded it shows as its configuration hash. */
  readonly md5: string;
  /** An old cache that the file may replace. @default none: the node must have no configuration */
  readonly replaces?: StaleCache | undefined;
  readonly clock: Clock;
  readonly pollMs: number;
  /** Ends the wait early; everything is undone. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The steps of seeding (docs/kong.md#seeding). A node that has another configuration than the one that may be
 * replaced is left alone. When it returns or throws, the line is out again, so that the file may go too.
 *
 * @throws StandbyError `kong`; `refused` when Kong did not load the file; `verification` when the file is not
 * the one that was verified
 */
export async function seedThrough(kong: SeededKong, seeding: Seeding): Promise<SeedOutcome> {
  const { line, processes } = kong;
  if (!(await mayBeSeeded(kong, seeding))) {
    await removeReadableLine(line);
    return 'has a configuration';
  }
  await line.refuseUsersOwn();
  await processes.findMaster();
  await kong.requireContent();
  if (seeding.signal?.aborted === true) {
    throw cancelled(seeding);
  }
  await line.add();
  let outcome: SeedOutcome | Refusal;
  try {
    outcome = await load(kong, seeding);
  } finally {
    // While the line is there, each further SIGHUP puts the file over whatever the control plane has sent
    // since (Kong/kong#14407).
    await line.remove();
  }
  if (outcome === 'refused' || outcome === 'timed out') {
    // What Kong refused may have got half-way, into its cache or its workers: without the line it starts from
    // what it had.
    processes.reload(await processes.findMaster());
    throw notLoaded(seeding, outcome);
  }
  return outcome;
}

/**
 * Takes out the line that a killed run left in a node that has a configuration by now.
 *
 * @throws StandbyError `kong` when it is there and stays
 */
export async function removeReadableLine(line: SeedLine): Promise<void> {
  const isThere = await line.isThere().catch((error: unknown) => {
    if (error instanceof StandbyError) {
      // A user who may not read the settings cannot have left a line in them, and a node that has a
      // configuration needs no file.
      return false;
    }
    throw error;
  });
  if (isThere) {
    await line.remove();
  }
}

async function mayBeSeeded({ status }: SeededKong, { replaces }: Seeding): Promise<boolean> {
  const hash = await status.readHash();
  return replaces === undefined ? isEmpty(status, hash) : status.isUnchanged(replaces, hash);
}

type Refusal = 'refused' | 'timed out';

async function load(kong: SeededKong, seeding: Seeding): Promise<SeedOutcome | Refusal> {
  const { line, processes } = kong;
  // The last moment to see that the control plane has delivered, or that Kong has written its settings anew.
  if (!(await mayBeSeeded(kong, seeding))) {
    return 'has a configuration';
  }
  if (!(await line.isThere())) {
    return 'interrupted';
  }
  // Looked up anew for the signal: Kong may have ended since, and another process may have its id.
  const master = await processes.findMaster();
  const before = await processes.look(master);
  processes.reload(master);
  const { clock, md5, replaces, pollMs, signal } = seeding;
  const judge = judgeLoad(before, clock.monotonicMs(), seeding);
  for (;;) {
    // Before the hash: who takes the line out because the file is loaded does so after the hash has changed.
    const hasLine = await line.isThere();
    const look = await processes.look(master);
    // A node that reloads may not answer for a moment.
    const hash = await kong.status.readHash(signal).catch(() => noConfiguration);
    if (hash !== noConfiguration && hash !== replaces?.hash) {
      return hash === md5 ? 'seeded' : 'has a configuration';
    }
    if (signal?.aborted === true) {
      throw cancelled(seeding);
    }
    const verdict = judge(look, clock.monotonicMs());
    if (verdict === 'gone' || !hasLine) {
      // Kong was started again, or told to reload: it has no line to load the file by.
      return 'interrupted';
    }
    if (verdict !== 'loading') {
      // A control plane that is back may have delivered what the node shows: that is no refusal.
      const isStillOurs = await mayBeSeeded(kong, seeding).catch(() => true);
      return isStillOurs ? verdict : 'has a configuration';
    }
    // The signal ends the sleep early, and the loop sees it.
    await ignoreErrors(clock.sleep(pollMs, signal));
  }
}

function cancelled({ signal }: Seeding): StandbyError {
  return new StandbyError('kong', 'seeding Kong was cancelled and undone', { cause: signal?.reason });
}

function notLoaded({ file, prefix, timeoutMs }: Seeding, how: Refusal): StandbyError {
  const [within, also] =
    how === 'refused'
      ? ['', 'fits lmdb_map_size']
      : [` within ${timeoutMs / 1000} s`, 'fits lmdb_map_size, or raise --load-timeout'];
  return new StandbyError(
    'refused',
    `Kong did not load ${file}${within}, and the change to its settings was undone. Kong’s log says why ` +
      `(${prefix}/logs/error.log, or its container’s output). Check also that Kong’s user can read the file and that it ${also}`,
  );
}
