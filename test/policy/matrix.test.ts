import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { type MatrixTemplate, matrixTemplate } from '../../policy/deployment.ts';
import { evaluateMatrix, type Matrix } from '../../policy/evaluate.ts';
import { matrixPolicies } from '../../policy/policies.ts';
import { findMisspellings } from '../../policy/spelling.ts';

const template = matrixTemplate();
const matrix = await evaluateMatrix(template);
const withReplica = matrixTemplate({ replica: true });

/** The template with every text replaced, as if somebody had changed one grant. */
function changed(from: string | RegExp, to: string, of: MatrixTemplate = template): MatrixTemplate {
  const text = JSON.stringify(of);
  const replaced = text.replaceAll(from instanceof RegExp ? from : new RegExp(escaped(from), 'g'), to);
  expect(replaced).not.toBe(text);
  return JSON.parse(replaced) as MatrixTemplate;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const found = ({ unexpected }: Matrix) =>
  unexpected.map(
    ({ principal, row, expected }) => `${principal} ${expected ? 'loses' : 'gains'} ${row.action}`,
  );
const differences = async (from: string | RegExp, to: string) =>
  found(await evaluateMatrix(changed(from, to)));

describe('the deployed policies', () => {
  it.each(matrix.rows)('$action on $resource $when: allowed to $allowed', (row) => {
    const allowed = matrix.cells
      .filter((cell) => cell.row === row && cell.allowed)
      .map(({ principal }) => principal);

    expect(allowed).toEqual(row.allowed);
  });

  it('are asked with condition keys that their actions know', () => {
    expect(matrix.ignoredKeys).toEqual([]);
  });

  it('name no action, operator or condition key that does not exist', () => {
    expect(matrix.misspellings).toEqual([]);
  });
});

describe('other settings', () => {
  it.each([
    ['lockdown', { lockdown: true }],
    ['an encryption key of the deployer’s', { existingKey: true }],
    ['locked versions', { objectLock: true }],
    ['cluster certificates beside IAM', { clusterCertificate: true }],
    ['a replica', { replica: true }],
    ['a replica of locked versions, with lockdown', { replica: true, objectLock: true, lockdown: true }],
    ['a replica of what is encrypted with a key of the deployer’s', { replica: true, existingKey: true }],
  ])('are proved as well: %s', async (_what, variant) => {
    const proved = await evaluateMatrix(matrixTemplate(variant), variant);

    expect(proved).toMatchObject({ unexpected: [], ignoredKeys: [], misspellings: [] });
  });

  it('open no other route for cluster certificates', async () => {
    const variant = { clusterCertificate: true };

    const { cells } = await evaluateMatrix(matrixTemplate(variant), variant);

    const open = cells.filter(
      ({ row, principal, allowed }) =>
        row.action === 'execute-api:Invoke' && principal === 'anonymous' && allowed,
    );
    expect(open.map(({ row }) => row.resource)).toEqual(['grants of prod, by POST']);
  });

  it('leave an administrator what a deployer’s own key does not deny', async () => {
    const variant = { existingKey: true };
    const withKey = matrixTemplate(variant);
    const withoutStatements = {
      ...withKey,
      Outputs: { ...withKey.Outputs, EncryptionKeyStatements: { Value: '[]' } },
    };

    const { unexpected } = await evaluateMatrix(withoutStatements, variant);

    expect(unexpected.map(({ principal, row }) => `${principal} ${row.action}`)).toEqual(
      expect.arrayContaining(['administrator kms:Decrypt', 'administrator kms:GenerateDataKey']),
    );
  });
});

describe('everything that can be switched on', () => {
  const variant = { lockdown: true, objectLock: true, clusterCertificate: true, replica: true };
  const everything = matrixTemplate(variant);
  const statement = v.object({
    Effect: v.string(),
    Action: v.union([v.string(), v.array(v.string())]),
  });

  it('is proved together', async () => {
    const proved = await evaluateMatrix(everything, variant);

    expect(proved).toMatchObject({ unexpected: [], ignoredKeys: [], misspellings: [] });
  });

  it('allows no action that no row asks about', async () => {
    const { rows } = await evaluateMatrix(everything, variant);
    const asked = rows.map(({ action }) => action);
    const { ofRoles, ofResources } = matrixPolicies(everything, variant);

    const allowed = [...[...ofRoles.values()].flat(), ...ofResources.values()]
      .flatMap(({ Statement }) => Statement.map((each) => v.parse(statement, each)))
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => Action);

    const pattern = (action: string) => new RegExp(`^${action.replaceAll('*', '.*')}$`, 'i');
    expect(allowed.length).toBeGreaterThan(100);
    expect(allowed.filter((action) => !asked.some((each) => pattern(action).test(each)))).toEqual([]);
  });
});

describe('the matrix notices', () => {
  it('a presign role that may do anything with S3', async () => {
    const differs = await differences('["s3:GetObject","s3:GetObjectVersion"]', '["s3:*"]');

    expect(differs).toContain('presign prod gains s3:GetObjectAttributes');
  });

  it('a door that is not shut', async () => {
    const differs = await differences('"Effect":"Deny"', '"Effect":"Allow"');

    expect(differs).toEqual(
      expect.arrayContaining([
        'administrator gains s3:PutObject',
        'administrator gains s3:GetObject',
        'administrator gains s3:DeleteObjectVersion',
        'administrator gains kms:Sign',
      ]),
    );
  });

  it('a bucket policy that lets versions be deleted', async () => {
    const differs = await differences('s3:DeleteObjectVersion', 's3:GetBucketLocation');

    expect(differs).toEqual([
      'administrator gains s3:DeleteObjectVersion',
      's3 and kms role gains s3:DeleteObjectVersion',
    ]);
  });

  it('a cap of signature age in seconds', async () => {
    const differs = await differences('"s3:signatureAge":180000', '"s3:signatureAge":180');

    expect(differs).toContain('presign prod loses s3:GetObject');
  });

  it.each([
    ['StringNotEqualsIfExists', 'StringNotEqualIfExists', 'operator StringNotEqualIfExists'],
    ['kms:ReEncryptFrom', 'kms:ReEncriptFrom', 'action kms:ReEncriptFrom'],
    ['s3:signatureAge', 's3:signatureAges', 'condition key s3:signatureAges'],
  ])('that %s is written %s', async (from, to, misspelling) => {
    const differs = await findMisspellings(matrixPolicies(changed(from, to)));

    expect(differs).toEqual([misspelling]);
  });

  it.each([
    // A replica that more than S3 could write to.
    ['s3:ReplicateTags', 's3:GetBucketLocation', 'administrator gains s3:ReplicateTags'],
    [
      '"s3:GetObjectVersionForReplication","s3:PutObject",',
      '"s3:GetObjectVersionForReplication",',
      'administrator gains s3:PutObject',
    ],
    // A replication role that could delete there, read as people do, or is let in by nobody.
    [
      '"Action":"s3:ReplicateObject","Effect":"Allow"',
      '"Action":"s3:*","Effect":"Allow"',
      'replication gains s3:ReplicateTags',
    ],
    [
      's3:GetObjectVersionForReplication',
      's3:GetObject',
      'replication loses s3:GetObjectVersionForReplication',
    ],
    [':role/Lifeboat-to-eu-west-1', ':role/Lifeboat-to', 'replication loses s3:ReplicateObject'],
    ['s3.eu-west-1.', 's3.eu-central-1.', 'replication loses kms:Encrypt'],
    // A trust that takes every account's buckets.
    ['"aws:SourceAccount":', '"aws:PrincipalOrgID":', 'S3 gains sts:AssumeRole'],
  ])('what happens to a replica when %s becomes %s', async (from, to, expected) => {
    const variant = { replica: true };

    const differs = found(await evaluateMatrix(changed(from, to, withReplica), variant));

    expect(differs).toContain(expected);
  });
});
