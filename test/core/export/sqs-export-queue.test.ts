import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { QueuedMessage } from '../../../core/export/export-queue.ts';
import { type Exporter, exporter } from '../../../core/export/exporter.ts';
import { sqsExportQueue } from '../../../core/export/sqs-export-queue.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import type { LocalQueue } from '../../../simulators/aws/sqs.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { memoryVault } from '../vault/memory-vault.ts';
import { exportQueueContract } from './export-queue-contract.ts';
import { memoryExportQueue, visibilityTimeoutSeconds } from './memory-export-queue.ts';

let clock: ManualClock;
let aws: LocalAws;
let sqs: SQSClient;
let queue: LocalQueue;
let deadLetterQueue: LocalQueue;
beforeEach(async () => {
  clock = manualClock(new Date());
  aws = await runLocalAws(clock.now);
  sqs = new SQSClient(clientFor(aws, aws.sqs.endpoint));
  deadLetterQueue = aws.sqs.createQueue('dead-letters.fifo');
  queue = aws.sqs.createQueue('prod.fifo', {
    visibilityTimeoutSeconds,
    redrive: { deadLetterQueue: 'dead-letters.fifo', maxReceiveCount: 10 },
  });
});
afterEach(async () => {
  sqs.destroy();
  await aws.stop();
});

async function send(body: string): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queue.url,
      MessageGroupId: 'prod',
      MessageDeduplicationId: crypto.randomUUID(),
      MessageBody: body,
    }),
  );
}

async function receive({ url } = queue): Promise<readonly QueuedMessage[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
    }),
  );
  return Messages.map(({ MessageId = '', ReceiptHandle = '', Body = '', Attributes }) => ({
    id: MessageId,
    receipt: ReceiptHandle,
    body: Body,
    receiveCount: Number(Attributes?.ApproximateReceiveCount),
  }));
}

async function remove(messages: readonly QueuedMessage[]): Promise<void> {
  if (messages.length > 0) {
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queue.url,
        Entries: messages.map(({ id, receipt }) => ({ Id: id, ReceiptHandle: receipt })),
      }),
    );
  }
}

exportQueueContract('a FIFO queue in SQS', async () => ({
  queue: sqsExportQueue(sqs, queue.url),
  send,
  receive,
  remove,
  advance: clock.advance,
}));

exportQueueContract('a queue in memory', async () => {
  const ownClock = manualClock(new Date('2026-11-23T04:10:00Z'));
  const memory = memoryExportQueue(ownClock);
  return {
    queue: memory,
    send: async (body) => memory.send(body),
    receive: async () => memory.receive(),
    remove: async (messages) => memory.remove(messages),
    advance: ownClock.advance,
  };
});

describe('a message in SQS that is no export command', () => {
  /** What Lambda does with a batch: hands it to the function, deletes what the function does not name. */
  async function deliver(exportMessages: Exporter): Promise<number> {
    const messages = await receive();
    const unfinished = await exportMessages(messages, 120_000);
    await remove(messages.filter(({ id }) => !unfinished.includes(id)));
    return messages.length;
  }

  it('holds nothing up, and ends among the dead letters', async () => {
    const vault = memoryVault();
    const configuration = await served({ services: [{ id: 'a' }] });
    const exportMessages = exporter({
      name: 'prod',
      controlPlane: answeringControlPlane(async () => configuration),
      vault,
      signer: await localSigner(),
      dataPlaneVersions: ['3.9.1'],
      scheduleMinutes: 5,
      queue: sqsExportQueue(sqs, queue.url),
      minimumIntervalSeconds: 5,
      report: () => undefined,
      reportChanges: () => undefined,
      clock,
      random: countingRandom(),
    });
    await send('{"command":"erase"}');
    await send(JSON.stringify({ command: 'export', cause: 'schedule', at: clock.now() }));

    const received = [await deliver(exportMessages)];
    while (received.length < 20 && received.at(-1) !== 0) {
      received.push(await deliver(exportMessages));
    }

    expect(received).toEqual([2, ...Array.from({ length: 9 }, () => 1), 0]);
    expect(vault.versions({ controlPlane: 'prod', kongVersion: '3.9.1' })).toHaveLength(1);
    expect((await receive(deadLetterQueue)).map(({ body }) => body)).toEqual(['{"command":"erase"}']);
  });
});
