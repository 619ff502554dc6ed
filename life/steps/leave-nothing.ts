/** Removes what deployments keep on purpose: of a life that was only played, nothing is worth keeping. */
import { ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import {
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { clientsOf } from '../account.ts';
import { LifeError } from '../failure.ts';
import { Life } from '../life.ts';
import { destroyStacks } from '../removal.ts';
import { triedAgain } from './failed-try.ts';

/** KMS lets nobody delete a key sooner. */
const keyWaitDays = 7;

/** Destroys the stacks that are there, empties and deletes buckets, and schedules the deletion of keys. */
export async function leaveNothing(life: Life): Promise<void> {
  const { parts } = life;
  const { account, kept } = parts;
  await destroyStacks(life);
  await destroyStacks(new Life({ ...parts, stackName: triedAgain(parts.stackName) }));
  for (const { region, buckets, keys } of kept) {
    const { s3, kms } = clientsOf(account.environment, region);
    for (const bucket of buckets) {
      await deleteBucket(s3, bucket);
    }
    for (const KeyId of keys) {
      await kms
        .send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: keyWaitDays }))
        .catch((error: unknown) => {
          // It waits already.
          if (!(error instanceof Error && error.name === 'KMSInvalidStateException')) {
            throw error;
          }
        });
    }
    if (keys.length > 0) {
      life.note(
        `${keys.length} keys in ${region} wait ${keyWaitDays} days for their deletion, which costs nothing: ${keys.join(', ')}`,
      );
    }
  }
}

async function deleteBucket(s3: S3Client, Bucket: string): Promise<void> {
  try {
    // It denies every deletion, this one's too.
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length === 0) {
        break;
      }
      const { Errors: [failed] = [] } = await s3.send(
        new DeleteObjectsCommand({
          Bucket,
          Delete: { Objects, Quiet: true },
          BypassGovernanceRetention: true,
        }),
      );
      if (failed !== undefined) {
        throw new LifeError('failed', `${failed.Key} in ${Bucket} cannot be deleted: ${failed.Message}`);
      }
    }
    await s3.send(new DeleteBucketCommand({ Bucket }));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'NoSuchBucket')) {
      throw error;
    }
  }
}
