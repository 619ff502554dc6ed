import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { downloadVerified } from '../../../core/fetch/download.ts';
import { systemRandom } from '../../../core/random-source.ts';
import { prolongUrl, redirectUrl, startTamperer } from '../../../local/rehearsal/tampering.ts';
import { type Answer, goodFile, manifestOf, newSigningKey, startStandIn } from '../../cli/published-file.ts';

const url = 'http://127.0.0.1:1/vault/prod/3.9.1/config.json?X-Amz-Expires=120&X-Amz-Signature=abc';

it('prolongs a URL, and leaves the rest of it alone', () => {
  expect(prolongUrl(url)).toBe(url.replace('X-Amz-Expires=120', 'X-Amz-Expires=3600'));
});

it('turns a URL to another object of the same bucket', () => {
  expect(redirectUrl(url, 'status/prod.json')).toBe(
    url.replace('prod/3.9.1/config.json', 'status/prod.json'),
  );
});

describe('somebody between vault and data plane', () => {
  const key = newSigningKey();
  let directory: string;
  let answer: Answer;
  let vault: Awaited<ReturnType<typeof startStandIn>>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lifeboat-tampering-'));
    answer = await goodFile(key);
    vault = await startStandIn({ grant: () => answer, file: () => answer });
  });

  afterAll(async () => {
    await vault.stop();
    await rm(directory, { recursive: true });
  });

  it('hands on manifest and length, and one other byte, which the data plane refuses', async () => {
    const tamperer = await startTamperer(`${vault.url}/vault/config.json`);
    try {
      const original = await fetch(`${vault.url}/vault/config.json`);
      const tampered = await fetch(tamperer.url);

      const bytes = [await original.arrayBuffer(), await tampered.arrayBuffer()].map((body) => [
        ...new Uint8Array(body),
      ]);
      expect(tampered.headers.get('x-amz-meta-manifest')).toBe(original.headers.get('x-amz-meta-manifest'));
      expect(bytes[1]).toHaveLength(manifestOf().size);
      expect(bytes[0]?.filter((byte, index) => byte !== bytes[1]?.[index])).toHaveLength(1);
      await expect(
        downloadVerified({
          url: tamperer.url,
          trusted: [await key.verificationKey()],
          controlPlane: 'prod',
          kongVersion: '3.9.1',
          output: join(directory, 'config.json'),
          maxBytes: 1_000_000,
          timeoutMs: 5_000,
          clock: systemClock,
          random: systemRandom,
        }),
      ).rejects.toMatchObject({ code: 'verification' });
      expect(await readdir(directory)).toEqual([]);
    } finally {
      await tamperer.stop();
    }
  });
});
