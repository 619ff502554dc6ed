import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NotCompared } from '../../core/export/revision-changes.ts';
import type { VersionReport } from '../../core/export/version-report.ts';
import type { Manifest } from '../../core/vault/manifest.ts';
import type { NewPublication } from '../../core/vault/publish.ts';
import { logBatch, logChanges } from '../../lambdas/export-log.ts';
import { logger } from '../../lambdas/telemetry.ts';

let lines: unknown[];
beforeEach(() => {
  lines = [];
  for (const level of ['info', 'error'] as const) {
    jest.spyOn(logger, level).mockImplementation((message, ...fields) => {
      lines.push(Object.assign({ message }, ...fields));
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
});

const time = new Date('2026-11-23T04:00:00Z');
const revision = (number: number): NewPublication => {
  const manifest: Manifest = {
    controlPlane: 'prod',
    kongVersion: '3.9.1',
    revision: number,
    previousSha256: null,
    sha256: String(number).repeat(64),
    size: 1_000,
    md5: 'b'.repeat(32),
    configHash: 'c'.repeat(32),
    builtAt: time,
    exportedAt: time,
    entities: { total: 10 },
  };
  return {
    outcome: 'published',
    manifest,
    gzip: new Uint8Array(),
    replacedVersionId: undefined,
    publishedAt: time,
    warning: undefined,
    manifestReplaced: false,
    versionId: String(number),
    servedTables: [],
  };
};

function log(version: VersionReport): void {
  const report = {
    versions: [version],
    waitingSince: undefined,
    finishedAt: time,
    versionsWithoutFile: 0,
    pluginVersionsOmitted: false,
    statusError: undefined,
    complete: true,
  };
  logBatch('prod', { report, unreadable: [], retry: undefined, gaveUp: false });
}

describe('the log of what a revision changed', () => {
  const { manifest } = revision(3);

  it('names the revision, and the changes by their types', () => {
    const examples = { added: ['a'], updated: [], removed: [] };
    const services = { added: 1, updated: 0, removed: 0, examples };

    logChanges({ manifest, isHeld: false, changes: { value: { services } } });

    expect(lines).toEqual([
      {
        message: 'changes',
        controlPlane: 'prod',
        kongVersion: '3.9.1',
        revision: 3,
        changes: 'services +1',
        changed: { services },
      },
    ]);
  });

  it('has a word where that was left out', () => {
    logChanges({
      manifest,
      isHeld: false,
      changes: { error: new NotCompared('no-time', 'the time was up') },
    });

    expect(lines).toEqual([
      expect.objectContaining({
        message: 'changes not told',
        revision: 3,
        error: 'the time was up',
        errorCode: 'no-time',
      }),
    ]);
  });
});

describe('the log of what is held', () => {
  const held: VersionReport = {
    kongVersion: '3.9.1',
    settled: true,
    asked: undefined,
    frameWarnings: [],
    outcome: 'held',
    held: {
      reason: 'mass deletion',
      what: '18 of 20 services are gone',
      identity: { clusterId: 'a' },
      losses: { services: 18, total: 18 },
      left: { services: 2, total: 3 },
      foundWith: '3.9.1',
    },
    kept: revision(3),
    restored: undefined,
    table: () => Readable.from([]),
    tableBytes: 0,
  };

  it('says as an error why, and how many of which type are gone', () => {
    log(held);

    expect(lines).toEqual([
      {
        message: expect.stringMatching(/^configuration held: .* "Configuration held" in the runbook$/),
        controlPlane: 'prod',
        kongVersion: '3.9.1',
        reason: 'mass deletion',
        what: '18 of 20 services are gone',
        gone: { services: 18, total: 18 },
        foundWith: '3.9.1',
      },
    ]);
  });

  it('names what would go, apart from what was changed', () => {
    const examples = { added: [], updated: [], removed: ['a', 'b'] };
    const services = { added: 0, updated: 0, removed: 18, examples };

    logChanges({ manifest: revision(3).manifest, isHeld: true, changes: { value: { services } } });

    expect(lines).toEqual([
      expect.objectContaining({
        message: 'changes held back',
        revision: 3,
        changes: 'services −18',
        changed: { services },
      }),
    ]);
  });
});

describe('the log of an export that has published early', () => {
  // The runbook lists revisions by this message.
  const earlyLine = { message: 'published', controlPlane: 'prod', kongVersion: '3.9.1', revision: 2 };

  it('has a line for both revisions', () => {
    const frame = { settled: true, asked: undefined, frameWarnings: [] };
    log({ kongVersion: '3.9.1', early: revision(2), ...frame, ...revision(3) });

    expect(lines).toEqual([
      expect.objectContaining({ ...earlyLine, early: true, settled: false }),
      expect.objectContaining({ message: 'published', revision: 3, settled: true }),
    ]);
  });

  it('has a line for it also where the check failed afterwards', () => {
    log({ kongVersion: '3.9.1', early: revision(2), outcome: 'failed', error: new Error('gone') });

    expect(lines).toEqual([
      expect.objectContaining({ ...earlyLine, early: true }),
      expect.objectContaining({ message: 'export failed', kongVersion: '3.9.1' }),
    ]);
  });
});

describe('the log of a check of a pinned file', () => {
  it('says what it is pinned to', () => {
    const { manifest, versionId } = revision(3);
    const kept = { versionId, servedTables: [], restored: undefined, frameWarnings: [] };

    log({
      kongVersion: '3.9.1',
      outcome: 'pinned',
      manifest: { ...manifest, rollbackOf: 1, pinned: true },
      settled: true,
      asked: undefined,
      ...kept,
    });

    expect(lines).toEqual([
      expect.objectContaining({ message: 'pinned', revision: 3, rollbackOf: 1, asked: false }),
    ]);
  });
});
