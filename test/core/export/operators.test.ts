import { describe, expect, it } from '@jest/globals';
import { mayCommand } from '../../../core/export/operators.ts';

const account = '111122223333';
const role = `arn:aws:iam::${account}:role/teams/gateway/on-call`;
const user = `arn:aws:iam::${account}:user/people/anna`;
const session = (name: string, of = account) => `arn:aws:sts::${of}:assumed-role/${name}/anna@example.com`;

describe('an operator', () => {
  it.each([
    ['a session of a role that is listed, whatever its path', session('on-call')],
    ['a user who is listed', user],
  ])('is %s', (_, caller) => {
    const operators = [role, user].map((arn) => ({ arn, commands: undefined }));

    expect(mayCommand(operators, caller, 'rollback')).toBe(true);
  });

  it.each([
    ['nobody', undefined],
    ['a session of another role', session('on-call-2')],
    ['a session of a role of that name in another account', session('on-call', '999988887777')],
    ['a session that is only named like the role', session('other').replace('anna@example.com', 'on-call')],
    ['a user who is not listed', `${user}2`],
    ['the root user', `arn:aws:iam::${account}:root`],
  ])('is not %s', (_, caller) => {
    const operators = [role, user].map((arn) => ({ arn, commands: undefined }));

    expect(mayCommand(operators, caller, 'rollback')).toBe(false);
  });

  it('may send the commands that were granted, and no others', () => {
    const operators = [{ arn: role, commands: ['unpin'] as const }];

    const may = (['unpin', 'rollback', 'export'] as const).filter((command) =>
      mayCommand(operators, session('on-call'), command),
    );

    expect(may).toEqual(['unpin']);
  });
});
