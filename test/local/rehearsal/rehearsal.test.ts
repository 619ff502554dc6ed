import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { holdsTable } from '../../../local/rehearsal/new-data-plane.ts';
import { isGood, type RehearsalResult } from '../../../local/rehearsal/rehearsal.ts';

const good: RehearsalResult = {
  revision: 3,
  entities: { total: 1 },
  sha256: '0'.repeat(64),
  sizeBytes: 1,
  changeToPublishedSeconds: 5,
  burst: { changes: 200, exports: 1, seconds: 8 },
  unchangedWroteVersion: false,
  rollback: { revision: 4, pinned: true, unpinned: true },
  guard: { held: true, approved: true },
  inspection: { ready: true, differences: 1, verified: true },
  outageLeftVaultAlone: true,
  oldRevision: { refused: true, repaired: true },
  tamperedUrlRefused: true,
  tamperedFileRefused: true,
  dataPlane: { verified: true, file: '/config.json', equalsControlPlane: true },
};

describe('a rehearsal', () => {
  it.each<readonly [string, Partial<RehearsalResult>]>([
    ['everything held', {}],
    [
      'nobody may stop the control plane',
      { outageLeftVaultAlone: null, burst: null, rollback: null, guard: null, oldRevision: null },
    ],
    ['nobody knows what it last had', { dataPlane: { ...good.dataPlane, equalsControlPlane: null } }],
  ])('is good when %s', (_what, changed) => {
    expect(isGood({ ...good, ...changed })).toBe(true);
  });

  it.each<readonly [string, Partial<RehearsalResult>]>([
    ['an unchanged configuration was published', { unchangedWroteVersion: true }],
    ['a mass deletion was published', { guard: { held: false, approved: true } }],
    ['what is published is not called ready', { inspection: { ...good.inspection, ready: false } }],
    ['what is published is not verified', { inspection: { ...good.inspection, verified: false } }],
    ['what was approved was not published', { guard: { held: true, approved: false } }],
    ['an old revision was taken', { oldRevision: { refused: false, repaired: true } }],
    ['an old revision stayed', { oldRevision: { refused: true, repaired: false } }],
    ['a pinned file was published over', { rollback: { revision: 4, pinned: false, unpinned: true } }],
    [
      'nothing was published after the unpinning',
      { rollback: { revision: 4, pinned: true, unpinned: false } },
    ],
    ['the outage changed the vault', { outageLeftVaultAlone: false }],
    ['a tampered URL was accepted', { tamperedUrlRefused: false }],
    ['a tampered file was accepted', { tamperedFileRefused: false }],
    ['the file is not the published one', { dataPlane: { ...good.dataPlane, verified: false } }],
    [
      'the file is not what the control plane last had',
      { dataPlane: { ...good.dataPlane, equalsControlPlane: false } },
    ],
  ])('is not good when %s', (_what, changed) => {
    expect(isGood({ ...good, ...changed })).toBe(false);
  });
});

describe('the new data plane’s file', () => {
  const table = { _format_version: '3.0', services: [{ id: 'a', ttl: undefined }] };
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lifeboat-rehearsal-'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  it.each([
    ['in another order and with our comment', { services: [{ id: 'a' }], _format_version: '3.0' }, true],
    ['with another row', { _format_version: '3.0', services: [{ id: 'b' }] }, false],
    ['without a type', { _format_version: '3.0' }, false],
    ['with a type too many', { _format_version: '3.0', services: [{ id: 'a' }], routes: [] }, false],
  ])('is compared with the table: %s', async (_what, content, equal) => {
    const file = join(directory, 'config.json');
    await writeFile(file, JSON.stringify({ _comment: 'revision 1', ...content }));

    expect(await holdsTable(file, table)).toBe(equal);
  });

  it('is not ours without our comment', async () => {
    const file = join(directory, 'config.json');
    await writeFile(file, JSON.stringify(table));

    expect(await holdsTable(file, table)).toBe(false);
  });
});
