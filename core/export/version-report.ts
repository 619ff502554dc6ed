import type { HeldConfiguration, NewPublication, Publication } from '../vault/publish.ts';

/** What became of one data-plane version's file. */
export type VersionReport = {
  readonly kongVersion: string;
  /** A revision that this check published before, while it waited for a newer configuration. */
  readonly early?: NewPublication | undefined;
  /** What was put back in place of something foreign, while nothing could be published. */
  readonly restored?: NewPublication | undefined;
} & (
  | ((Publication | HeldConfiguration) & {
      readonly settled: boolean;
      /** What the control plane answered; undefined where only the vault was looked at. */
      readonly asked: Asked | undefined;
      /** What a person should know of what the control plane served. */
      readonly frameWarnings: readonly string[];
    })
  | {
      /** The control plane cannot serve this version. What the vault has of it stays. */
      readonly outcome: 'not-served';
      readonly since: Date;
      readonly askedAt: Date;
      /** What the control plane said; undefined where it was not asked this time. */
      readonly error?: unknown;
    }
  | { readonly outcome: 'failed'; readonly error: unknown }
);

/** How a control plane answered for one version. */
export interface Asked {
  readonly at: Date;
  /** Its hash for the newest version that it serves. */
  readonly newestConfigHash: string;
  /**
   * Whether the answer was another one, and built at another time, than that for the newest version: then it
   * must be asked again.
   */
  readonly isOfOtherMoment: boolean;
}
