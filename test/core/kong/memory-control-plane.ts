import type { ControlPlane, ControlPlaneVisit } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { builtAt, served } from './served.ts';

export interface MemoryControlPlane extends ControlPlane {
  /** Serves this configuration from now on. */
  change(table: Readonly<Record<string, unknown>>): void;
  /** Fails from now on. */
  fail(code: ControlPlaneErrorCode): void;
}

/** A control plane of which a test answers each request. */
export function answeringControlPlane(configuration: ControlPlaneVisit['configuration']): ControlPlane {
  return { visit: () => ({ configuration, end: async () => undefined }) };
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
    visit: () => ({
      async configuration({ signal, pluginVersions = 'named' }) {
        if (signal?.aborted === true) {
          throw new ControlPlaneError('cancelled', 'its time was up');
        }
        if (failure !== undefined) {
          throw new ControlPlaneError(failure, failure);
        }
        const configuration = await served(current, new Date(builtAt.getTime() + changeCount * 1_000));
        return { ...configuration, pluginVersions };
      },
      end: async () => undefined,
    }),
  };
}
