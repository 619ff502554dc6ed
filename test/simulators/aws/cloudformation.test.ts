import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFor, errorName, runLocalAws } from './running-local-aws.ts';

describe('the local CloudFormation', () => {
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  let client: CloudFormationClient;

  beforeAll(async () => {
    aws = await runLocalAws();
    client = new CloudFormationClient(clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_CLOUDFORMATION));
  });
  afterAll(async () => {
    client.destroy();
    await aws.stop();
  });

  const stacks = async (StackName?: string) =>
    (await client.send(new DescribeStacksCommand(StackName === undefined ? {} : { StackName }))).Stacks;

  it('has no stacks at first', async () => {
    expect(await stacks()).toEqual([]);
  });

  it('tells of a stack by name and by ARN, with its outputs', async () => {
    const arn = aws.cloudFormation.putStack({
      name: 'One',
      outputs: { Url: 'https://a.example/?b=1&c=<2>' },
    });
    aws.cloudFormation.putStack({ name: 'Two', outputs: {}, status: 'CREATE_IN_PROGRESS' });

    const [one] = (await stacks('One')) ?? [];

    expect(one).toMatchObject({
      StackId: arn,
      StackName: 'One',
      StackStatus: 'CREATE_COMPLETE',
      CreationTime: expect.any(Date),
      Outputs: [{ OutputKey: 'Url', OutputValue: 'https://a.example/?b=1&c=<2>' }],
    });
    expect(await stacks(arn)).toEqual([one]);
    expect((await stacks())?.map(({ StackName, Outputs }) => [StackName, Outputs?.length ?? 0])).toEqual([
      ['One', 1],
      ['Two', 0],
    ]);
  });

  it('keeps the ARN of a stack that changes', async () => {
    const first = aws.cloudFormation.putStack({ name: 'Changing', outputs: {} });

    expect(aws.cloudFormation.putStack({ name: 'Changing', outputs: { Url: 'x' } })).toBe(first);
    expect((await stacks('Changing'))?.[0]?.Outputs).toHaveLength(1);
  });

  it('refuses what is not there, and what it does not know', async () => {
    expect(await errorName(stacks('None'))).toBe('ValidationError');
    const asked = client.send(new DescribeStacksCommand({ NextToken: 'more' }));
    expect(await errorName(asked)).toBe('NotImplemented');
  });

  it('refuses a key that it does not know, by the code of its protocol', async () => {
    const stranger = new CloudFormationClient({
      region: 'eu-central-1',
      endpoint: aws.endpoints.AWS_ENDPOINT_URL_CLOUDFORMATION,
      credentials: { accessKeyId: 'ASIAGONE', secretAccessKey: 'x', sessionToken: 'x' },
    });

    expect(await errorName(stranger.send(new DescribeStacksCommand({})))).toBe('InvalidClientTokenId');
  });
});
