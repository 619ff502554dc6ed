import { CodedError } from '../coded-error.ts';
import { type ConfigFileName, configFileKey } from './config-file-name.ts';
import type { VersionStatus } from './config-vault.ts';
import { describeReplaced, ownRevision } from './decision.ts';
import { VaultError } from './errors.ts';
import type { Manifest } from './manifest.ts';
import { makeRestoredRevision, type RestorationMarks } from './new-revision.ts';
import { type NewPublication, type PublishParts, replaceCurrent, type Step } from './publish.ts';
import { findRevision, type OwnRevision, type Standing } from './standing.ts';

/**
 * - `stale`: another revision is current than the one that the sender saw.
 * - `senseless`: it cannot be done, or would change nothing.
 */
export type RefusalCode = 'stale' | 'senseless';

/** An operator's command was not followed. The vault was not changed. */
export class CommandRefused extends CodedError<RefusalCode> {
  override readonly name = 'CommandRefused';
}

export interface PinRequest {
  readonly name: ConfigFileName;
  /** The revision that its sender took for the current one. */
  readonly sees: number;
  /** What the last check noted of this file. */
  readonly lastStatus: VersionStatus | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface RollbackRequest extends PinRequest {
  /** The revision whose content is to be served. */
  readonly revision: number;
}

/** The same command was followed before, with this revision as its outcome. */
export interface RepeatedCommand {
  readonly outcome: 'repeated';
  readonly manifest: Manifest;
  readonly versionId: string;
}

export type PinOutcome = NewPublication | RepeatedCommand;

/**
 * Publishes the content of an earlier own revision as a new one, pinned: until it is unpinned, exports
 * publish nothing. The control plane is not needed for it. It is no older than what it replaces, so that
 * nothing older than that is ever published over it.
 *
 * @throws CommandRefused
 * @throws VaultError
 */
export function rollBack(parts: PublishParts, request: RollbackRequest): Promise<PinOutcome> {
  const { name, revision, sees } = request;
  return replaceCurrent<RepeatedCommand>(parts, name, request.lastStatus, async (standing) => {
    const current = requireOwn(name, standing);
    if (current.manifest.revision !== sees) {
      const done = await findOwn(parts, name, sees + 1, current);
      if (done?.manifest.pinned === true && done.manifest.rollbackOf === revision) {
        return { ends: repeat(done) };
      }
      throw stale(request, current);
    }
    const source = await findSource(parts, request, current);
    const { builtAt } = current.manifest;
    return store(parts, request, {
      standing,
      current,
      source,
      marks: { builtAt, pinned: true, rollbackOf: revision },
    });
  });
}

/**
 * Publishes what is pinned once more, unpinned: the next export goes on from there.
 *
 * @throws CommandRefused
 * @throws VaultError
 */
export function unpin(parts: PublishParts, request: PinRequest): Promise<PinOutcome> {
  const { name, sees } = request;
  return replaceCurrent<RepeatedCommand>(parts, name, request.lastStatus, async (standing) => {
    const current = requireOwn(name, standing);
    const { revision, pinned, builtAt } = current.manifest;
    if (revision !== sees) {
      // Nothing but this command publishes an unpinned revision after a pinned one.
      const [before, done] = [
        await findOwn(parts, name, sees, current),
        await findOwn(parts, name, sees + 1, current),
      ];
      if (before?.manifest.pinned === true && done !== undefined && done.manifest.pinned !== true) {
        return { ends: repeat(done) };
      }
      throw stale(request, current);
    }
    if (pinned !== true) {
      throw new CommandRefused(
        'senseless',
        `revision ${revision} of ${configFileKey(name)} is not pinned: exports go on without a command`,
      );
    }
    return store(parts, request, { standing, current, source: current, marks: { builtAt } });
  });
}

function repeat({ manifest, versionId }: OwnRevision): RepeatedCommand {
  return { outcome: 'repeated', manifest, versionId };
}

function requireOwn(name: ConfigFileName, standing: Standing): OwnRevision {
  const own = ownRevision(standing);
  if (standing.is === 'unjudged' && own === undefined) {
    throw standing.because;
  }
  if (own === undefined) {
    throw new CommandRefused(
      'senseless',
      `the vault holds no revision of ours of ${configFileKey(name)}: there is nothing to go back to. The next export publishes one`,
    );
  }
  return own;
}

async function findOwn(
  parts: PublishParts,
  name: ConfigFileName,
  revision: number,
  current: OwnRevision,
): Promise<OwnRevision | undefined> {
  const newest = current.manifest.revision;
  const found = revision > newest ? undefined : await findRevision(parts, name, revision, newest);
  return found !== undefined && 'own' in found ? found.own : undefined;
}

async function findSource(
  parts: PublishParts,
  { name, revision }: RollbackRequest,
  current: OwnRevision,
): Promise<OwnRevision> {
  const key = configFileKey(name);
  const newest = current.manifest.revision;
  if (revision >= newest) {
    throw new CommandRefused(
      'senseless',
      revision === newest
        ? `revision ${revision} of ${key} is the current one: name an earlier one`
        : `${key} has no revision ${revision} yet, the current one is ${newest}: name an earlier one`,
    );
  }
  const found = await findRevision(parts, name, revision, newest);
  if (found === undefined) {
    throw new CommandRefused(
      'senseless',
      `revision ${revision} of ${key} is not in the history any more, or may not be read: name a later one ` +
        '(aws s3api list-object-versions)',
    );
  }
  if ('what' in found) {
    throw new CommandRefused(
      'senseless',
      `what is called revision ${revision} of ${key} is ${found.what}: nothing of it is published. Name another one`,
    );
  }
  return found.own;
}

function stale({ name, sees }: PinRequest, { manifest }: OwnRevision): CommandRefused {
  const { revision, pinned } = manifest;
  return new CommandRefused(
    'stale',
    `revision ${revision} of ${configFileKey(name)} is current${pinned === true ? ', and pinned' : ''}, not revision ${sees}: look at it, and send the ` +
      'command anew if it still makes sense',
  );
}

interface Replacement {
  readonly standing: Standing;
  readonly current: OwnRevision;
  readonly source: OwnRevision;
  readonly marks: RestorationMarks;
}

async function store(
  { vault, clock }: PublishParts,
  { name, lastStatus, signal }: PinRequest,
  { standing, current, source, marks }: Replacement,
): Promise<Extract<Step<never>, { readonly warning: string | undefined }>> {
  const place = { name, follows: current, notedRevision: lastStatus?.revision };
  const warning = describeReplaced(name, standing);
  try {
    const stores = await makeRestoredRevision(vault, source, place, { clock, signal, marks });
    return { stores, warning };
  } catch (error) {
    // A file that may not be read, or is not the one that was signed, stays what it is at the next try.
    if (error instanceof VaultError && (error.code === 'denied' || error.code === 'manifest')) {
      throw new CommandRefused('senseless', error.message, { cause: error });
    }
    throw error;
  }
}
