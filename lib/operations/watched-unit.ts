import type { Export } from '../export/export.ts';
import type { Listener } from '../export/listener.ts';
import type { GrantUnit } from '../grants/grant-giver.ts';
import type { Inspection } from '../inspection/inspection.ts';

/** The parts of one control plane that alarms and dashboard watch. */
export interface WatchedUnit extends GrantUnit {
  readonly export: Export;
  readonly inspection: Inspection;
  /** @default nobody listens to this control plane */
  readonly listener?: Listener | undefined;
}
