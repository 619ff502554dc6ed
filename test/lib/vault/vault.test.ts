import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import fc from 'fast-check';
import * as v from 'valibot';
import { account, deploy, environment, granted, one, region, role, twoControlPlanes } from '../deployment.ts';
import { leftAfter, lifecycle, type StoredVersion } from '../lifecycle.ts';
import { applying, nameOf, policyDocument, type Request, type Statement } from '../policy.ts';

const deployment = deploy(twoControlPlanes);
const { template } = deployment;
const bucket = one(deployment, 'AWS::S3::Bucket');
const encryptionKey = one(deployment, 'AWS::KMS::Key', 'EncryptionKey');
const signingKey = one(deployment, 'AWS::KMS::Key', 'SigningKey');

const bucketPolicy = v.parse(
  policyDocument,
  one(deployment, 'AWS::S3::BucketPolicy').properties['PolicyDocument'],
).Statement;
const keyPolicy = (key: typeof encryptionKey) =>
  v.parse(policyDocument, key.properties['KeyPolicy']).Statement;

interface Caller {
  readonly arn: string | undefined;
  readonly policies: readonly Statement[];
}

function lambdaRole(name: string, controlPlane: string): Caller {
  const found = role(deployment, name, controlPlane);
  return { arn: found.arn, policies: granted(deployment, found) };
}

const everything: Statement = { Effect: 'Allow', Action: ['*'], Resource: ['*'], Condition: {} };
const callers = {
  exportProd: lambdaRole('ExportRole', 'prod'),
  exportStaging: lambdaRole('ExportRole', 'staging'),
  presignProd: lambdaRole('PresignRole', 'prod'),
  presignStaging: lambdaRole('PresignRole', 'staging'),
  webhook: lambdaRole('IntakeRole', ''),
  // Somebody who may do anything, as far as the account's own policies go.
  admin: { arn: `arn:aws:iam::${account}:role/Admin`, policies: [everything] },
  root: { arn: `arn:aws:iam::${account}:root`, policies: [everything] },
  service: { arn: undefined, policies: [everything] },
} satisfies Readonly<Record<string, Caller>>;
type CallerName = keyof typeof callers;

/** "allowed", "not granted", or the statements that deny. */
function decision(
  caller: Caller,
  resourcePolicy: readonly Statement[],
  request: Omit<Request, 'principal'>,
): string {
  const asked = { ...request, principal: caller.arn };
  const denials = applying([...resourcePolicy, ...caller.policies], 'Deny', asked);
  if (denials.length > 0) {
    return denials.map(nameOf).join(' ');
  }
  return applying(caller.policies, 'Allow', asked).length > 0 ? 'allowed' : 'not granted';
}

const overTls = { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3', 's3:signatureAge': '900' };
const encrypted = {
  's3:x-amz-server-side-encryption': 'aws:kms',
  's3:x-amz-server-side-encryption-aws-kms-key-id': encryptionKey.arn,
};
const upload = { ...overTls, ...encrypted, 's3:ObjectCreationOperation': 'true' };
const first = { ...upload, 's3:if-none-match': '*' };
const next = { ...upload, 's3:if-match': '"etag"' };

/** A context without some of its keys. */
function without(context: Request['context'], ...keys: readonly string[]): Request['context'] {
  return Object.fromEntries(Object.entries(context).filter(([key]) => !keys.includes(key)));
}

function onObject(caller: CallerName, action: string, key: string, context: Request['context']): string {
  return decision(callers[caller], bucketPolicy, { action, resource: `${bucket.arn}/${key}`, context });
}

describe('the bucket', () => {
  it('is versioned, encrypted with our key and its bucket key, private, and owned by its account alone', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {
              SSEAlgorithm: 'aws:kms',
              KMSMasterKeyID: { 'Fn::GetAtt': [encryptionKey.id, 'Arn'] },
            },
          },
        ],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  it.each(['AWS::S3::Bucket', 'AWS::S3::BucketPolicy'])(
    'stays when the stack goes or replaces it, and goes with a first deployment that failed: %s',
    (type) => {
      template.allResources(type, {
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
    },
  );

  it('is the only one', () => {
    template.resourceCountIs('AWS::S3::Bucket', 1);
  });

  // The whole of the rules: an Expiration, ExpirationInDays, ExpirationDate or Transition would lose the last
  // good configuration.
  it('loses noncurrent versions only', () => {
    expect(bucket.properties['LifecycleConfiguration']).toEqual({
      Rules: [
        ...['prod', 'staging'].map((controlPlane) => ({
          Id: `history-${controlPlane}`,
          Status: 'Enabled',
          Prefix: `${controlPlane}/`,
          NoncurrentVersionExpiration: { NoncurrentDays: 40, NewerNoncurrentVersions: 20 },
        })),
        {
          Id: 'status',
          Status: 'Enabled',
          Prefix: 'status/',
          NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        },
        { Id: 'uploads', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
      ],
    });
  });

  // A further exemption would be a door that no row below knocks at.
  it('takes the files and the status of its control planes, and nothing else', () => {
    const closed = bucketPolicy.find(({ Sid }) => Sid === 'NothingElseIsWritten');

    expect(closed).toEqual({
      Sid: 'NothingElseIsWritten',
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['s3:PutObject', 's3:ReplicateObject'],
      NotResource: [
        `${bucket.arn}/prod/*/config.json`,
        `${bucket.arn}/staging/*/config.json`,
        `${bucket.arn}/status/prod.json`,
        `${bucket.arn}/status/staging.json`,
      ],
      Condition: {},
    });
  });

  it('allows nobody by its own policy, and denies everybody alike', () => {
    expect(bucketPolicy.map(({ Effect, Principal }) => [Effect, Principal])).toEqual(
      bucketPolicy.map(() => ['Deny', { AWS: '*' }]),
    );
  });
});

describe('the history', () => {
  const rules = v.parse(lifecycle, bucket.properties['LifecycleConfiguration']);
  const year = 365;
  const daily = (key: string, count: number): StoredVersion[] =>
    Array.from({ length: count }, (_, day) => ({ key, writtenAt: day }));

  it('keeps the current version through a quiet year, and through ten', () => {
    const files = ['prod/3.9.1/config.json', 'staging/3.9.0/config.json', 'status/prod.json'].map((key) => ({
      key,
      writtenAt: 0,
    }));

    expect(leftAfter(rules, files, year)).toEqual(files);
    expect(leftAfter(rules, files, 10 * year)).toEqual(files);
  });

  // 40 days and 20 versions are these settings.
  it.each([
    ['a day after its last change: everything of the last 40 days', 100, 100, 41],
    ['a quiet year later: the current one, and the newest 20 before it', 100, 100 + year, 21],
    ['however few there are', 5, 10 * year, 5],
  ])('of a control plane that changed each day is there %s', (_what, changes, today, left) => {
    const kept = leftAfter(rules, daily('prod/3.9.1/config.json', changes), today);

    expect(kept).toHaveLength(left);
    expect(kept.at(-1)?.writtenAt).toBe(changes - 1);
  });

  it('of a status is there for a day', () => {
    const kept = leftAfter(rules, daily('status/prod.json', 10), 10);

    expect(kept.map(({ writtenAt }) => writtenAt)).toEqual([8, 9]);
  });

  it('always ends with the current version, whatever was written when', () => {
    const key = fc.constantFrom('prod/3.9.1/config.json', 'prod/3.8.1/config.json', 'status/staging.json');
    const writes = fc.array(fc.record({ key, after: fc.nat(400) }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(writes, fc.nat(10_000), (given, later) => {
        let day = 0;
        const versions = given.map(({ key: written, after }) => {
          day += after;
          return { key: written, writtenAt: day };
        });
        const current = new Map(versions.map((version) => [version.key, version]));

        const kept = leftAfter(rules, versions, day + later);

        expect(kept).toEqual(expect.arrayContaining([...current.values()]));
      }),
    );
  });
});

describe('a publication', () => {
  it.each<[string, CallerName, string, Request['context'], string]>([
    ['the export: a first file', 'exportProd', 'prod/3.9.1/config.json', first, 'allowed'],
    ['the export: the next file', 'exportProd', 'prod/3.9.1/config.json', next, 'allowed'],
    ['the export: its status', 'exportProd', 'status/prod.json', next, 'allowed'],
    ['another export', 'exportProd', 'staging/3.9.1/config.json', next, 'OnlyItsExportWrites2'],
    ['another export: a status', 'exportStaging', 'status/prod.json', next, 'OnlyItsExportWrites1'],
    ['a presign role', 'presignProd', 'prod/3.9.1/config.json', next, 'OnlyItsExportWrites1'],
    ['the webhook role', 'webhook', 'prod/3.9.1/config.json', next, 'OnlyItsExportWrites1'],
    ['an administrator', 'admin', 'prod/3.9.1/config.json', next, 'OnlyItsExportWrites1'],
    ['an administrator: a status', 'admin', 'status/staging.json', next, 'OnlyItsExportWrites2'],
    ['the account itself', 'root', 'staging/3.9.1/config.json', next, 'OnlyItsExportWrites2'],
    ['a caller without a role', 'service', 'prod/3.9.1/config.json', next, 'OnlyItsExportWrites1'],
    ['the export: another name', 'exportProd', 'prod/3.9.1/other.json', next, 'NothingElseIsWritten'],
    ['an administrator: the root', 'admin', 'config.json', next, 'NothingElseIsWritten'],
    ['an administrator: an unknown status', 'admin', 'status/dev.json', next, 'NothingElseIsWritten'],
    ['no condition', 'exportProd', 'prod/3.9.1/config.json', upload, 'OnlyConditionalPublication'],
    ['no condition on a status', 'exportProd', 'status/prod.json', upload, 'OnlyConditionalPublication'],
    [
      'no encryption named',
      'exportProd',
      'prod/3.9.1/config.json',
      without(next, ...Object.keys(encrypted)),
      'OnlyKmsEncryption OnlyOurKey',
    ],
    [
      'the encryption of S3',
      'exportProd',
      'prod/3.9.1/config.json',
      { ...next, 's3:x-amz-server-side-encryption': 'AES256' },
      'OnlyKmsEncryption',
    ],
    [
      'two layers of encryption',
      'exportProd',
      'status/prod.json',
      { ...next, 's3:x-amz-server-side-encryption': 'aws:kms:dsse' },
      'OnlyKmsEncryption',
    ],
    [
      'no key named',
      'exportProd',
      'status/prod.json',
      without(next, 's3:x-amz-server-side-encryption-aws-kms-key-id'),
      'OnlyOurKey',
    ],
    [
      'another key',
      'exportProd',
      'prod/3.9.1/config.json',
      { ...next, 's3:x-amz-server-side-encryption-aws-kms-key-id': signingKey.arn },
      'OnlyOurKey',
    ],
    [
      'plain HTTP',
      'exportProd',
      'prod/3.9.1/config.json',
      { ...next, 'aws:SecureTransport': 'false' },
      'aws:SecureTransport',
    ],
    [
      'an old TLS',
      'exportProd',
      'prod/3.9.1/config.json',
      { ...next, 's3:TlsVersion': '1.1' },
      's3:TlsVersion',
    ],
    [
      'the oldest TLS that will do',
      'exportProd',
      'prod/3.9.1/config.json',
      { ...next, 's3:TlsVersion': '1.2' },
      'allowed',
    ],
  ])('is decided: %s', (_what, caller, key, context, expected) => {
    expect(onObject(caller, 's3:PutObject', key, context)).toBe(expected);
  });

  // Parts carry no condition; the request that completes them does.
  it('may come in parts', () => {
    const part = { ...upload, 's3:ObjectCreationOperation': 'false' };

    expect(onObject('exportProd', 's3:PutObject', 'prod/3.9.1/config.json', part)).toBe('allowed');
  });

  it.each(['s3:ReplicateObject', 's3:PutObjectTagging', 's3:PutObjectVersionTagging'])(
    'has no way around: %s',
    (action) => {
      expect(onObject('admin', action, 'prod/3.9.1/config.json', overTls)).toBe('OnlyItsExportWrites1');
      expect(onObject('exportProd', action, 'prod/3.9.1/config.json', overTls)).toBe('not granted');
    },
  );
});

describe('a file', () => {
  it.each<[CallerName, string, string, string]>([
    ['presignProd', 's3:GetObject', 'prod/3.9.1/config.json', 'allowed'],
    ['presignProd', 's3:GetObjectVersion', 'prod/3.9.1/config.json', 'allowed'],
    ['exportProd', 's3:GetObject', 'prod/3.9.1/config.json', 'allowed'],
    ['exportProd', 's3:GetObject', 'status/prod.json', 'allowed'],
    ['presignProd', 's3:GetObject', 'prod/3.9.1/other.json', 'not granted'],
    ['presignProd', 's3:GetObject', 'status/prod.json', 'allowed'],
    ['presignProd', 's3:GetObject', 'status/staging.json', 'OnlyItsOwnRead2'],
    ['presignProd', 's3:GetObject', 'staging/3.9.1/config.json', 'OnlyItsOwnRead2'],
    ['presignStaging', 's3:GetObjectVersion', 'prod/3.9.1/config.json', 'OnlyItsOwnRead1'],
    ['exportProd', 's3:GetObject', 'staging/3.9.1/config.json', 'OnlyItsOwnRead2'],
    ['webhook', 's3:GetObject', 'prod/3.9.1/config.json', 'OnlyItsOwnRead1'],
    ['admin', 's3:GetObject', 'prod/3.9.1/config.json', 'OnlyItsOwnRead1'],
    ['admin', 's3:GetObjectVersion', 'staging/3.9.1/config.json', 'OnlyItsOwnRead2'],
    ['admin', 's3:GetObjectAttributes', 'prod/3.9.1/config.json', 'OnlyItsOwnRead1'],
    ['admin', 's3:GetObjectVersionAttributes', 'prod/3.9.1/config.json', 'OnlyItsOwnRead1'],
    ['root', 's3:GetObject', 'status/prod.json', 'OnlyItsOwnRead1'],
  ])('is read by its own: %s, %s of %s: %s', (caller, action, key, expected) => {
    expect(onObject(caller, action, key, overTls)).toBe(expected);
  });

  // 200 s are the lifetime of a URL in these settings; S3 counts milliseconds.
  it.each([
    ['260000', 'allowed'],
    ['260001', 'NoLongLivedUrls'],
  ])('is read with a signature of %s ms: %s', (age, expected) => {
    const context = { ...overTls, 's3:signatureAge': age };

    expect(onObject('presignProd', 's3:GetObject', 'prod/3.9.1/config.json', context)).toBe(expected);
  });

  it.each([
    's3:DeleteObject',
    's3:DeleteObjectVersion',
    's3:ReplicateDelete',
    's3:BypassGovernanceRetention',
    's3:UpdateObjectEncryption',
  ])('is deleted by nobody: %s', (action) => {
    const all = Object.keys(callers) as readonly CallerName[];

    const decisions = all.map((caller) => onObject(caller, action, 'prod/3.9.1/config.json', overTls));

    expect(decisions).toEqual(all.map(() => 'NobodyDeletes'));
  });

  it.each<[CallerName, string, string]>([
    ['presignProd', 'prod/3.9.2/config.json', 'allowed'],
    ['exportProd', 'prod/3.9.2/config.json', 'allowed'],
    ['exportProd', 'status/prod.json', 'allowed'],
    ['presignProd', 'staging/3.9.1/config.json', 'not granted'],
    ['presignProd', 'status/prod.json', 'allowed'],
    ['presignProd', 'status/staging.json', 'not granted'],
    ['exportProd', 'status/staging.json', 'not granted'],
    ['exportProd', '', 'not granted'],
  ])('that is missing is told from a forbidden one: %s, %s: %s', (caller, prefix, expected) => {
    const said = decision(callers[caller], bucketPolicy, {
      action: 's3:ListBucket',
      resource: bucket.arn,
      context: { ...overTls, 's3:prefix': prefix },
    });

    expect(said).toBe(expected);
  });
});

describe('the encryption key', () => {
  const throughBucket = {
    'kms:ViaService': `s3.${region}.amazonaws.com`,
    'kms:EncryptionContext:aws:s3:arn': bucket.arn,
  };

  function onKey(caller: CallerName, action: string, context: Request['context']): string {
    return decision(callers[caller], keyPolicy(encryptionKey), {
      action,
      resource: encryptionKey.arn,
      context,
    });
  }

  it('is renewed every year and stays when the stack goes', () => {
    template.hasResource('AWS::KMS::Key', {
      Properties: { EnableKeyRotation: true, KeySpec: Match.absent() },
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it.each<[string, CallerName, string, Request['context'], string]>([
    ['the export reads', 'exportProd', 'kms:Decrypt', throughBucket, 'allowed'],
    ['a presigned URL reads', 'presignProd', 'kms:Decrypt', throughBucket, 'allowed'],
    ['the export writes', 'exportStaging', 'kms:GenerateDataKey', throughBucket, 'allowed'],
    [
      'not through S3',
      'exportProd',
      'kms:Decrypt',
      without(throughBucket, 'kms:ViaService'),
      'OnlyThroughS3',
    ],
    [
      'not through S3, to write',
      'exportProd',
      'kms:GenerateDataKey',
      { ...throughBucket, 'kms:ViaService': `sqs.${region}.amazonaws.com` },
      'OnlyThroughS3',
    ],
    [
      'for another bucket',
      'presignProd',
      'kms:Decrypt',
      { ...throughBucket, 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::other' },
      'not granted',
    ],
    ['a presigned URL writes', 'presignProd', 'kms:GenerateDataKey', throughBucket, 'OnlyExportEncrypts'],
    ['the webhook reads', 'webhook', 'kms:Decrypt', throughBucket, 'OnlyLifeboatDecrypts'],
    ['an administrator reads', 'admin', 'kms:Decrypt', throughBucket, 'OnlyLifeboatDecrypts'],
    ['an administrator takes over', 'admin', 'kms:ReEncryptFrom', throughBucket, 'NobodyReEncrypts'],
    ['the export takes over', 'exportProd', 'kms:ReEncryptFrom', throughBucket, 'NobodyReEncrypts'],
    ['an administrator encrypts', 'admin', 'kms:Encrypt', throughBucket, 'OnlyExportEncrypts'],
    [
      'an administrator asks for keys',
      'admin',
      'kms:GenerateDataKeyWithoutPlaintext',
      throughBucket,
      'OnlyExportEncrypts',
    ],
    ['an administrator moves here', 'admin', 'kms:ReEncryptTo', throughBucket, 'NobodyReEncrypts'],
    ['the account itself reads', 'root', 'kms:Decrypt', throughBucket, 'OnlyLifeboatDecrypts'],
    ['a service of its own accord', 'service', 'kms:Decrypt', throughBucket, 'OnlyLifeboatDecrypts'],
    ['an administrator manages', 'admin', 'kms:PutKeyPolicy', {}, 'allowed'],
  ])('decides: %s', (_what, caller, action, context, expected) => {
    expect(onKey(caller, action, context)).toBe(expected);
  });
});

describe('the signing key', () => {
  it('signs as ES256 needs it, and stays when the stack goes', () => {
    template.hasResource('AWS::KMS::Key', {
      Properties: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it.each<[CallerName, string, string]>([
    ['exportProd', 'kms:Sign', 'allowed'],
    ['exportStaging', 'kms:Sign', 'allowed'],
    ['exportProd', 'kms:GetPublicKey', 'allowed'],
    ['presignProd', 'kms:Sign', 'OnlyExportSigns'],
    ['webhook', 'kms:Sign', 'OnlyExportSigns'],
    ['admin', 'kms:Sign', 'OnlyExportSigns'],
    ['root', 'kms:Sign', 'OnlyExportSigns'],
    ['service', 'kms:Sign', 'OnlyExportSigns'],
    ['admin', 'kms:GetPublicKey', 'allowed'],
    ['presignProd', 'kms:GetPublicKey', 'not granted'],
  ])('decides: %s, %s: %s', (caller, action, expected) => {
    const said = decision(callers[caller], keyPolicy(signingKey), {
      action,
      resource: signingKey.arn,
      context: {},
    });

    expect(said).toBe(expected);
  });
});

describe('a new signing key', () => {
  const rotation = (...signingKeys: readonly string[]) => {
    const deployed = deploy({ ...twoControlPlanes, signingKeys });
    const keys = ['VaultSigningKey', 'VaultFurtherSigningKeysecond'].flatMap((start) =>
      deployed.resources.filter(({ id, type }) => type === 'AWS::KMS::Key' && id.startsWith(start)),
    );
    const exportRole = role(deployed, 'ExportRole', 'prod');
    return {
      outputs: deployed.outputs,
      ids: keys.map(({ id }) => id),
      signs: keys.map((key) =>
        decision({ arn: exportRole.arn, policies: granted(deployed, exportRole) }, keyPolicy(key), {
          action: 'kms:Sign',
          resource: key.arn,
          context: {},
        }),
      ),
      exporter: one(deployed, 'AWS::Lambda::Function', 'Exportprod'),
    };
  };

  it('is made beside the one that signs, then signs in its place, then stands alone', () => {
    const steps = [['first', 'second'], ['second', 'first'], ['second']].map((names) => rotation(...names));

    expect(steps.map(({ signs }) => signs)).toEqual([
      ['allowed', 'NobodySigns'],
      ['NobodySigns', 'allowed'],
      ['allowed'],
    ]);
    // Another id would be another key.
    expect(steps[0]?.ids[0]).toBe(signingKey.id);
    expect(steps[1]?.ids).toEqual(steps[0]?.ids);
    expect(steps[2]?.ids[0]).toBe(steps[0]?.ids[1]);
  });

  it('is printed before it signs, and given to the exports with its turn', () => {
    const [before, after] = [rotation('first', 'second'), rotation('second', 'first')];
    const [first, second] = before.ids;

    expect(before.outputs).toMatchObject({
      SigningKeyArn: expect.stringContaining(`${first}`),
      PublicKeyCommandsecond: expect.stringContaining(`${second}`),
    });
    expect(after.outputs).toMatchObject({
      SigningKeyArn: expect.stringContaining(`${second}`),
      PublicKeyCommandfirst: expect.stringContaining(`${first}`),
    });
    const variables = (of: ReturnType<typeof rotation>) => environment(of.exporter);
    expect(variables(before)['SIGNING_KEY_ARN']).toContain(first);
    expect(variables(after)['SIGNING_KEY_ARN']).toContain(second);
  });

  it('leaves the old one in KMS', () => {
    const deployed = deploy({ ...twoControlPlanes, signingKeys: ['second', 'first'] });

    expect(
      deployed.resources
        .filter(({ id, type }) => type === 'AWS::KMS::Key' && id.includes('SigningKey'))
        .map(({ deletionPolicy }) => deletionPolicy),
    ).toEqual(['RetainExceptOnCreate', 'RetainExceptOnCreate']);
  });
});

describe('a vault with locked versions', () => {
  const locked = deploy({
    ...twoControlPlanes,
    objectLockDays: 45,
    vaultMadeWith: { objectLock: true },
  });
  const policy = v.parse(
    policyDocument,
    one(locked, 'AWS::S3::BucketPolicy').properties['PolicyDocument'],
  ).Statement;
  const exportRole = role(locked, 'ExportRole', 'prod');
  const lock = (mode: string, days: number) => ({
    's3:object-lock-mode': mode,
    's3:object-lock-remaining-retention-days': String(days),
  });
  const decided = (action: string, key: string, context: Request['context']) =>
    decision({ arn: exportRole.arn, policies: granted(locked, exportRole) }, policy, {
      action,
      resource: `${bucket.arn}/${key}`,
      context,
    });

  it('has Object Lock, and no retention for what does not ask for it', () => {
    locked.template.hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockEnabled: true,
      ObjectLockConfiguration: Match.absent(),
    });
    template.hasResourceProperties('AWS::S3::Bucket', { ObjectLockEnabled: Match.absent() });
  });

  it.each<[string, Request['context'], string]>([
    ['locked for the days that are set', lock('GOVERNANCE', 45), 'allowed'],
    ['locked for a day more', lock('GOVERNANCE', 46), 'allowed'],
    ['locked for two days more', lock('GOVERNANCE', 47), 'NoLongerLock'],
    ['locked so that nobody can ever unlock it', lock('COMPLIANCE', 45), 'OnlyLockedPublication'],
    ['not locked', {}, 'OnlyLockedPublication'],
  ])('takes a publication: %s', (_what, context, expected) => {
    const said = decided('s3:PutObject', 'prod/3.9.1/config.json', { ...next, ...context });

    expect(said).toBe(expected);
  });

  it('takes a status that is not locked', () => {
    expect(decided('s3:PutObject', 'status/prod.json', next)).toBe('allowed');
  });

  it('lets its exports lock their own files, and nobody change a lock to less', () => {
    const key = 'prod/3.9.1/config.json';

    expect(decided('s3:PutObjectRetention', key, { ...overTls, ...lock('GOVERNANCE', 45) })).toBe('allowed');
    expect(decided('s3:PutObjectRetention', 'staging/3.9.1/config.json', overTls)).toBe(
      'OnlyItsExportWrites2',
    );
    expect(decided('s3:BypassGovernanceRetention', key, overTls)).toBe('NobodyDeletes');
  });

  it('tells its export for how long', () => {
    locked.template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ OBJECT_LOCK_DAYS: '45' }) },
    });
  });
});
