import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { evaluateMatrix } from '../../policy/evaluate.ts';
import { physicalNames } from '../../policy/names.ts';
import { policiesWithKey } from '../../policy/policies.ts';
import { matrixRows } from '../../policy/rows/matrix-rows.ts';
import type { MatrixRow } from '../../policy/rows/row.ts';
import { matrixOf, templateOf } from './matrices.ts';

const matrix = await matrixOf({});
const isAboutRoutes = ({ action }: MatrixRow) => action === 'execute-api:Invoke';
const isAboutKeys = ({ action }: MatrixRow) => action.startsWith('kms:');

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

/** `npm run policy` proves each of them wholly. */
describe('other settings', () => {
  it('open no other route for cluster certificates', async () => {
    const variant = { clusterCertificate: true };

    const { cells } = await evaluateMatrix(templateOf(variant), variant, isAboutRoutes);

    const open = cells.filter(({ principal, allowed }) => principal === 'anonymous' && allowed);
    expect(open.map(({ row }) => row.resource)).toEqual(['grants of prod, by POST']);
  });

  it('leave an administrator what a deployer’s own key does not deny', async () => {
    const variant = { existingKey: true };
    const withKey = templateOf(variant);
    const withoutStatements = {
      ...withKey,
      Outputs: { ...withKey.Outputs, EncryptionKeyStatements: { Value: '[]' } },
    };

    const { unexpected } = await evaluateMatrix(withoutStatements, variant, isAboutKeys);

    expect(unexpected.map(({ principal, row }) => `${principal} ${row.action}`)).toEqual(
      expect.arrayContaining(['administrator kms:Decrypt', 'administrator kms:GenerateDataKey']),
    );
  });
});

describe('everything that can be switched on', () => {
  const variant = {
    lockdown: true,
    objectLock: true,
    clusterCertificate: true,
    replica: true,
    network: true,
  };
  const everything = templateOf(variant);
  const statement = v.object({
    Effect: v.string(),
    Action: v.union([v.string(), v.array(v.string())]),
  });

  it('allows no action that no row asks about', () => {
    const { policies, endpoints } = policiesWithKey(everything, variant);
    const asked = matrixRows(physicalNames(everything, variant), variant, endpoints).map(
      ({ action }) => action,
    );
    const { ofRoles, ofResources } = policies;

    const allowed = [...[...ofRoles.values()].flat(), ...ofResources.values()]
      .flatMap(({ Statement }) => Statement.map((each) => v.parse(statement, each)))
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => Action);

    const pattern = (action: string) => new RegExp(`^${action.replaceAll('*', '.*')}$`, 'i');
    expect(allowed.length).toBeGreaterThan(100);
    expect(allowed.filter((action) => !asked.some((each) => pattern(action).test(each)))).toEqual([]);
  });
});
