import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { BatchOutcome } from '../../../core/export/export-batch.ts';
import { measureBatch } from '../../../core/export/measurements.ts';
import type { VersionReport } from '../../../core/export/version-report.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import type { Manifest } from '../../../core/vault/manifest.ts';

const finishedAt = new Date('2026-11-23T04:00:10Z');
const manifest: Manifest = {
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  revision: 1,
  previousSha256: null,
  sha256: 'a'.repeat(64),
  size: 1_000,
  md5: 'b'.repeat(32),
  configHash: 'c'.repeat(32),
  builtAt: finishedAt,
  exportedAt: finishedAt,
  entities: { total: 10 },
};
const published = (
  size = 1_000,
  total = 10,
  manifestReplaced = false,
): VersionReport & { readonly outcome: 'published' } => ({
  kongVersion: '3.9.1',
  settled: true,
  asked: undefined,
  frameWarnings: [],
  outcome: 'published',
  manifest: { ...manifest, size, entities: { total } },
  gzip: new Uint8Array(),
  replacedVersionId: undefined,
  warning: undefined,
  manifestReplaced,
  publishedAt: new Date('2026-11-23T04:00:09Z'),
  versionId: 'v',
  servedTables: [],
});
const replacing = published(1_000, 10, true);
const unchanged: VersionReport = {
  kongVersion: '3.9.0',
  settled: true,
  asked: undefined,
  frameWarnings: [],
  outcome: 'unchanged',
  manifest,
  versionId: 'v',
  servedTables: [],
};
const behind: VersionReport = {
  kongVersion: '3.9.0',
  settled: true,
  asked: undefined,
  frameWarnings: [],
  outcome: 'behind',
  manifest,
  behindSince: finishedAt,
  behindConfigHash: 'h',
  restored: undefined,
  versionId: 'v',
  servedTables: [],
};
const failed = (code: ControlPlaneErrorCode): VersionReport => ({
  kongVersion: '3.8.1',
  outcome: 'failed',
  error: new ControlPlaneError(code, code),
});

const notServed = (sinceMs: number): VersionReport => ({
  kongVersion: '3.10.0',
  outcome: 'not-served',
  since: new Date(sinceMs),
  askedAt: finishedAt,
});

function batch(
  versions: readonly VersionReport[],
  gaveUp = false,
  waitingSince?: Date,
  versionsWithoutFile = 0,
): BatchOutcome {
  const report = {
    versions,
    waitingSince,
    finishedAt,
    versionsWithoutFile,
    pluginVersionsOmitted: false,
    statusError: undefined,
    complete: !gaveUp,
  };
  return { report, unreadable: [], retry: undefined, gaveUp };
}
function keepingNoVersions(outcome: BatchOutcome): BatchOutcome {
  return { ...outcome, report: outcome.report && { ...outcome.report, keepsVersions: false } };
}

function missingKeys(outcome: BatchOutcome, count: number): BatchOutcome {
  const keys = Array.from({ length: count }, () => new VaultError('denied', 'no'));
  return { ...outcome, report: outcome.report && { ...outcome.report, missingKeys: keys } };
}

const notVersioned: VersionReport = {
  kongVersion: '3.9.1',
  outcome: 'failed',
  error: new VaultError('not-versioned', 'suspended'),
};
const held: VersionReport = {
  kongVersion: '3.9.0',
  settled: true,
  asked: undefined,
  frameWarnings: [],
  outcome: 'held',
  held: {
    reason: 'mass deletion',
    what: '',
    identity: {},
    losses: { total: 6 },
    left: { total: 4 },
    foundWith: '3.9.0',
  },
  kept: undefined,
  restored: undefined,
  table: () => Readable.from([]),
  tableBytes: 0,
};

const circumstances = { certificateDaysLeft: undefined };

describe('the measurements of an export', () => {
  it.each<[title: string, outcome: BatchOutcome, expected: object]>([
    ['nothing readable', { report: undefined, unreadable: ['a'], retry: undefined, gaveUp: false }, {}],
    [
      'a change published',
      batch([published()], false, new Date('2026-11-23T04:00:02.500Z')),
      {
        Published: 1,
        Verified: 1,
        ExportedEntities: 10,
        ConfigBytes: 1_000,
        ChangeToPublished: 6.5,
      },
    ],
    [
      'news without a known change',
      batch([published()]),
      { Published: 1, Verified: 1, ExportedEntities: 10, ConfigBytes: 1_000 },
    ],
    [
      'the largest of several',
      batch([published(5, 3), published(4, 8), unchanged, behind]),
      { Published: 2, Verified: 3, Behind: 1, ExportedEntities: 8, ConfigBytes: 5 },
    ],
    ['a change that changed nothing', batch([unchanged], false, finishedAt), { Verified: 1 }],
    ['what waits for a person', batch([held, held, unchanged]), { Held: 2, Verified: 3 }],
    ['a failure that is tried again', batch([failed('bad-frame')]), {}],
    [
      'a failure at its last try',
      batch([failed('bad-frame'), unchanged], true),
      { Verified: 1, ExportFailed: 1 },
    ],
    ['an outage', batch([failed('unreachable')]), { Verified: 0, ControlPlaneUnreachable: 1 }],
    [
      'an outage in which a file was found as it was noted',
      batch([unchanged, failed('unreachable')]),
      { Verified: 0, ControlPlaneUnreachable: 1 },
    ],
    [
      'an outage at its last try',
      batch([failed('unreachable')], true),
      { Verified: 0, ControlPlaneUnreachable: 1 },
    ],
    [
      'an outage beside a failure',
      batch([failed('unreachable'), failed('refused')], true),
      { ExportFailed: 1 },
    ],
    [
      'objects of strangers replaced',
      batch([replacing, replacing, published()]),
      { Published: 3, Verified: 3, ManifestReplaced: 2, ExportedEntities: 10, ConfigBytes: 1_000 },
    ],
    [
      'a stranger’s object that was replaced early, in a check that failed later',
      batch([{ ...failed('dropped'), early: replacing }]),
      { ManifestReplaced: 1 },
    ],
    [
      'versions that the bucket would have destroyed the history of',
      batch([notVersioned, notVersioned, failed('refused'), unchanged]),
      { Verified: 1, NotVersioned: 2 },
    ],
    [
      'a bucket that keeps no versions, though nothing had to be written',
      keepingNoVersions(batch([unchanged])),
      { Verified: 1, NotVersioned: 1 },
    ],
    [
      'a bucket that keeps no versions, and versions that it would have destroyed the history of',
      keepingNoVersions(batch([notVersioned, notVersioned])),
      { NotVersioned: 2 },
    ],
    ['further signing keys that answered', missingKeys(batch([unchanged]), 0), { Verified: 1 }],
    [
      'further signing keys that did not',
      missingKeys(batch([unchanged]), 2),
      { Verified: 1, SigningKeysMissing: 2 },
    ],
    [
      'versions that never had a file',
      batch([failed('refused'), unchanged], false, undefined, 1),
      { Verified: 1, VersionsWithoutFile: 1 },
    ],
    [
      'versions that never had a file, in a try that comes again',
      { ...batch([failed('refused')], false, undefined, 1), retry: { ids: ['a'], afterSeconds: 5 } },
      {},
    ],
    [
      'versions that never had a file, in a try of which one message comes again and one is let go',
      { ...batch([failed('refused')], true, undefined, 1), retry: { ids: ['a'], afterSeconds: 5 } },
      { ExportFailed: 1, VersionsWithoutFile: 1 },
    ],
    [
      'versions that the control plane has refused for less than ten minutes',
      batch([notServed(finishedAt.getTime() - 599_999), unchanged]),
      { Verified: 1 },
    ],
    [
      'versions that the control plane cannot serve',
      batch([notServed(finishedAt.getTime() - 600_000), notServed(0), unchanged]),
      { Verified: 1, VersionsNotServed: 2 },
    ],
    ['a status that was never written', batch([unchanged], true), { Verified: 1, ExportFailed: 1 }],
  ])('%s', (_, outcome, expected) => {
    expect(measureBatch(outcome, circumstances)).toEqual(expected);
  });

  it('do not claim to know which versions have files when the status could not be read', () => {
    const outcome = batch([unchanged]);
    const unread = {
      ...outcome,
      report: outcome.report && { ...outcome.report, versionsWithoutFile: undefined },
    };

    const measured = measureBatch(unread, circumstances);

    expect(measured).toEqual({ Verified: 1 });
  });

  it.each([29.9, 13.5, 0, -1])(
    'have the days that the cluster certificate is still valid: %d',
    (certificateDaysLeft) => {
      const measured = measureBatch(batch([unchanged]), { ...circumstances, certificateDaysLeft });

      expect(measured).toEqual({ Verified: 1, CertificateDaysLeft: certificateDaysLeft });
    },
  );

  it('say nothing of a cluster certificate that is good for a month', () => {
    expect(measureBatch(batch([unchanged]), { certificateDaysLeft: 30 })).toEqual({ Verified: 1 });
  });
});
