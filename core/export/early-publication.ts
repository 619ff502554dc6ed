import type { EarlyConfiguration } from '../kong/control-plane.ts';
import type { ConfigFileName } from '../vault/config-file-name.ts';
import type { VersionStatus } from '../vault/config-vault.ts';
import {
  findNoted,
  type NewPublication,
  type Publication,
  type PublishParts,
  publish,
} from '../vault/publish.ts';
import { attempt } from './attempt.ts';

export interface EarlyPublicationRequest {
  readonly name: ConfigFileName;
  /** What the last check noted of this file. */
  readonly lastStatus: VersionStatus | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * What one check publishes of a file while it waits for a newer configuration: one revision at most
 * (docs/design.md#6-read-as-a-data-plane).
 */
export class EarlyPublication {
  readonly #parts: PublishParts;
  readonly #request: EarlyPublicationRequest;
  #published: NewPublication | undefined;

  constructor(parts: PublishParts, request: EarlyPublicationRequest) {
    this.#parts = parts;
    this.#request = request;
  }

  /** The revision that was published; undefined while there is none. */
  get published(): NewPublication | undefined {
    return this.#published;
  }

  /**
   * Publishes a configuration that surely is newer than the published one, and another. It never fails: the
   * check publishes what it ends with, and tells of what is wrong then.
   */
  async offer(early: EarlyConfiguration): Promise<void> {
    if (this.#published === undefined) {
      await attempt(this.#publishIfNewer(early));
    }
  }

  /** What is known of the file now. */
  status(): VersionStatus | undefined {
    const { lastStatus } = this.#request;
    if (lastStatus === undefined || this.#published === undefined) {
      return lastStatus;
    }
    const { manifest, versionId, servedTables } = this.#published;
    const { revision, sha256, configHash } = manifest;
    return {
      ...lastStatus,
      revision,
      sha256,
      configHash,
      versionId,
      servedTables: [...servedTables],
      behindSince: undefined,
    };
  }

  /** What became of the file in a check that ended with this. */
  conclude(last: Publication): Publication & { readonly early?: NewPublication } {
    const early = this.#published;
    if (early === undefined) {
      return last;
    }
    if (last.outcome === 'unchanged' && last.versionId === early.versionId) {
      return { ...early, servedTables: last.servedTables };
    }
    // People are told what the check has changed, not what its last revision has.
    return last.outcome === 'published' && last.replacedVersionId === early.versionId
      ? { ...last, replacedVersionId: early.replacedVersionId, early }
      : { ...last, early };
  }

  async #publishIfNewer(early: EarlyConfiguration): Promise<void> {
    const { name, lastStatus, signal } = this.#request;
    if (lastStatus === undefined || early.configHash === lastStatus.configHash) {
      return;
    }
    const noted = await findNoted(this.#parts, name, lastStatus);
    // Another node of the control plane may have built this one later, and read it before.
    if (noted === undefined || early.readAfter <= noted.manifest.builtAt) {
      return;
    }
    const publication = await publish(this.#parts, { name, configuration: early, lastStatus, signal });
    if (publication.outcome === 'published') {
      this.#published = publication;
    }
  }
}
