import { CloudFormationClient, type ListStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { expect, it } from '@jest/globals';
import { listStackResources } from '../../life/stack-resources.ts';

it('lists the resources of a stack that has more than CloudFormation tells at once', async () => {
  const client = new CloudFormationClient({ region: 'eu-central-1' });
  const pages: Readonly<Record<string, object>> = {
    first: { StackResourceSummaries: [{ LogicalResourceId: 'Alarm' }], NextToken: 'second' },
    second: { StackResourceSummaries: [{ LogicalResourceId: 'VaultEncryptionKey' }] },
  };
  client.send = async ({ input }: ListStackResourcesCommand) => pages[input.NextToken ?? 'first'] as never;

  expect((await listStackResources(client, 'Lifeboat')).map((each) => each.LogicalResourceId)).toEqual([
    'Alarm',
    'VaultEncryptionKey',
  ]);
});
