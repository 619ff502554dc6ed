import { describe, expect, it } from '@jest/globals';
import { spentBuffers } from '../../../core/fetch/spent-buffers.ts';

const mebibyte = 1024 * 1024;

/** The most that buffers took while so many mebibytes of them came and went. */
function peakOf(mebibytes: number, spend: (sizeBytes: number) => void): number {
  const before = process.memoryUsage().arrayBuffers;
  const peaks = Array.from({ length: mebibytes * 4 }, () => {
    spend(Buffer.alloc(mebibyte / 4).length);
    return process.memoryUsage().arrayBuffers - before;
  });
  return Math.max(...peaks);
}

describe('buffers of a long download', () => {
  it('are freed while it runs, where V8 alone would keep them for longer', () => {
    const alone = peakOf(100, () => undefined);

    const freed = peakOf(100, spentBuffers());

    // How long V8 keeps them depends on what else the process does.
    expect(freed).toBeLessThan(16 * mebibyte);
    expect(freed).toBeLessThan(alone * 0.75);
  });
});
