import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { account, deploy, granted, one, role, twoControlPlanes } from '../lib/deployment.ts';
import { assumeRole, type Credentials, keyArn, newBucket, newRole, newUser, s3As } from './gateway.ts';

const listed = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => [value].flat()),
);
const statement = v.looseObject({
  Action: listed,
  Condition: v.optional(v.record(v.string(), v.record(v.string(), v.unknown())), {}),
});

export type Statement = v.InferOutput<typeof statement>;

/** A policy that names one of these is refused by RGW 16 as a whole. */
export const unknownActions = [
  's3:GetObjectAttributes',
  's3:GetObjectVersionAttributes',
  's3:GetObjectVersionForReplication',
  's3:ReplicateDelete',
  's3:ReplicateObject',
  's3:UpdateObjectEncryption',
] as const;

/** Condition keys that RGW 16 knows and decides by as AWS does. */
const enforcedKeys = [
  's3:prefix',
  's3:x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-aws-kms-key-id',
];

/**
 * Condition keys that RGW 16 does not know, or not as AWS does; policy.rgw.ts has what it does instead, row
 * by row.
 */
export const otherKeys = [
  'aws:PrincipalArn',
  'aws:SecureTransport',
  's3:ObjectCreationOperation',
  's3:TlsVersion',
  's3:if-match',
  's3:if-none-match',
  's3:signatureAge',
] as const;

const callers = {
  exportProd: ['ExportRole', 'prod'],
  exportStaging: ['ExportRole', 'staging'],
  presignProd: ['PresignRole', 'prod'],
} as const;

/**
 * Roles of the deployment; and `wide`, another role of the account, which may do anything with S3 as far as
 * its own policy goes.
 */
export type Caller = keyof typeof callers | 'wide';

export interface DeployedVault {
  readonly bucket: string;
  /** The template's, as far as RGW can read it. */
  readonly bucketPolicy: readonly Statement[];
  /** Made the bucket; no role of the deployment. */
  readonly owner: Credentials;
  readonly roles: Readonly<Record<Caller, Credentials>>;
  putBucketPolicy(statements: readonly Statement[]): Promise<void>;
}

/**
 * The vault of the synthesized template in RGW: its bucket, its bucket policy, its roles with their own
 * policies.
 */
export async function deployVault(tenant: string): Promise<DeployedVault> {
  const deployment = deploy(twoControlPlanes);
  const templateKey = one(deployment, 'AWS::KMS::Key', 'EncryptionKey').arn;
  // The key comes last: its ARN here has an account of its own.
  const ofTenant = (text: string) => text.replaceAll(account, tenant);
  const here = (text: string) => ofTenant(text).replaceAll(ofTenant(templateKey), keyArn);
  const statements = (given: unknown) =>
    v
      .parse(v.array(statement), JSON.parse(here(JSON.stringify(given))))
      // A role's rights at KMS, SQS and the others: RGW has none of these services, and reads no policy that
      // names them.
      .filter(({ Action }) => Action.every((action) => action.startsWith('s3:')))
      .map(readable)
      .filter(({ Action }) => Action.length > 0);

  const bucket = one(deployment, 'AWS::S3::Bucket').arn.replace('arn:aws:s3:::', '');
  const document = one(deployment, 'AWS::S3::BucketPolicy').properties['PolicyDocument'];
  const bucketPolicy = statements(v.parse(v.object({ Statement: v.unknown() }), document).Statement);
  const owner = await newUser('owner', tenant);
  // RGW gives a role that the bucket's owner assumes what the owner may: somebody else does.
  const lambda = await newUser('lambda', tenant);

  const session = async (roleArn: string, own: readonly Statement[]) => {
    await newRole(tenant, roleArn.slice(roleArn.indexOf('/') + 1), own);
    return assumeRole(roleArn, lambda);
  };
  const deployed = async (name: Exclude<Caller, 'wide'>) => {
    const [kind, controlPlane] = callers[name];
    const found = role(deployment, kind, controlPlane);
    return session(here(found.arn), statements(granted(deployment, found)));
  };
  const roles = {
    exportProd: await deployed('exportProd'),
    exportStaging: await deployed('exportStaging'),
    presignProd: await deployed('presignProd'),
    wide: await session(
      `arn:aws:iam::${tenant}:role/Wide`,
      statements([{ Effect: 'Allow', Action: 's3:*', Resource: '*' }]),
    ),
  };

  const s3 = s3As(owner);
  const putBucketPolicy = async (given: readonly Statement[]) => {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: given });
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  };
  await newBucket(s3, bucket);
  await putBucketPolicy(bucketPolicy);
  return { bucket, bucketPolicy, owner, roles, putBucketPolicy };
}

/**
 * A statement as RGW can read it: callers are named by NotPrincipal, and actions that it does not know are
 * left out.
 */
function readable({ Condition, Action, ...rest }: Statement): Statement {
  const keys = Object.values(Condition).flatMap(Object.keys);
  const known: readonly string[] = [...enforcedKeys, ...otherKeys];
  const strange = keys.filter((key) => !known.includes(key));
  if (strange.length > 0) {
    throw new Error(
      `the template's policies use ${strange.join(', ')}: try whether RGW decides by it as AWS does, and add it to one of the lists in ${import.meta.filename}`,
    );
  }
  const { ArnNotEquals, ...conditions } = Condition;
  const principals = ArnNotEquals?.['aws:PrincipalArn'];
  if (JSON.stringify(conditions).includes('aws:PrincipalArn')) {
    throw new Error(
      'the template’s policies name callers otherwise than by ArnNotEquals: say here how RGW can read that',
    );
  }
  return {
    ...rest,
    ...(principals === undefined ? {} : { Principal: undefined, NotPrincipal: { AWS: principals } }),
    Action: Action.filter((action) => !unknownActions.some((unknown) => unknown === action)),
    Condition: conditions,
  };
}
