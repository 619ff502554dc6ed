import * as v from 'valibot';
import { clusterEntries } from './cluster.ts';
import { exportEnvironment } from './export.ts';
import { nonEmptyText } from './fields.ts';

export const listenEnvironment = v.object({
  ...clusterEntries,
  ...v.pick(exportEnvironment, [
    'CONTROL_PLANE',
    'DATA_PLANE_VERSIONS',
    'CUSTOM_PLUGINS',
    'WASM_FILTERS',
    'MAX_FRAME_MIB',
    'QUEUE_URL',
  ]).entries,
  /** What tells this deployment and control plane from all others: the listener's node id is made of it. */
  NODE_SEED: nonEmptyText,
});

/**
 * For Node itself. What has been inflated of a frame is garbage at once, and the smaller the room for young
 * objects, the sooner it is collected: a quarter less memory at the peak. Lambda's own value is 6 MB here.
 */
export const listenNodeOptions = '--max-semi-space-size=1';

/** The variables that the construct must set. */
export type ListenVariables = v.InferInput<typeof listenEnvironment>;
