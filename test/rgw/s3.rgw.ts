import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { s3Contract } from '../local/aws/s3-contract.ts';
import { endpoint, keyArn, newUser, region, s3As } from './gateway.ts';

s3Contract('Ceph RGW', async () => {
  const credentials = await newUser('contract');
  const client = s3As(credentials);
  await client.send(new CreateBucketCommand({ Bucket: 'contract', CreateBucketConfiguration: { LocationConstraint: 'default' as never } }));
  await client.send(new PutBucketVersioningCommand({ Bucket: 'contract', VersioningConfiguration: { Status: 'Enabled' } }));
  return { client, endpoint, region, credentials, bucket: 'contract', encryptionKeyId: keyArn, stop: async () => client.destroy() };
});
