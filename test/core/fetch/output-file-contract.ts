import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { OpenOutput } from '../../../core/fetch/output-file.ts';

export interface OutputFileUnderTest {
  readonly open: OpenOutput;
  /** What stands at the file's place; undefined where there is nothing. */
  read(): Promise<string | undefined>;
  /** Takes away what the test has made. @default nothing */
  readonly stop?: (() => Promise<void>) | undefined;
}

/** What every `OutputFile` does. */
export function outputFileContract(title: string, start: () => Promise<OutputFileUnderTest>): void {
  describe(`${title} as an output file`, () => {
    let place: OutputFileUnderTest;
    beforeEach(async () => {
      place = await start();
    });
    afterEach(() => place.stop?.());

    const put = async (...pieces: readonly string[]) => {
      const file = await place.open();
      for (const piece of pieces) {
        await file.write(Buffer.from(piece));
      }
      await file.complete();
    };

    it('appears whole, in the order of its pieces', async () => {
      await put('one, ', 'two, ', 'three');

      expect(await place.read()).toBe('one, two, three');
    });

    it('is not there before it is complete', async () => {
      const file = await place.open();
      await file.write(Buffer.from('half'));

      const begun = await place.read();
      await file.abandon();

      expect([begun, await place.read()]).toEqual([undefined, undefined]);
    });

    it('leaves what stood there until it is complete, and nothing of it after that', async () => {
      await put('the long one of before');
      const file = await place.open();
      await file.write(Buffer.from('new'));

      const before = await place.read();
      await file.complete();

      expect([before, await place.read()]).toEqual(['the long one of before', 'new']);
    });

    it('leaves what stood there where it is abandoned', async () => {
      await put('good');
      const file = await place.open();
      await file.write(Buffer.from('bad'));

      await file.abandon();

      expect(await place.read()).toBe('good');
    });

    it('does not mix with another one that is written at the same time', async () => {
      const [one, other] = [await place.open(), await place.open()];
      await one.write(Buffer.from('one'));
      await other.write(Buffer.from('other'));
      await one.write(Buffer.from(', whole'));

      await other.complete();
      await one.complete();

      expect(await place.read()).toBe('one, whole');
    });
  });
}
