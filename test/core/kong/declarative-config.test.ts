import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readFrame } from '../../../core/kong/frame.ts';
import { frameOf, recordedFrame } from './recording.ts';

const limit = 10 * 2 ** 20;
const refused = (message: string) =>
  expect.objectContaining({ code: 'bad-frame', message: expect.stringContaining(message) });

const read = (frame: Buffer, maxJsonBytes = limit, makeFile = false) =>
  readFrame(frame, { maxJsonBytes, makeFile });

describe('work on a frame ends with its signal', () => {
  const { frame } = recordedFrame('3.9.1');

  it('while it is checked', async () => {
    const reading = readFrame(frame, { maxJsonBytes: limit, makeFile: false, signal: AbortSignal.abort() });

    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('while its file is made, or its table is read', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const checked = await readFrame(frame, { maxJsonBytes: limit, makeFile: false, signal });
    controller.abort();

    await expect(checked.file('late')).rejects.toMatchObject({ code: 'cancelled' });
    await expect(buffer(checked.table())).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe.each([
  ['made while the frame is checked', true],
  ['made afterwards', false],
])('the declarative config file of a frame, %s,', (_, makeFile) => {
  it.each(['3.9.1', '3.8.1', '3.4.0'])('is the recorded table for %s and a comment', async (version) => {
    const { frame, content } = recordedFrame(version);
    const checked = await read(frame, limit, makeFile);

    const file = await checked.file('who "made" it');

    const bytes = gunzipSync(file.gzip);
    const { _comment, ...table } = JSON.parse(bytes.toString('utf8'));
    expect(_comment).toBe('who "made" it');
    expect(table).toEqual(content.config_table);
    expect(file.sizeBytes).toBe(bytes.length);
    expect(file.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(file.md5).toBe(createHash('md5').update(bytes).digest('hex'));
  });

  it('keeps the table’s bytes as they came, over many pieces, and again for another comment', async () => {
    const services = Array.from({ length: 20_000 }, (_, index) => ({
      id: String(index),
      name: 'ü'.repeat(20),
    }));
    const frame = frameOf({ services });
    const json = gunzipSync(frame);
    const checked = await read(frame, limit, makeFile);

    const files = [await checked.file('a'), await checked.file('b')];

    expect(checked.entities).toEqual({ services: 20_000 });
    const table = json.subarray(checked.tableStart, checked.tableEnd - 1);
    const expected = ['a', 'b'].map((comment) =>
      Buffer.concat([table, Buffer.from(`,"_comment":"${comment}"}`)]),
    );
    // Jest's own comparison takes seconds for megabytes.
    expect(files.map(({ gzip }, index) => expected[index]?.equals(gunzipSync(gzip)))).toEqual([true, true]);
  });

  it('has beside it the table as it came and its hash, before and after the file is made', async () => {
    const services = Array.from({ length: 20_000 }, (_, index) => ({ id: String(index), name: 'ü' }));
    const frame = frameOf({ services });
    const json = gunzipSync(frame);
    const checked = await read(frame, limit, makeFile);

    const before = await buffer(checked.table());
    await checked.file('a comment');
    const after = await buffer(checked.table());

    const table = json.subarray(json.indexOf('{', 1), json.lastIndexOf('},"config_hash"') + 1);
    expect(JSON.parse(table.toString('utf8')).services).toHaveLength(20_000);
    expect([before.equals(table), after.equals(table)]).toEqual([true, true]);
    expect(checked.tableSha256).toBe(createHash('sha256').update(table).digest('hex'));
  });
});

describe('reading a frame', () => {
  const whole = frameOf({ services: [] });

  it.each([
    ['no gzip', Buffer.from('not a gzip at all'), 'not a complete gzip'],
    ['nothing', Buffer.alloc(0), ''],
    ['cut short in its middle', whole.subarray(0, whole.length >> 1), 'not a complete gzip'],
    ['cut short by one byte', whole.subarray(0, -1), 'not a complete gzip'],
    ['a byte behind its end', Buffer.concat([whole, Buffer.from('x')]), 'not a complete gzip'],
    ['bytes behind its end', Buffer.concat([whole, Buffer.alloc(100, 'x')]), 'not a complete gzip'],
    ['zeros behind its end', Buffer.concat([whole, Buffer.alloc(100)]), '100 bytes behind'],
    ['a second gzip behind its end', Buffer.concat([whole, gzipSync('{}')]), 'behind the end'],
    ['half of the JSON', gzipSync(gunzipSync(whole).subarray(0, 60)), 'end of the frame in the middle'],
  ])('refuses %s', async (_, frame, message) => {
    await expect(read(frame)).rejects.toEqual(refused(message));
  });

  it.each([
    [0, true],
    [-1, false],
  ])('with a limit of its own size %d bytes: accepted %s', async (difference, accepted) => {
    const size = gunzipSync(whole).length;

    const inspection = read(whole, size + difference);

    await (accepted
      ? expect(inspection).resolves.toMatchObject({ jsonBytes: size })
      : expect(inspection).rejects.toMatchObject({
          code: 'too-large',
          message: expect.stringContaining('maxFrameMiB'),
        }));
  });

  it('refuses a gzip bomb before it has inflated it', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, ' '));

    const inspection = read(bomb, 2 ** 20);

    await expect(inspection).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringContaining('inflates to more than 1 MiB'),
    });
  });
});
