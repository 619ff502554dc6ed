/** Whether a drill knows when Kong has no room for a file. */
import { describe, expect, it } from '@jest/globals';
import { checkSize, estimateStoredBytes } from '../../../core/drill/size.ts';

describe('what Kong stores of a file', () => {
  // Of a real Kong 3.9.1: docs/kong.md, "What a table takes".
  it.each([
    ['services', 2_189_110, 6_001, 9_064_448],
    ['consumers', 1_753_111, 12_001, 15_384_576],
    ['consumers with tags and a custom_id', 1_703_111, 8_001, 16_150_528],
    ['credentials', 1_537_675, 8_011, 20_123_648],
    ['upstreams and targets', 1_865_863, 5_001, 9_809_920],
    ['services and routes', 3_344_901, 8_001, 16_379_904],
    ['services and small plugins', 3_785_122, 6_001, 12_517_376],
    ['services and large plugins', 8_545_122, 2_001, 15_208_448],
  ])('is estimated for %s: within 5 % of what was measured, or up to twice that', (...row) => {
    const [, sizeBytes, entities, storedBytes] = row;
    const estimated = estimateStoredBytes(sizeBytes, entities);

    expect(estimated).toBeGreaterThan(0.95 * storedBytes);
    expect(estimated).toBeLessThan(2 * storedBytes);
  });

  it('has room while it takes half of lmdb_map_size, and not one byte more', () => {
    const mapBytes = 2048 * 2 ** 20;
    const half = { sizeBytes: 256 * 2 ** 20, entities: 2 ** 18 };

    expect(checkSize(half, mapBytes)).toEqual({
      check: 'size',
      outcome: 'passed',
      detail: 'It takes about 50 % of lmdb_map_size (2048 MiB).',
    });
    for (const more of [
      { ...half, entities: half.entities + 1 },
      { ...half, sizeBytes: half.sizeBytes + 1 },
      { sizeBytes: 2 ** 30, entities: 1 },
    ]) {
      expect(checkSize(more, mapBytes)).toMatchObject({
        outcome: 'failed',
        fault: 'size',
        detail: expect.stringContaining('raise lmdb_map_size on data planes'),
      });
    }
  });
});
