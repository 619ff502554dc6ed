import { describe, expect, it } from '@jest/globals';
import type { MatrixTemplate, Variant } from '../../policy/deployment.ts';
import { evaluateMatrix, type Matrix } from '../../policy/evaluate.ts';
import { policiesWithKey } from '../../policy/policies.ts';
import { findMisspellings } from '../../policy/spelling.ts';
import { templateOf } from './matrices.ts';

/** The template with every text replaced, as if somebody had changed one grant. */
function changed(from: string | RegExp, to: string, variant: Variant = {}): MatrixTemplate {
  const text = JSON.stringify(templateOf(variant));
  const replaced = text.replaceAll(from instanceof RegExp ? from : new RegExp(escaped(from), 'g'), to);
  expect(replaced).not.toBe(text);
  return JSON.parse(replaced) as MatrixTemplate;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const found = ({ unexpected }: Matrix) =>
  unexpected.map(
    ({ principal, row, expected }) => `${principal} ${expected ? 'loses' : 'gains'} ${row.action}`,
  );
const differences = async (from: string | RegExp, to: string, variant: Variant = {}) =>
  found(await evaluateMatrix(changed(from, to, variant), variant));

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
    const differs = await findMisspellings(policiesWithKey(changed(from, to)).policies);

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
    expect(await differences(from, to, { replica: true })).toContain(expected);
  });

  it.each([
    // An endpoint that lets more through, a function that any API may call, a log of any other trail.
    [
      '"secretsmanager:GetSecretValue","Effect":"Allow","Principal"',
      '"secretsmanager:*","Effect":"Allow","Principal"',
      'administrator gains secretsmanager:PutSecretValue',
    ],
    ['/*/*/control-planes/prod/fallback-config', '/*', 'API Gateway gains lambda:InvokeFunction'],
    [
      '"StringEquals":{"aws:SourceArn"',
      '"StringNotEquals":{"aws:SourceArn"',
      'CloudTrail gains s3:PutObject',
    ],
  ])('what happens to a network or a service when %s becomes %s', async (from, to, expected) => {
    expect(await differences(from, to, { network: true })).toContain(expected);
  });
});
