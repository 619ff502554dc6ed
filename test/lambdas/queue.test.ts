import { describe, expect, it } from '@jest/globals';
import type { SQSEvent } from 'aws-lambda';
import { batchResponse, readMessages } from '../../lambdas/queue.ts';

describe('a batch of messages as Lambda has it', () => {
  it('is read with what the queue needs to know it by', () => {
    const record = {
      messageId: 'a',
      receiptHandle: 'handle',
      body: '{}',
      attributes: { ApproximateReceiveCount: '3' },
    };

    const messages = readMessages({ Records: [record] } as unknown as SQSEvent);

    expect(messages).toEqual([{ id: 'a', receipt: 'handle', body: '{}', receiveCount: 3 }]);
  });

  it('is answered with what stays in the queue', () => {
    const answers = [batchResponse([]), batchResponse(['a', 'b'])];

    expect(answers).toEqual([
      { batchItemFailures: [] },
      { batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'b' }] },
    ]);
  });
});
