import * as g from './gateway.ts';
import { deploy, one, role, granted, twoControlPlanes } from '../lib/deployment.ts';
import { CreateBucketCommand, PutBucketVersioningCommand, PutBucketPolicyCommand, PutObjectCommand, GetObjectCommand, HeadObjectCommand, DeleteObjectCommand, ListObjectsV2Command, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
const d = deploy(twoControlPlanes);
const policy: any = one(d, 'AWS::S3::BucketPolicy').properties['PolicyDocument'];
const stamp = Date.now();
const owner = await g.newUser('o' + stamp);
const s3 = g.s3As(owner);
const Bucket = 'b' + stamp;
const t = async (what: string, p: Promise<any>) => { try { const { $metadata, Body, ...x } = await p; console.log(what, 'ok', $metadata.httpStatusCode, JSON.stringify(x).slice(0,60)); return x } catch (e: any) { console.log(what, 'FAIL', e.name, e.$metadata?.httpStatusCode, e.message) } };
await t('create', s3.send(new CreateBucketCommand({ Bucket,CreateBucketConfiguration: { LocationConstraint: 'default' as any } })));
await t('versioning', s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })));
const names = Object.fromEntries(Object.entries({exportProd: ['ExportRole','prod'], presignProd: ['PresignRole','prod'], exportStaging: ['ExportRole','staging']} as const).map(([k,[a,b]]) => [k, role(d,a,b)]));
const old = one(d,'AWS::S3::Bucket').arn.split(':').at(-1)!; const oldKey = one(d, 'AWS::KMS::Key', 'EncryptionKey').arn;
const tr = (x: unknown) => JSON.parse(JSON.stringify(x).replaceAll(old, Bucket).replaceAll(oldKey, g.keyArn));
const clients: any = {};
const roleName = (arn: string) => arn.split('/').at(-1)! ;
for (const [k, r] of Object.entries(names)) {
  const st = granted(d, r!);
await g.newRole(roleName(r!.arn), tr(st.filter(s => s.Action.every(a => a.startsWith('s3:')))).map(({Condition, ...s}: any) => ({...s, ...(Object.keys(Condition).length ? {Condition} : {})})));
  clients[k] = g.s3As(await g.assumeRole(roleName(r!.arn), owner));
}
try { await g.newRole('wide', [{Effect:'Allow', Action:['s3:*'], Resource:['*']}]); } catch (e) {}
clients.wide = g.s3As(await g.assumeRole('wide', owner));
clients.owner = s3;
const enc = { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: g.keyArn, BucketKeyEnabled: true };
const put = (c: string, Key: string, more: any = enc) => clients[c].send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
const get = (c: string, Key: string, VersionId?: string) => clients[c].send(new GetObjectCommand({ Bucket, Key, VersionId }));
const all = async () => { for (const c of Object.keys(clients)) {
  const p = await t(`${c} put prod`, put(c, 'prod/3.9.1/config.json'));
  await t(`${c} put prod/other`, put(c, 'prod/3.9.1/other.json'));
  await t(`${c} put status`, put(c, 'status/prod.json'));
  await t(`${c} put staging`, put(c, 'staging/3.9.1/config.json'));
  await t(`${c} get prod`, get(c, 'prod/3.9.1/config.json'));
  await t(`${c} get prod missing`, get(c, 'prod/3.9.2/config.json'));
  await t(`${c} head prod missing`, clients[c].send(new HeadObjectCommand({Bucket, Key: 'prod/3.9.2/config.json'})));
  await t(`${c} list prod`, clients[c].send(new ListObjectsV2Command({Bucket, Prefix: 'prod/3.9.2/config.json'})));
  await t(`${c} list staging`, clients[c].send(new ListObjectsV2Command({Bucket, Prefix: 'staging/'})));
  await t(`${c} get status`, get(c, 'status/prod.json'));
}};
console.log('--- no bucket policy'); await all();
const drop = new Set(['s3:ReplicateObject','s3:ReplicateDelete','s3:GetObjectAttributes','s3:GetObjectVersionAttributes']);
const list = (x: any) => [x].flat();
for (const a of ["s3:PutObjectTagging","s3:PutObjectVersionTagging","s3:ReplicateObject",'s3:GetObjectAttributes','s3:GetObjectVersionAttributes','s3:BypassGovernanceRetention','s3:ReplicateDelete','kms:Decrypt','kms:Sign','kms:GenerateDataKey','sqs:SendMessage','logs:PutLogEvents','secretsmanager:GetSecretValue','s3:PutBucketPolicy','s3:PutLifecycleConfiguration']) await t(a, s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [{Effect: 'Deny', Principal: {AWS:'*'}, Action: [a], Resource: ['arn:aws:s3:::x/*'] }] }) })));
for (const form of ['role', 'session']) {
console.log('--- bucket policy', form);
const st = tr(policy).Statement.map((s: any) => {
  const { Principal, Condition, ...rest } = s;
  const arns = Condition?.ArnNotEquals?.['aws:PrincipalArn'];
  rest.Action = list(rest.Action).filter((a: string) => !drop.has(a));
  return arns ? { ...rest, NotPrincipal: { AWS: form === 'role' ? arns : arns.flatMap((a: string) => [a, a.replace('iam', 'sts').replace(':role/', ':assumed-role/') + '/test']) } } : { ...rest, Principal, ...(Condition ? { Condition } : {}) };
});
await t('policy', s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement: st }) })));
await all();
}
for (const [what, more] of Object.entries({ none: {}, aes: { ServerSideEncryption: 'AES256' }, nokey: { ServerSideEncryption: 'aws:kms' }, other: { ...enc, SSEKMSKeyId: g.otherKeyArn }, right: enc, unknown: {...enc, SSEKMSKeyId: g.keyArn + 'x'}, ifnone: {...enc, IfNoneMatch: '*'}, ifmatch: {...enc, IfMatch: '"abc"'} })) await t(what, put('exportProd', 'prod/3.9.1/config.json', more));
const v = await t('head', clients.exportProd.send(new HeadObjectCommand({Bucket, Key: 'prod/3.9.1/config.json'})));
for (const c of Object.keys(clients)) { await t(c + ' delete', clients[c].send(new DeleteObjectCommand({Bucket, Key: 'prod/3.9.1/config.json'})));
 await t(c + ' delete v', clients[c].send(new DeleteObjectCommand({Bucket, Key: 'prod/3.9.1/config.json', VersionId: v?.VersionId}))); 
 await t(c + ' get v', get(c, 'prod/3.9.1/config.json', v?.VersionId)); }
const plain = g.s3As(await g.assumeRole(roleName(names.exportProd!.arn), owner), g.plainEndpoint);
await t('plain http', plain.send(new GetObjectCommand({Bucket, Key: 'prod/3.9.1/config.json'})));
