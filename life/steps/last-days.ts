/** The stack goes, what it must leave stays, and a new one takes it over. */
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetBucketPolicyCommand, HeadBucketCommand } from '@aws-sdk/client-s3';
import { DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { attempt } from '../../core/attempt.ts';
import { makeOutputId } from '../../lib/operations/outputs.ts';
import { firstControlPlane, type Life, require } from '../life.ts';
import { runCdk } from '../programs.ts';
import { destroyStacks } from '../removal.ts';
import { listStackResources } from '../stack-resources.ts';
import { byStack, exportNow, putCertificate } from './first-days.ts';
import { verifyAll } from './people.ts';

/** What a deleted stack leaves, for the next one. */
export interface Remains {
  readonly pin: string;
  readonly revision: number;
  readonly bucketName: string;
  readonly encryptionKeyArn: string;
  readonly signingKeyArn: string;
}

/** It is protected; without protection it goes, and leaves bucket, policy and keys. */
export async function destroy(life: Life): Promise<Remains> {
  const { account } = life;
  const remains = await describeRemains(life);
  const secretId = life.output(makeOutputId('HookSecretArn', firstControlPlane));
  const { app } = await life.plan({});
  const refused = await runCdk(account, ['destroy', '--all', '--force', '--app', app], { expected: [1] });
  require(/terminat/i.test(
    `${refused.stdout}${refused.stderr}`,
  ), `cdk destroy of a protected stack failed for another reason:\n${refused.stdout}${refused.stderr}`);
  await destroyStacks(life);
  await findWhatStays(life, remains, secretId);
  return remains;
}

async function describeRemains(life: Life): Promise<Remains> {
  const resources = await listStackResources(life.account.clients.cloudFormation, life.parts.stackName);
  const key = resources.find(
    ({ ResourceType, LogicalResourceId = '' }) =>
      ResourceType === 'AWS::KMS::Key' && LogicalResourceId.startsWith('VaultEncryptionKey'),
  );
  const { KeyMetadata } = await life.account.clients.kms.send(
    new DescribeKeyCommand({ KeyId: key?.PhysicalResourceId }),
  );
  return {
    pin: await life.pin(),
    revision: await life.revision(),
    bucketName: life.output('Bucket'),
    encryptionKeyArn: KeyMetadata?.Arn ?? '',
    signingKeyArn: life.output('SigningKeyArn'),
  };
}

async function findWhatStays(
  { account: { clients } }: Life,
  { bucketName, encryptionKeyArn, signingKeyArn }: Remains,
  secretId: string,
): Promise<void> {
  await clients.s3.send(new HeadBucketCommand({ Bucket: bucketName }));
  const { Policy = '' } = await clients.s3.send(new GetBucketPolicyCommand({ Bucket: bucketName }));
  require(Policy.includes('Deny'), 'the bucket that stays has lost its policy');
  for (const KeyId of [encryptionKeyArn, signingKeyArn]) {
    const { KeyMetadata } = await clients.kms.send(new DescribeKeyCommand({ KeyId }));
    require(KeyMetadata?.KeyState === 'Enabled', `the key ${KeyId} is ${KeyMetadata?.KeyState}`);
  }
  const secret = await clients.secretsManager
    .send(new DescribeSecretCommand({ SecretId: secretId }))
    .catch(() => undefined);
  require(secret?.Name === undefined || secret.DeletedDate !== undefined, 'the hook’s secret has stayed');
}

/** A new deployment of the same name takes it over: what data planes pin goes on working. */
export async function adopt(life: Life, remains: Remains): Promise<void> {
  const { pin, revision, bucketName, encryptionKeyArn, signingKeyArn } = remains;
  const { signingKeys = ['first'] } = life.settings;
  const [name = 'first'] = signingKeys;
  const plan = await life.plan(
    {
      bucketName,
      encryptionKeyArn,
      signingKeyArns: { [name]: signingKeyArn },
      vaultMadeWith: { bucketName, encryptionKeyArn },
    },
    false,
  );
  const lines = await life.diff(plan, '--import-existing-resources');
  require(lines.some((line) =>
    /AWS::S3::Bucket .*import/i.test(line),
  ), `cdk diff does not say that the bucket is imported:\n${lines.join('\n')}`);
  const adopted = await attempt(life.deploy(plan, '--import-existing-resources'));
  if ('error' in adopted) {
    const { emulator } = life.account;
    if (emulator === undefined) {
      throw adopted.error;
    }
    // MiniStack 1.5.33 plans the import, and refuses it when it is carried out.
    life.note(`${emulator.name} does not carry out an import that it has planned: adoption is NOT SHOWN`);
    return;
  }
  await putCertificate(life, firstControlPlane);
  await exportNow(life, firstControlPlane);
  const fetched = await life.fetch(byStack(life), pin);
  require(fetched >= revision, `revision ${revision} was there before, and fetch got ${fetched}`);
  await verifyAll(life, firstControlPlane);
}
