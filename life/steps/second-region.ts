/** A second region that gives grants when the first does not. */
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { clientsOf } from '../account.ts';
import { replicateBucket } from '../emulator/gaps.ts';
import { firstControlPlane, type Life, require } from '../life.ts';
import { replicaStackName } from '../synthesize.ts';
import { byStack } from './first-days.ts';
import { rollBackAndUnpin } from './people.ts';

export async function addReplica(life: Life): Promise<void> {
  await life.deploy(await life.plan({}, true));
}

/** S3 copies what is published after the replica is there. */
export async function fetchFromReplica(life: Life): Promise<void> {
  const { account, parts } = life;
  const bucket = life.output('Bucket', replicaStackName(parts.stackName));
  const { s3 } = clientsOf(account.environment, account.regions.second);
  const { emulator, clients } = account;
  if (emulator !== undefined && !(await replicateBucket(clients.s3, life.output('Bucket'), bucket))) {
    life.note(`${emulator.name} replicates buckets: take replicateBucket out of life/emulator/gaps.ts`);
  }
  // Two revisions, whatever the control plane serves.
  await rollBackAndUnpin(life);
  const published = await life.revision();
  const pin = await life.pin();
  await life.until('the copy in the second region', async () => {
    const { KeyCount = 0 } = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: `${firstControlPlane}/` }),
    );
    return KeyCount > 0 ? true : undefined;
  });
  const fetched = await life.until('the newest revision in the second region', async () => {
    const revision = await life.fetch(
      [
        '--endpoint',
        life.output('ApiUrl', replicaStackName(parts.stackName)),
        '--region',
        account.regions.second,
      ],
      pin,
    );
    return revision === published ? revision : undefined;
  });
  require(fetched === published, 'the second region has another revision');
  await life.fetch(byStack(life), pin);
}
