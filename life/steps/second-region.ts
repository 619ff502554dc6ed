/** A second region that gives grants when the first does not. */
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { clientsOf } from '../account.ts';
import { firstControlPlane, type Life, require } from '../life.ts';
import { replicaStackName } from '../synthesize.ts';
import { byStack, exportNow } from './first-days.ts';

export async function addReplica(life: Life): Promise<void> {
  await life.deploy(await life.plan({}, true));
}

/** S3 copies what is published after the replica is there. */
export async function fetchFromReplica(life: Life): Promise<void> {
  const { account, parts } = life;
  const bucket = life.output('Bucket', replicaStackName(parts.stackName));
  const { s3 } = clientsOf(account.environment, account.regions.second);
  await publishSomething(life);
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

/** A rollback and its end are two revisions, whatever the control plane serves. */
async function publishSomething(life: Life): Promise<void> {
  const reason = ['--reason', 'rehearsal', '--yes'];
  await life.lifeboat('operator', ['rollback', '1', ...life.of(), ...reason]);
  await life.lifeboat('operator', ['unpin', ...life.of(), ...reason]);
  await exportNow(life, firstControlPlane);
}
