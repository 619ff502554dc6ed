import type { CheckedFrame } from './frame.ts';

/** How the plugins were announced: with a version where one is known, or all of them without one. */
export type PluginVersions = 'named' | 'omitted';

/** A configuration as the control plane sent it, fully checked. */
export interface ControlPlaneConfiguration extends CheckedFrame {
  /**
   * Whether it is known to hold the change that was asked for. False when the connection was lost while a
   * newer frame was awaited: what came before is valid and may be published, and somebody should look again.
   */
  readonly settled: boolean;
  /** How the connection that it came on had announced the plugins. */
  readonly pluginVersions: PluginVersions;
}

/** A configuration that may lack the change that was asked for, while a newer one is awaited. */
export interface EarlyConfiguration extends ControlPlaneConfiguration {
  /** The control plane surely read it after this moment. */
  readonly readAfter: Date;
}

export interface ConfigurationRequest {
  /** Full version of the data planes that will load the file; the control plane down-converts for it. */
  readonly dataPlaneVersion: string;
  /**
   * When the change happened that must be in the answer; without it whatever the control plane serves now
   * will do.
   */
  readonly changedAt?: Date | undefined;
  /** The hash that the change led to, where somebody has seen it: a frame with it is the answer. */
  readonly configHash?: string | undefined;
  /**
   * Takes each configuration that comes before the answer, where it says when it was built. The wait for a
   * newer one goes on once this is done, and takes no longer for it.
   */
  readonly onEarly?: ((early: EarlyConfiguration) => Promise<void>) | undefined;
  /** How to announce the plugins from the start. @default named */
  readonly pluginVersions?: PluginVersions | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One stay at a control plane. A connection stays open until the end, so that the control plane keeps the
 * payload that it built for the first version, and does not export anew for each.
 */
export interface ControlPlaneVisit {
  /** @throws ControlPlaneError */
  configuration(request: ConfigurationRequest): Promise<ControlPlaneConfiguration>;
  /** Leaves. It never fails. */
  end(): Promise<void>;
}

/** A control plane, seen from a data plane. */
export interface ControlPlane {
  visit(): ControlPlaneVisit;
}
