import type { CheckedFrame } from './frame.ts';

/** A configuration as the control plane sent it, fully checked. */
export interface ControlPlaneConfiguration extends CheckedFrame {
  /**
   * Whether it is known to hold the change that was asked for. False when the connection was lost while a
   * newer frame was awaited: what came before is valid and may be published, and somebody should look again.
   */
  readonly settled: boolean;
}

export interface ConfigurationRequest {
  /** Full version of the data planes that will load the file; the control plane down-converts for it. */
  readonly dataPlaneVersion: string;
  /**
   * When the change happened that must be in the answer; without it whatever the control plane serves now
   * will do.
   */
  readonly changedAt?: Date | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** A control plane, seen from a data plane. */
export interface ControlPlane {
  /** @throws ControlPlaneError */
  configuration(request: ConfigurationRequest): Promise<ControlPlaneConfiguration>;
}
