import { describe, expect, it } from '@jest/globals';
import { type AccessRequest, authorizer, type PolicyDocument } from '../../../simulators/aws/iam.ts';

const accountId = '111122223333';
const roleArn = `arn:aws:iam::${accountId}:role/reader`;
const bucketArn = 'arn:aws:s3:::vault';
const get: AccessRequest = {
  principalArn: roleArn,
  action: 's3:GetObject',
  resourceArn: `${bucketArn}/prod/3.9.1/config.json`,
  context: {},
};
const put: AccessRequest = { ...get, action: 's3:PutObject' };
const allow = (Action: string | readonly string[]) => ({
  Effect: 'Allow',
  Action,
  Resource: `${bucketArn}/*`,
});
const deny = (statement: object) => ({
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Resource: `${bucketArn}/*`,
  ...statement,
});
const policy = (...Statement: readonly object[]): PolicyDocument => ({ Version: '2012-10-17', Statement });

function authorize(identity: PolicyDocument, ofBucket?: PolicyDocument) {
  return authorizer({
    accountId,
    policies: {
      ofRoles: new Map([[roleArn, [identity]]]),
      ofResources: new Map(ofBucket === undefined ? [] : [[bucketArn, ofBucket]]),
    },
  });
}

/** The first decision about a policy reads all of it, later ones what is about their action. */
async function decideTwice(decide: ReturnType<typeof authorize>, request: AccessRequest) {
  await decide({ ...request, context: { 'aws:SourceIp': '192.0.2.1' } });
  return decide(request);
}

describe('a decision', () => {
  it.each([
    ['the action', allow('s3:GetObject'), true],
    ['the action in another case', allow('S3:getobject'), true],
    ['the action among others', allow(['s3:PutObject', 's3:GetObject']), true],
    ['a pattern', allow('s3:Get*'), true],
    ['a pattern of one character', allow('s3:G?tObject'), true],
    ['everything', allow('*'), true],
    ['what is not another action', { ...allow(''), Action: undefined, NotAction: 's3:PutObject' }, true],
    ['what is not the action', { ...allow(''), Action: undefined, NotAction: 's3:GetObject' }, false],
    ['an action that only begins so', allow('s3:GetObjectVersion'), false],
    ['the beginning of the action', allow('s3:GetObj'), false],
    ['another action', allow('s3:PutObject'), false],
  ])('takes a statement that names %s', async (_what, statement, expected) => {
    const decide = authorize(policy(allow('s3:ListMultipartUploadParts'), statement));

    const { allowed } = await decideTwice(decide, get);

    expect(allowed).toBe(expected);
  });

  it('takes a statement of the bucket that denies the action, and names it', async () => {
    const ofBucket = policy(
      deny({ Sid: 'NobodyWrites', Action: 's3:PutObject' }),
      deny({ Sid: 'NobodyReads', Action: 's3:Get*' }),
    );

    const { allowed, reason } = await decideTwice(authorize(policy(allow('s3:*')), ofBucket), get);

    expect(allowed).toBe(false);
    expect(reason).toContain('with an explicit deny in a resource-based policy (NobodyReads)');
  });

  it('names a statement without a name by its place in the whole policy', async () => {
    const ofBucket = policy(deny({ Action: 's3:PutObject' }), deny({ Action: 's3:GetObject' }));
    const identity = policy(
      allow('s3:PutObject'),
      { ...allow('s3:GetObject'), Effect: 'Deny' },
      allow('s3:GetObject'),
    );

    const byBucket = await decideTwice(authorize(policy(allow('s3:*')), ofBucket), get);
    const byRole = await decideTwice(authorize(identity), get);

    expect(byBucket.reason).toContain('a resource-based policy (statement 2)');
    expect(byRole.reason).toContain('an identity-based policy (statement 2)');
  });

  it('is different for each action of one policy', async () => {
    const decide = authorize(policy(allow('s3:GetObject'), { ...allow('s3:PutObject'), Effect: 'Deny' }));

    const decided = [await decide(get), await decide(put), await decide(get), await decide(put)];

    expect(decided.map(({ allowed }) => allowed)).toEqual([true, false, true, false]);
  });
});

describe('a policy that is not valid', () => {
  it('is an error each time, also where another statement is the one about the action', async () => {
    const wrong = { ...allow('s3:PutObject'), Effect: 'Allows' };
    const decide = authorize(policy(allow('s3:GetObject'), wrong));
    // The same statement about the action, in a policy that is valid: its decision must not be taken.
    await decideTwice(authorize(policy(allow('s3:GetObject'))), get);

    const decided = await Promise.allSettled([decide(get), decide(get), decide({ ...get, context: {} })]);

    expect(decided.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
  });
});
