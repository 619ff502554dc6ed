import * as g from '/work/main/test/rgw/gateway.ts';
import { deploy, one, role, granted, twoControlPlanes } from '/work/main/test/lib/deployment.ts';
import { CreateBucketCommand, PutBucketVersioningCommand, PutBucketPolicyCommand, PutObjectCommand, GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
const d = deploy(twoControlPlanes);
const policy: any = one(d, 'AWS::S3::BucketPolicy').properties['PolicyDocument'];

const owner = await g.newUser('o' + Date.now());
const r = role(d, 'ExportRole', 'prod');
console.log(r.arn, granted(d, r));
const s3 = g.s3As(owner);
const Bucket = one(d,'AWS::S3::Bucket').arn.split(':').at(-1)!;
console.log(Bucket);
const t = async (what: string, p: Promise<any>) => { try { const { $metadata, ...x } = await p; console.log(what, 'ok', $metadata.httpStatusCode, JSON.stringify(x).slice(0, 300)); return x } catch (e: any) { console.log(what, e.name, e.$metadata?.httpStatusCode, e.message) } };
await t('create', s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'default' as any } })));
await t('versioning', s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })));
for (const st of policy.Statement) await t('policy ' + (st.Sid ?? JSON.stringify(st.Condition)), s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ ...policy, Statement: [st] }) })));
await t('whole', s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) })));
