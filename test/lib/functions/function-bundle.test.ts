import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { findFunctionBundle, MissingBundleError } from '../../../lib/functions/function-bundle.ts';

const configuration = v.object({ app: v.string(), build: v.optional(v.string()) });
let bundles: string;

beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'lifeboat-bundles-'));
});

afterAll(() => rm(bundles, { recursive: true }));

describe('the bundle of a function', () => {
  it('is the folder of its module', async () => {
    await mkdir(join(bundles, 'webhook'));
    await writeFile(join(bundles, 'webhook/index.mjs'), '');

    expect(findFunctionBundle('webhook', bundles)).toBe(join(bundles, 'webhook'));
  });

  it('is missing where nobody has built: the error says how', () => {
    const file = join(bundles, 'export/index.mjs');

    expect(() => findFunctionBundle('export', bundles)).toThrow(
      new MissingBundleError(`the export function has no bundle (${file}): run \`npm run build\``),
    );
  });

  it('is built before every synth: each cdk.json says so', async () => {
    const examples = [
      'minimal',
      'private-control-plane',
      'several-control-planes',
      'two-regions',
      'data-plane/ecs',
    ];
    const files = ['cdk.json', ...examples.map((name) => `examples/${name}/cdk.json`)];

    const builds = await Promise.all(
      files.map(async (file) => v.parse(configuration, JSON.parse(await readFile(file, 'utf8'))).build),
    );

    expect(new Set(builds)).toEqual(new Set(['npm run --silent build']));
  });
});
