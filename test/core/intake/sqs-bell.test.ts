import { type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseExportCommand } from '../../../core/intake/export-command.ts';
import { sqsBell } from '../../../core/intake/sqs-bell.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';

let aws: LocalAws;
let sqs: SQSClient;
let QueueUrl: string;
beforeEach(async () => {
  aws = await runLocalAws();
  sqs = new SQSClient(clientFor(aws, aws.sqs.endpoint));
  QueueUrl = aws.sqs.createQueue('prod.fifo').url;
});
afterEach(async () => {
  sqs.destroy();
  await aws.stop();
});

const at = new Date('2026-11-23T04:00:00.123Z');
const hashA = 'a'.repeat(32);
const hashB = 'b'.repeat(32);
const { signal } = new AbortController();

async function received(): Promise<readonly Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
  );
  return Messages;
}
const commands = async () => (await received()).map(({ Body = '' }) => parseExportCommand(Body));

describe('a bell in SQS', () => {
  it.each([
    ['with the hash that came', hashA],
    ['without a hash, where none came', undefined],
  ])('sends an export command %s', async (_, configHash) => {
    await sqsBell(sqs, QueueUrl, 'prod').ring({ at, configHash }, signal);

    expect(await commands()).toEqual([
      { command: 'export', version: 1, cause: 'listen', at, ...(configHash && { configHash }) },
    ]);
  });

  it('rings in the group of hooks and schedule', async () => {
    await sqsBell(sqs, QueueUrl, 'prod').ring({ at, configHash: hashA }, signal);

    const [message] = await received();

    expect(message?.Attributes?.MessageGroupId).toBe('prod');
  });

  it('rings once, however often it is tried', async () => {
    const bell = sqsBell(sqs, QueueUrl, 'prod');

    await bell.ring({ at, configHash: hashA }, signal);
    await bell.ring({ at, configHash: hashA }, signal);

    expect(await commands()).toHaveLength(1);
  });

  it('rings again for a configuration that is there again within minutes', async () => {
    const bell = sqsBell(sqs, QueueUrl, 'prod');
    const later = (seconds: number) => new Date(at.getTime() + seconds * 1000);

    await bell.ring({ at, configHash: hashA }, signal);
    await bell.ring({ at: later(5), configHash: hashB }, signal);
    await bell.ring({ at: later(10), configHash: hashA }, signal);

    expect((await commands()).map((command) => command?.configHash)).toEqual([hashA, hashB, hashA]);
  });

  it('gives up when it is told to', async () => {
    const given = AbortSignal.abort();

    await expect(sqsBell(sqs, QueueUrl, 'prod').ring({ at, configHash: hashA }, given)).rejects.toThrow();
    expect(await commands()).toEqual([]);
  });
});
