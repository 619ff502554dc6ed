import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readLocalFile } from '../../../core/inspect/local-file.ts';
import { type LocalEvidence, verifyLocalFile } from '../../../core/inspect/local-verification.ts';
import { type Manifest, signManifest } from '../../../core/vault/manifest.ts';
import { manifestOf, newSigningKey } from '../../cli/published-file.ts';

const key = newSigningKey();
const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const json = (lists: object) =>
  Buffer.from(JSON.stringify({ _format_version: '3.0', _transform: false, ...lists }));
const published = json({
  services: [{ id: idOf(1), name: 'billing', host: 'billing.test' }],
  routes: [{ id: idOf(2), name: 'pay', service: { id: idOf(1) } }],
  _comment: 'a "comment"',
});

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-local-file-'));
});
afterAll(() => rm(directory, { recursive: true }));

const sign = (changed: Partial<Manifest> = {}, signer = key) =>
  signManifest(manifestOf({ entities: { total: 2 }, ...changed }, published), signer);

async function verify(stored: Buffer, evidence: Partial<LocalEvidence> = {}) {
  const path = join(directory, 'config.json');
  await writeFile(path, stored);
  const report = await verifyLocalFile(
    await readLocalFile(path),
    {
      signedManifest: await sign(),
      missing: 'It is not there.',
      trusted: [await key.verificationKey()],
      ...evidence,
    },
    new Date('2026-11-27T12:00:00Z'),
  );
  const outcomes = Object.fromEntries(report.checks.map(({ check, outcome }) => [check, outcome]));
  const details = report.checks.map(({ check, detail }) => `${check}: ${detail}`).join('\n');
  return { ...report, outcomes, details };
}

describe('a file on this machine', () => {
  it('passes with its manifest and the pinned key', async () => {
    const { outcome, outcomes, manifest, keyId, sizeBytes, details } = await verify(published);

    expect(outcomes).toEqual({
      signature: 'passed',
      content: 'passed',
      json: 'passed',
      references: 'passed',
    });
    expect(outcome).toBe('passed');
    expect(details).toContain('as revision 7 of prod for Kong 3.9.1, published at 2026-11-23T00:00:01.000Z');
    expect({ manifest, sizeBytes }).toMatchObject({ manifest: { revision: 7 }, sizeBytes: published.length });
    expect(keyId).toBe((await key.verificationKey()).keyId);
  });

  it('passes as the vault has it, compressed, and says where it was compressed anew', async () => {
    const gzip = gzipSync(published);
    const storedSha256 = createHash('sha256').update(gzip).digest('hex');
    const evidence = { signedManifest: await sign({ storedSha256 }) };

    const asStored = await verify(gzip, evidence);
    const anew = await verify(gzipSync(published, { level: 1 }), evidence);

    expect(asStored).toMatchObject({
      outcome: 'passed',
      outcomes: { storedBytes: 'passed', content: 'passed' },
    });
    expect(anew).toMatchObject({
      outcome: 'passed',
      outcomes: { storedBytes: 'unknown', content: 'passed' },
    });
  });

  it.each<[what: string, evidence: Partial<LocalEvidence>, detail: string]>([
    ['without a manifest', { signedManifest: undefined }, 'signature: It is not there.'],
    ['without a key', { trusted: undefined }, 'give the pinned one (--public-key)'],
  ])('is unverified %s, and says so', async (_what, evidence, detail) => {
    const { outcome, outcomes, details, manifest, keyId } = await verify(published, evidence);

    expect(outcome).toBe('unverified');
    expect(outcomes).toEqual({
      signature: 'unknown',
      content: 'unknown',
      json: 'passed',
      references: 'passed',
    });
    expect(details).toContain(detail);
    expect([manifest, keyId]).toEqual([undefined, undefined]);
  });

  it.each<[what: string, evidence: () => Promise<Partial<LocalEvidence>>, detail: RegExp]>([
    [
      'signed by a stranger',
      async () => ({ signedManifest: await sign({}, newSigningKey()) }),
      /signature: The manifest is signed with key .* not trusted here/,
    ],
    [
      'with a manifest that is none',
      async () => ({ signedManifest: 'x' }),
      /signature: The manifest is not a compact JWS/,
    ],
    [
      'of another control plane',
      async () => ({ controlPlane: 'test' }),
      /owner: It belongs to control plane "prod", not to "test"/,
    ],
    ['for newer nodes', async () => ({ kongVersion: '3.9.0' }), /owner: .*Kong 3\.9\.0 cannot load it/],
    [
      'of which an entity is missing',
      async () => ({ signedManifest: await sign({ entities: { total: 3 } }) }),
      /json: It has 2 entities, and its manifest says 3/,
    ],
  ])('fails %s', async (_what, evidence, detail) => {
    const { outcome, details } = await verify(published, await evidence());

    expect(outcome).toBe('failed');
    expect(details).toMatch(detail);
  });

  it('fails where one byte was changed, whatever else is right', async () => {
    const changed = Buffer.from(published.toString('utf8').replace('billing.test', 'belling.test'));

    expect(await verify(changed)).toMatchObject({
      outcome: 'failed',
      outcomes: { signature: 'passed', content: 'failed', json: 'passed' },
    });
  });

  it('fails where a reference leads nowhere, which it names by its id alone', async () => {
    const broken = json({ routes: [{ id: idOf(2), name: 'pay', service: { id: idOf(9) } }] });

    const report = await verify(broken, { signedManifest: undefined });

    expect(report).toMatchObject({ outcome: 'failed', outcomes: { references: 'failed' } });
    expect(report.broken).toEqual([
      {
        type: 'routes',
        id: idOf(2),
        name: 'pay',
        field: 'service',
        missing: { type: 'services', id: idOf(9) },
      },
    ]);
  });

  it.each<[what: string, stored: Buffer, detail: string]>([
    ['empty', Buffer.alloc(0), 'It is empty.'],
    ['cut off', published.subarray(0, -9), 'It is no valid JSON: it may be cut off.'],
    [
      'cut off as gzip',
      gzipSync(published).subarray(0, -9),
      'It is gzip that is damaged or cut off (Z_BUF_ERROR).',
    ],
    [
      'not UTF-8',
      Buffer.from(published.toString('latin1').replace('billing', 'b\xefing'), 'latin1'),
      'It is no text: its bytes are not UTF-8.',
    ],
    ['YAML', Buffer.from('# ours\n_format_version: "3.0"\nservices:\n- name: a\n'), 'It is YAML, which'],
    [
      'a text that somebody wrote for db_import',
      Buffer.from('{"_format_version":"3.0","services":[{"name":"a","routes":[{}]}]}'),
      'It is a configuration that was written for `kong config db_import` or deck',
    ],
    ['other JSON', Buffer.from('[{"_format_version":1}]'), 'It is JSON, and no configuration of Kong'],
    [
      'a configuration without lists',
      json({ services: { a: {} } }),
      'It is no configuration of Kong: its entities do not stand in lists.',
    ],
  ])('fails that is %s', async (_what, stored, detail) => {
    const { outcome, details } = await verify(stored);

    expect(outcome).toBe('failed');
    expect(details).toContain(`json: ${detail}`);
    expect(details).not.toContain('billing');
  });

  it('of more than 64 MiB is read as others are', async () => {
    const large = json({ plugins: [{ id: idOf(3), name: 'x', config: 'y'.repeat(65 * 2 ** 20) }] });

    expect(await verify(large, { signedManifest: undefined })).toMatchObject({
      outcome: 'unverified',
      sizeBytes: large.length,
      outcomes: { json: 'passed' },
    });
  });
});
