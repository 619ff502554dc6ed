import type { StaleCache } from './stale-cache.ts';

/** A Kong that is to be given a file: what seeding sees of it, and does to it. */
export interface SeededKong {
  readonly status: SeededStatus;
  readonly line: SeedLine;
  readonly processes: KongProcesses;
  /**
   * @throws StandbyError `verification` when the file is not the one that was verified; `kong` when it cannot
   * be read
   */
  requireContent(): Promise<void>;
}

export interface SeededStatus {
  /**
   * What the node shows as the hash of its configuration.
   *
   * @throws StandbyError `kong` when it does not answer
   */
  readHash(signal?: AbortSignal): Promise<string>;
  /**
   * Whether a node that shows no configuration has none for certain: with incremental sync it may have the
   * first version of a control plane that is there.
   */
  isSurelyEmpty(): Promise<boolean>;
  /** Whether a node with this hash runs on the cache that was seen, and has no control plane. */
  isUnchanged(cache: StaleCache, hash: string): Promise<boolean>;
}

/** The line `declarative_config = <file>` in Kong's settings. */
export interface SeedLine {
  /**
   * Does nothing when it is there.
   *
   * @throws StandbyError `kong`
   */
  add(): Promise<void>;
  /** @throws StandbyError `kong` when the settings are there and cannot be read */
  isThere(): Promise<boolean>;
  /**
   * Does nothing when it is not there.
   *
   * @throws StandbyError `kong` when it stays
   */
  remove(): Promise<void>;
  /**
   * @throws StandbyError `kong` when the user loads a file of their own: whose configuration wins is not ours
   * to say
   */
  refuseUsersOwn(): Promise<void>;
}

/** nginx's master, which reads the settings again at a SIGHUP, and the processes below it. */
export interface KongProcesses {
  /** @throws StandbyError `kong` when there is none, or it is not ours to signal */
  findMaster(): Promise<MasterProcess>;
  /**
   * Sends it a SIGHUP.
   *
   * @throws StandbyError `kong`
   */
  reload(master: MasterProcess): void;
  look(master: MasterProcess): Promise<ProcessLook>;
}

export interface MasterProcess {
  readonly pid: number;
  /** Tells it from a later process of the same pid; undefined where that cannot be seen. */
  readonly startedAt: string | undefined;
}

/** `unseen` where the system does not show it (no /proc). */
export type ProcessLook = 'gone' | 'unseen' | SeenProcesses;

export interface SeenProcesses {
  readonly master: ProcessState;
  readonly children: readonly ProcessState[];
}

export interface ProcessState {
  /** Which no other process gets. */
  readonly id: string;
  /** What it has used of a processor since its start. */
  readonly cpuMs: number;
  /** It uses one now, waits for one, or for a disk. */
  readonly isBusy: boolean;
}
