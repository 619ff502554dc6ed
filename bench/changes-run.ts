/**
 * Compares revisions as an export does after it has published them. Reads from its stdin where the files are,
 * prints what it cost, and how many revisions were told of.
 */
import { readFileSync } from 'node:fs';
import { json } from 'node:stream/consumers';
import { systemClock } from '../core/clock.ts';
import { type ComparisonParts, compareRevisions } from '../core/export/revision-changes.ts';
import type { VersionReport } from '../core/export/version-report.ts';
import type { ComparedFiles } from './changes.ts';

const { before, after, sizeBytes, versions } = (await json(process.stdin)) as ComparedFiles;
// Nothing else is asked of it.
const vault = {
  content: async () => readFileSync(before),
  within: () => vault,
} as unknown as ComparisonParts['vault'];
const reports = Array.from({ length: versions }, (_, index) => {
  const manifest = { controlPlane: 'bench', kongVersion: `3.9.${index}`, revision: 2, size: sizeBytes };
  // Each version has a file of its own, as in an export.
  return { outcome: 'published', manifest, gzip: readFileSync(after), replacedVersionId: '1' };
}) as unknown as readonly VersionReport[];

const startedMs = systemClock.monotonicMs();
const usedBefore = process.cpuUsage();
let told = 0;
const { signal } = new AbortController();
for await (const { changes } of compareRevisions(
  { name: 'bench', vault, clock: systemClock },
  reports,
  signal,
)) {
  told += 'value' in changes ? 1 : 0;
}
const { user, system } = process.cpuUsage(usedBefore);
process.stdout.write(
  JSON.stringify({
    told,
    seconds: (systemClock.monotonicMs() - startedMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
  }),
);
