import { attempt } from '../attempt.ts';
import type { EarlyConfiguration } from '../kong/control-plane.ts';
import type { ConfigFileName } from '../vault/config-file-name.ts';
import type { ConfigVault, NewRevision, VersionStatus } from '../vault/config-vault.ts';
import { readUnverifiedManifest } from '../vault/manifest.ts';
import type { PublicationGuard } from '../vault/publication-guard.ts';
import {
  findNoted,
  findStored,
  type HeldConfiguration,
  type NewPublication,
  type Publication,
  type PublishParts,
  publish,
} from '../vault/publish.ts';

export interface EarlyPublicationRequest {
  readonly name: ConfigFileName;
  /** What the last check noted of this file. */
  readonly lastStatus: VersionStatus | undefined;
  readonly guard: PublicationGuard;
  readonly signal: AbortSignal | undefined;
}

/** It must not take the time of the publication that the check ends with. */
const longestMs = 10_000;

/** A revision that was sent to the vault, and what is known of it besides. */
interface SentRevision {
  readonly revision: NewRevision;
  readonly sentAt: Date;
  readonly tableSha256: string;
  /** The version that was current before. */
  readonly replacedVersionId: string;
}

/**
 * What one check publishes of a file while it waits for a newer configuration: one revision at most
 * (docs/design.md#6-read-as-a-data-plane).
 */
export class EarlyPublication {
  readonly #parts: PublishParts;
  readonly #request: EarlyPublicationRequest;
  #published: NewPublication | undefined;
  /** Of which nobody knows whether it was stored. */
  #sent: SentRevision | undefined;

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
      const { signal } = this.#request;
      const limit = this.#parts.clock.deadline(longestMs, signal);
      await attempt(this.#publishIfNewer(early, limit));
    }
  }

  /**
   * Looks what became of a revision that was sent and not answered, in a check that ends without comparing:
   * what was stored has its line, whatever comes after it.
   */
  async lookForStored(): Promise<void> {
    if (this.#published === undefined && this.#sent !== undefined) {
      const { name } = this.#request;
      const versionId = await findStored(this.#parts, name, this.#sent.revision.manifest);
      this.#published = versionId === undefined ? undefined : describeSent(this.#sent, versionId);
    }
  }

  /** What is known of the file now. */
  status(): VersionStatus | undefined {
    const { lastStatus } = this.#request;
    if (lastStatus === undefined || this.#published === undefined) {
      return lastStatus;
    }
    const { manifest, versionId, servedTables, measure } = this.#published;
    const { revision, sha256, configHash } = manifest;
    return {
      ...lastStatus,
      revision,
      sha256,
      configHash,
      versionId,
      servedTables: [...servedTables],
      ...measure,
      behindSince: undefined,
      behindConfigHash: undefined,
    };
  }

  /** What became of the file in a check that ended with this. */
  conclude(
    last: Publication | HeldConfiguration,
  ): (Publication | HeldConfiguration) & { readonly early?: NewPublication } {
    const early = this.#published ?? this.#findStored(last);
    if (early === undefined) {
      return last;
    }
    if (last.outcome === 'unchanged' && last.versionId === early.versionId) {
      return { ...early, servedTables: last.servedTables, measure: last.measure };
    }
    // People are told what the check has changed, not what its last revision has.
    return last.outcome === 'published' && last.replacedVersionId === early.versionId
      ? { ...last, replacedVersionId: early.replacedVersionId, early }
      : { ...last, early };
  }

  async #publishIfNewer(early: EarlyConfiguration, limit: AbortSignal): Promise<void> {
    const { name, lastStatus, guard } = this.#request;
    if (lastStatus === undefined || early.configHash === lastStatus.configHash) {
      return;
    }
    const { vault, signer } = this.#parts;
    const parts = { ...this.#parts, vault: vault.within(limit), signer: signer.within(limit) };
    const noted = await findNoted(parts, name, lastStatus);
    // Another node of the control plane may have built this one later, and read it before.
    if (noted === undefined || early.readAfter <= noted.manifest.builtAt) {
      return;
    }
    const publication = await publish(
      { ...parts, vault: this.#noteSent(parts.vault, early, noted.versionId) },
      { name, configuration: early, lastStatus, guard, isEarly: true, signal: limit },
    );
    if (publication.outcome === 'published') {
      this.#published = publication;
    }
  }

  /** A vault that remembers what was sent to it, for the answer may not come. */
  #noteSent(vault: ConfigVault, { tableSha256 }: EarlyConfiguration, replacedVersionId: string): ConfigVault {
    return {
      ...vault,
      publish: (name, revision) => {
        this.#request.guard.noteSent(name, revision.manifest);
        this.#sent = { revision, sentAt: this.#parts.clock.now(), tableSha256, replacedVersionId };
        return vault.publish(name, revision);
      },
    };
  }

  /** What was sent and not answered, if what the check has ended with shows that it was stored. */
  #findStored(last: Publication | HeldConfiguration): NewPublication | undefined {
    if (this.#sent === undefined) {
      return undefined;
    }
    const manifest = readUnverifiedManifest(this.#sent.revision.manifest);
    // No two revisions have the same bytes.
    const found = last.outcome === 'held' ? last.kept : last;
    const versionId =
      last.outcome === 'published'
        ? last.manifest.previousSha256 === manifest.sha256 && last.replacedVersionId
        : found?.manifest.sha256 === manifest.sha256 && found.versionId;
    return typeof versionId === 'string' ? describeSent(this.#sent, versionId) : undefined;
  }
}

function describeSent(
  { revision, sentAt, tableSha256, replacedVersionId }: SentRevision,
  versionId: string,
): NewPublication {
  return {
    outcome: 'published',
    manifest: readUnverifiedManifest(revision.manifest),
    gzip: revision.gzip,
    versionId,
    replacedVersionId,
    publishedAt: sentAt,
    servedTables: [tableSha256],
    warning: undefined,
    manifestReplaced: false,
  };
}
