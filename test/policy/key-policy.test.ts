import { describe, expect, it } from '@jest/globals';
import { accountId, matrixTemplate, region } from '../../policy/deployment.ts';
import { evaluateMatrix } from '../../policy/evaluate.ts';
import { hasStatement, readKeyPolicy, replaceDeploymentStatements } from '../../policy/key-policy.ts';
import { deployedOutput } from '../../template/resolve.ts';

const theirs = '222233334444';
const statementsOf = (fileReaders: boolean) => {
  const template = matrixTemplate({ existingKey: true, fileReaders });
  // As CloudFormation names roles: nobody can know it here.
  const namesOf = (id: string) => ({
    ref: id,
    arn: `arn:aws:iam::${theirs}:role/Lifeboat-${id}-1A2B3C4D5E6F`,
  });
  const output = deployedOutput(template, 'EncryptionKeyStatements', {
    region,
    accountId: theirs,
    namesOf,
  });
  return JSON.parse(output) as readonly { readonly Sid: string; readonly Action: unknown }[];
};
const asked = statementsOf(false);
const admins = {
  Sid: 'Admins',
  Effect: 'Allow',
  Principal: { AWS: [`arn:aws:iam::${theirs}:role/key-admins`] },
  Action: 'kms:*',
  Resource: '*',
};
const account = {
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${theirs}:root` },
  Action: 'kms:*',
  Resource: '*',
};
const text = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const read = (...statements: readonly object[]) => readKeyPolicy(text(...statements), undefined, accountId);
const proof = async (...statements: readonly object[]) => {
  const variant = { existingKey: true, fileReaders: false, keyPolicy: read(...statements) };
  // No other row asks a key policy.
  return evaluateMatrix(matrixTemplate(variant), variant, ({ action }) => action.startsWith('kms:'));
};

describe('a key policy', () => {
  it.each([
    ['as text', text(account)],
    ['as JSON', JSON.stringify({ Policy: text(account), PolicyName: 'default' })],
  ])('is read as the AWS CLI prints it: %s', (_what, given) => {
    const policy = readKeyPolicy(given, undefined, accountId);

    expect(policy.Statement).toEqual([
      {
        ...account,
        Principal: { AWS: [`arn:aws:iam::${accountId}:root`] },
        Action: ['kms:*'],
        Condition: {},
      },
    ]);
  });

  it.each([
    ['no JSON', '{', 'this is no key policy'],
    ['no policy', '{"name":"kong-lifeboat"}', 'this is no key policy'],
    ['empty', text(), 'this is no key policy'],
    ['of no account', text({ ...account, Principal: { AWS: '*' } }), 'names no account: say with --account'],
    [
      'of two accounts',
      text(account, { ...account, Principal: { AWS: 'arn:aws:iam::555566667777:root' } }),
      `names the accounts ${theirs}, 555566667777: say with --account`,
    ],
  ])('is refused with the next step where it is %s', (_what, given, message) => {
    expect(() => readKeyPolicy(given, undefined, accountId)).toThrow(message);
  });

  it('is of the account that is said', () => {
    const foreign = { ...account, Principal: { AWS: 'arn:aws:iam::555566667777:root' } };

    const policy = readKeyPolicy(text(account, foreign), theirs, accountId);

    expect(JSON.stringify(policy)).toContain(`iam::${accountId}:root`);
    expect(JSON.stringify(policy)).toContain('iam::555566667777:root');
  });

  it('tells what deployment it was made for', () => {
    const policy = (fileReaders: boolean) =>
      readKeyPolicy(text(account, ...statementsOf(fileReaders)), theirs, accountId);

    expect(hasStatement(policy(false), 'ReadersDecrypt')).toBe(false);
    expect(hasStatement(policy(true), 'ReadersDecrypt')).toBe(true);
  });
});

describe('the statements of the deployment in it', () => {
  it('are taken with the names of the matrix', () => {
    const { policy, principals, faults } = replaceDeploymentStatements(read(admins, ...asked), asked);

    expect(faults).toEqual([]);
    expect(principals).toEqual([`arn:aws:iam::${accountId}:role/key-admins`]);
    expect(policy.Statement).toHaveLength(1 + asked.length);
  });

  it.each(asked.map(({ Sid }) => Sid))('are missed one by one: %s', (sid) => {
    const { faults } = replaceDeploymentStatements(
      read(account, ...asked.filter(({ Sid }) => Sid !== sid)),
      asked,
    );

    expect(faults).toEqual([
      `statement ${sid} is missing: put it in, from the output EncryptionKeyStatements`,
    ]);
  });

  it.each([
    ['Action', 'kms:DescribeKey'],
    ['Effect', 'Allow'],
    ['Condition', {}],
  ])('are not taken where their %s was changed', (field, value) => {
    const changed = asked.map((each) =>
      each.Sid === 'OnlyLifeboatDecrypts' ? { ...each, [field]: value } : each,
    );

    const { faults } = replaceDeploymentStatements(read(account, ...changed), asked);

    expect(faults).toEqual([
      'statement OnlyLifeboatDecrypts is not as the output EncryptionKeyStatements has it: put that one in its place',
    ]);
  });
});

describe('the proof of it', () => {
  it('finds nothing where the statements are there, whoever else manages the key', async () => {
    const { unexpected, keyPolicyFaults } = await proof(admins, account, ...asked);

    expect({ unexpected, keyPolicyFaults }).toEqual({ unexpected: [], keyPolicyFaults: [] });
  });

  it('finds nothing where the account’s own people are kept from the key', async () => {
    const { unexpected } = await proof(...asked);

    expect(unexpected).toEqual([]);
  });

  it('finds who can decrypt, named in the policy or not', async () => {
    const { unexpected, keyPolicyFaults } = await proof(
      admins,
      account,
      ...asked.filter(({ Sid }) => Sid !== 'OnlyLifeboatDecrypts'),
    );

    expect(keyPolicyFaults).toHaveLength(1);
    expect(unexpected.map(({ principal, row }) => `${principal} ${row.action}`)).toEqual(
      expect.arrayContaining([
        'administrator kms:Decrypt',
        `arn:aws:iam::${accountId}:role/key-admins kms:Decrypt`,
      ]),
    );
  });

  it('finds a function that cannot work', async () => {
    const { unexpected } = await proof(admins, ...asked.filter(({ Sid }) => Sid !== 'ExportEncrypts'));

    expect(unexpected.map(({ principal, row }) => `${principal} ${row.action}`)).toEqual([
      'export prod kms:GenerateDataKey',
      'export staging kms:GenerateDataKey',
    ]);
  });
});
