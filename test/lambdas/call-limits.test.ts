import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectRoot } from '../../build/project-root.ts';
import { reservedMs } from '../../core/export/exporter.ts';
import { fileCalls, shortCalls, webhookCalls } from '../../lambdas/call-limits.ts';

/** The longest pause before a second and a third try (`@smithy/core`, standard retries). */
const longestPausesMs = [100, 200];

function longestMs({ maxAttempts, requestHandler }: typeof shortCalls): number {
  const pauses = longestPausesMs.slice(0, maxAttempts - 1).reduce((sum, ms) => sum + ms, 0);
  return maxAttempts * requestHandler.requestTimeout + pauses;
}

describe('the time limits of calls', () => {
  it('leave the webhook time to answer, though both of its services are silent', () => {
    // Secrets Manager twice at once, then SQS; the function has 10 s.
    expect(2 * longestMs(webhookCalls)).toBeLessThan(10_000);
  });

  it('leave an export time for its log, though the queue is silent', () => {
    expect(longestMs(shortCalls)).toBeLessThan(reservedMs);
  });

  it('turn each wait into an error', () => {
    for (const { requestHandler } of [fileCalls, shortCalls, webhookCalls]) {
      expect(requestHandler).toEqual({
        connectionTimeout: expect.any(Number),
        requestTimeout: expect.any(Number),
        socketTimeout: expect.any(Number),
        throwOnRequestTimeout: true,
      });
    }
  });

  it('are those of every client of every function', async () => {
    const directory = join(projectRoot, 'lambdas');
    const files = (await readdir(directory)).filter((file) => file.endsWith('.ts'));
    const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));

    const clients = texts.flatMap((text) => text.match(/new \w+Client\([^;]{0,40}/g) ?? []);

    expect(clients.length).toBeGreaterThanOrEqual(8);
    expect(clients.filter((client) => !/\((short|webhook)Calls\)|\.\.\.fileCalls,/.test(client))).toEqual([]);
  });
});
