import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const everyBytes = 4 * 1024 * 1024;

/**
 * Frees the buffers of a long download while it runs. V8 lets 32 MB of them pile up, however small its own
 * heap is (Heap::AllocateExternalBackingStore), and a sidecar's memory is what it has had at its peak.
 *
 * @returns to be told of the bytes that are done with
 */
export function spentBuffers(): (sizeBytes: number) => void {
  let spentBytes = 0;
  let collect: (() => void) | undefined;
  return (sizeBytes) => {
    spentBytes += sizeBytes;
    if (spentBytes >= everyBytes) {
      spentBytes = 0;
      collect ??= youngCollector();
      collect();
    }
  };
}

/** Where V8's own function cannot be had nothing is collected: then it is as it would be. */
function youngCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  // A millisecond; all of the heap would be ten.
  return typeof collect === 'function' ? () => collect({ type: 'minor' }) : () => undefined;
}
