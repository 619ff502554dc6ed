import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundleEntry } from '../../build/bundle.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-bundle-'));
});

afterAll(() => rm(directory, { recursive: true }));

describe('a bundle', () => {
  // The presign function stands between a data plane and its file in an outage: what it loads is its cold
  // start.
  it.each([['presign', 120_000]])('of %s has at most %d bytes', async (entry, most) => {
    const file = join(directory, `${entry}.mjs`);

    await bundleEntry(`lambdas/${entry}.ts`, file);

    expect((await stat(file)).size).toBeLessThanOrEqual(most);
  });
});
