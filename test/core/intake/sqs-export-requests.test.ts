import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseExportCommand } from '../../../core/intake/export-command.ts';
import { sqsExportRequests } from '../../../core/intake/sqs-export-requests.ts';
import { sqsRequestedExports } from '../../../core/intake/sqs-requested-exports.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { exportRequestsContract } from './export-requests-contract.ts';
import { memoryExportRequests } from './memory-export-requests.ts';

let aws: LocalAws;
let sqs: SQSClient;
const urls = new Map<string, string>();
beforeEach(async () => {
  aws = await runLocalAws();
  sqs = new SQSClient(clientFor(aws, aws.sqs.endpoint));
  for (const controlPlane of ['prod', 'test']) {
    urls.set(controlPlane, aws.sqs.createQueue(`${controlPlane}.fifo`).url);
  }
});
afterEach(async () => {
  sqs.destroy();
  await aws.stop();
});

const requests = () => sqsExportRequests(sqs, (controlPlane) => urls.get(controlPlane) ?? '', 2);

/** Everything in the queue, in order; a FIFO group gives the next when the one before is deleted. */
async function received(controlPlane = 'prod'): Promise<readonly Message[]> {
  const QueueUrl = urls.get(controlPlane);
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
    const Entries = Messages.map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId, ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
}

const at = (time: string) => new Date(`2026-11-23T04:00:${time}Z`);

exportRequestsContract('FIFO queues in SQS', async () => ({
  requests: requests(),
  commands: async (controlPlane) =>
    (await received(controlPlane)).map(({ Body = '' }) => parseExportCommand(Body)),
}));
exportRequestsContract('requests in memory', async () => {
  const inMemory = memoryExportRequests(2);
  return { requests: inMemory, commands: async (controlPlane) => inMemory.commands(controlPlane) };
});

describe('export requests in SQS', () => {
  it('go to the queue of their control plane, in one group, and hold nothing else', async () => {
    await Promise.all([requests().request('prod', at('00.000')), requests().request('test', at('00.000'))]);

    const [prod, test] = [await received('prod'), await received('test')];

    expect([...prod, ...test].map(({ Attributes }) => Attributes?.['MessageGroupId'])).toEqual([
      'prod',
      'test',
    ]);
    expect(Object.keys(JSON.parse(prod[0]?.Body ?? ''))).toEqual([
      'command',
      'version',
      'cause',
      'at',
      'since',
    ]);
  });

  it('ask SQS once in a window, and again where it has failed', async () => {
    let [calls, isAway] = [0, false];
    sqs.middlewareStack.add(
      (next) => async (call) => {
        calls += 1;
        if (isAway) throw new Error('SQS is away');
        return next(call);
      },
      { step: 'initialize' },
    );
    const { request } = requests();

    await Promise.all(['00.000', '00.001'].map((time) => request('prod', at(time))));
    await request('prod', at('01.999'));
    await request('test', at('01.999'));
    const callsOfWindow = calls;
    isAway = true;
    await expect(request('prod', at('02.000'))).rejects.toThrow('SQS did not take the message');
    isAway = false;
    await request('prod', at('03.999'));

    expect(callsOfWindow).toBe(2);
    expect(await received('prod')).toHaveLength(2);
  });

  it('of operators name who has asked, and those that follow a command nobody', async () => {
    const asked = sqsRequestedExports(sqs, urls.get('prod') ?? '', 'prod');
    const { signal } = new AbortController();
    const command = { id: 'inc-7', at: at('00.000') };

    await asked.requestUnnoted(command, signal);
    // Sent again, it is the same one; and it is not the export that somebody has asked for by this name.
    await asked.requestUnnoted(command, signal);
    await asked.request({ ...command, by: 'anna', reason: 'hook was lost' }, signal);

    const manual = { command: 'export', version: 1, cause: 'manual', at: at('00.000') };
    expect((await received()).map(({ Body = '' }) => parseExportCommand(Body))).toEqual([
      manual,
      { ...manual, requested: { id: 'inc-7', by: 'anna', reason: 'hook was lost' } },
    ]);
  });

  it('fail loudly when the queue does', async () => {
    const nowhere = sqsExportRequests(sqs, () => `${aws.sqs.endpoint}/000000000000/gone.fifo`, 2);

    await expect(nowhere.request('prod', at('00.000'))).rejects.toThrow('does not exist');
  });
});
