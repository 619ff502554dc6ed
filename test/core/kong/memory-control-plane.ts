import type { ControlPlane } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { builtAt, served } from './served.ts';

export interface MemoryControlPlane extends ControlPlane {
  /** Serves this configuration from now on. */
  change(table: Readonly<Record<string, unknown>>): void;
  /** Fails from now on. */
  fail(code: ControlPlaneErrorCode): void;
}

/** A control plane in memory, whose every change is in what it serves at once. */
export function memoryControlPlane(table: Readonly<Record<string, unknown>>): MemoryControlPlane {
  let current = table;
  let changeCount = 0;
  let failure: ControlPlaneErrorCode | undefined;
  return {
    change(changed) {
      current = changed;
      changeCount += 1;
    },
    fail(code) {
      failure = code;
    },
    async configuration({ signal }) {
      if (signal?.aborted === true) {
        throw new ControlPlaneError('cancelled', 'its time was up');
      }
      if (failure !== undefined) {
        throw new ControlPlaneError(failure, failure);
      }
      return served(current, new Date(builtAt.getTime() + changeCount * 1_000));
    },
  };
}
