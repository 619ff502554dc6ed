/** Object Lock, switched on in a vault that runs (docs/settings.md#locked-versions). */
import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { firstControlPlane, type Life, require } from '../life.ts';
import { destroyStacks } from '../removal.ts';
import { exportNow, putCertificate } from './first-days.ts';
import { rollBackAndUnpin } from './people.ts';

/** S3 is told first, CloudFormation never. What is published afterwards is locked. */
export async function switchObjectLockOn(life: Life): Promise<void> {
  const { s3 } = life.account.clients;
  if (!life.isDeployed) {
    // On an emulator that has adopted nothing: what it has tried is in the way.
    await destroyStacks(life);
    await life.change({});
    await putCertificate(life, firstControlPlane);
    await exportNow(life, firstControlPlane);
    // Another revision, to go back from.
    await life.parts.subject.simulator?.create('services', { name: 'unlocked', host: 'example.com' });
    await exportNow(life, firstControlPlane);
  }
  const Bucket = life.output('Bucket');
  await s3.send(
    new PutObjectLockConfigurationCommand({
      Bucket,
      ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' },
    }),
  );
  await life.change({
    objectLockDays: 1,
    vaultMadeWith: { ...life.settings.vaultMadeWith, objectLock: 'later' },
  });
  require(life.output('Bucket') === Bucket, 'Object Lock has put another bucket in the place of the vault');
  await rollBackAndUnpin(life);
  const { Versions: [newest] = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket, Prefix: `${firstControlPlane}/`, MaxKeys: 1 }),
  );
  const object = { Bucket, Key: newest?.Key, VersionId: newest?.VersionId };
  const { Retention } = await s3.send(new GetObjectRetentionCommand(object));
  require(Retention?.Mode === 'GOVERNANCE', `what is published has no lock: ${JSON.stringify(Retention)}`);
  const deleted = await s3.send(new DeleteObjectCommand(object)).then(
    () => true,
    () => false,
  );
  require(!deleted, 'a locked version could be deleted');
}
