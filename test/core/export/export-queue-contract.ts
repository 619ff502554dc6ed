import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExportQueue, QueuedMessage } from '../../../core/export/export-queue.ts';

/** A queue, and what Lambda does with it. */
export interface ExportQueueUnderTest {
  readonly queue: ExportQueue;
  send(body: string): Promise<void>;
  receive(): Promise<readonly QueuedMessage[]>;
  remove(messages: readonly QueuedMessage[]): Promise<void>;
  advance(milliseconds: number): Promise<void>;
}

/** What every `ExportQueue` does. */
export function exportQueueContract(title: string, open: () => Promise<ExportQueueUnderTest>): void {
  describe(`${title} as an export queue`, () => {
    let world: ExportQueueUnderTest;
    let batch: readonly QueuedMessage[];
    beforeEach(async () => {
      world = await open();
      await world.send('first');
      await world.send('second');
      batch = await world.receive();
    });

    const putBack = (...delaysSeconds: readonly number[]) =>
      world.queue.putBack(
        delaysSeconds.flatMap((afterSeconds, index) => {
          const message = batch[index];
          return message === undefined ? [] : [{ message, afterSeconds }];
        }),
      );
    const bodies = (messages: readonly QueuedMessage[]) => messages.map(({ body }) => body);

    it('gives messages out in their order, and nothing more until they are done', async () => {
      await world.send('third');

      const meanwhile = await world.receive();
      await world.remove(batch);
      const afterwards = await world.receive();

      expect(batch).toMatchObject([
        { body: 'first', receiveCount: 1 },
        { body: 'second', receiveCount: 1 },
      ]);
      expect(meanwhile).toEqual([]);
      expect(bodies(afterwards)).toEqual(['third']);
    });

    it('gives out again what was put back, after its delay and not a millisecond sooner', async () => {
      await putBack(5, 5);

      await world.advance(4_999);
      const before = await world.receive();
      await world.advance(1);
      const after = await world.receive();

      expect(before).toEqual([]);
      expect(after).toMatchObject(
        batch.map(({ id, body }) => ({ id, body, receiveCount: 2, receipt: expect.any(String) })),
      );
    });

    it('gives out at once what was put back without a delay', async () => {
      await putBack(0, 0);

      const after = await world.receive();

      expect(bodies(after)).toEqual(['first', 'second']);
    });

    it('keeps the others of a batch back while one of them waits', async () => {
      await putBack(0, 5);

      const before = await world.receive();
      await world.advance(5_000);
      const after = await world.receive();

      expect(before).toEqual([]);
      expect(bodies(after)).toEqual(['first', 'second']);
    });

    it('gives out what was put back once the rest is done', async () => {
      await putBack(0);
      await world.remove(batch.slice(1));

      const after = await world.receive();

      expect(bodies(after)).toEqual(['first']);
    });
  });
}
