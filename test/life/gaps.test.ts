import { CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { describe, expect, it } from '@jest/globals';
import { gaps, mirrorOutputs, probeEmulator, workAround } from '../../life/emulator/gaps.ts';

const template = {
  Resources: {
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api' } },
    Plain: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'm' } },
    Expression: { Type: 'AWS::CloudWatch::Alarm', Properties: { Metrics: [] } },
    Board: {
      Type: 'AWS::CloudWatch::Dashboard',
      Properties: { alarms: [{ 'Fn::GetAtt': ['Expression', 'Arn'] }, { 'Fn::GetAtt': ['Plain', 'Arn'] }] },
    },
  },
  Outputs: { ApiUrl: { Value: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } } },
};

/** An emulator that takes some types of resources, and has an output for those. */
function emulator(takes: (body: string) => boolean, output = '') {
  const stacks = new Set<string>();
  return {
    send: async (command: object) => {
      if (command instanceof CreateStackCommand) {
        if (!takes(command.input.TemplateBody ?? '')) {
          throw new Error('no such type');
        }
        stacks.add(command.input.StackName ?? '');
        return { StackId: 'arn:aws:cloudformation:eu-central-1:111122223333:stack/a/b' };
      }
      return command instanceof DescribeStacksCommand
        ? {
            Stacks: stacks.has(command.input.StackName ?? '')
              ? [{ StackStatus: 'CREATE_COMPLETE', Outputs: [{ OutputValue: output }] }]
              : [],
          }
        : {};
    },
  };
}

const regions = (client: ReturnType<typeof emulator>) => ({ first: client, second: client }) as never;
const namesOf = (found: typeof gaps) => found.map(({ name }) => name);

describe('what an emulator lacks', () => {
  it('is found by trying it', async () => {
    const old = emulator(
      (body) => !/Metrics|GetStackOutput/.test(body),
      'http://a1b2.execute-api.localhost:4566',
    );
    const later = emulator(() => true, 'http://127.0.0.1:4566/_aws/execute-api/a1b2/$default');

    expect(namesOf((await probeEmulator(regions(old), 'old')).open)).toEqual([
      'outputs of another region',
      'alarms on expressions',
      'address of an API',
    ]);
    expect(await probeEmulator(regions(later), 'later')).toEqual({ accountId: '111122223333', open: [] });
  });

  it('is not looked for where no stack is taken at all', async () => {
    await expect(probeEmulator(regions(emulator(() => false)), 'http://127.0.0.1:9')).rejects.toMatchObject({
      code: 'unplayable',
      message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9 has no .*no such type.*--endpoint$/),
    });
  });
});

describe('a work-around', () => {
  it('repeats the outputs of the second region in the first', async () => {
    const bodies: string[] = [];
    const first = emulator((body) => bodies.push(body) > 0);
    const second = {
      send: async () => ({ Stacks: [{ Outputs: [{ OutputKey: 'Arn', OutputValue: 'arn:a' }] }] }),
    };

    await mirrorOutputs({ first, second } as never, 'Replica');

    expect(bodies.map((body) => JSON.parse(body).Outputs)).toEqual([{ Arn: { Value: 'arn:a' } }]);
  });

  it('leaves out what the emulator lacks, and what refers to that gets another ARN', () => {
    const adapted = workAround(template, gaps, 'http://127.0.0.1:4566') as typeof template;

    expect(Object.keys(adapted.Resources)).toEqual(['Api', 'Plain', 'Board']);
    expect(adapted.Resources.Board.Properties.alarms).toEqual([
      'arn:aws:cloudwatch:::alarm:Expression',
      { 'Fn::GetAtt': ['Plain', 'Arn'] },
    ]);
  });

  it('puts the address of the emulator in the place of a name that DNS does not know', () => {
    const adapted = workAround(template, gaps, 'http://127.0.0.1:4566') as typeof template;

    expect(adapted.Outputs.ApiUrl.Value).toEqual({
      'Fn::Join': ['', ['http://127.0.0.1:4566/_aws/execute-api/', { Ref: 'Api' }, '/$default']],
    });
  });

  it('is left out for a gap that is closed', () => {
    expect(workAround(template, [], 'http://127.0.0.1:4566')).toEqual(template);
  });
});
