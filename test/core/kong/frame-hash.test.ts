import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { FrameHash } from '../../../core/kong/frame-hash.ts';

const hash = '0cb222c3ca1f465ee7578d9c4972c141';
const services = Array.from({ length: 5_000 }, (_, id) => ({ id, name: `service-${id}` }));
const frame = gzipSync(JSON.stringify({ config_table: { services }, config_hash: hash }));
const hashFirst = gzipSync(JSON.stringify({ config_hash: hash, config_table: { services } }));

async function hashOf(bytes: Uint8Array, maxJsonBytes = 2 ** 30): Promise<string | undefined> {
  const reader = new FrameHash(maxJsonBytes);
  for (let at = 0; at < bytes.length; at += 1_000) {
    await reader.write(bytes.subarray(at, at + 1_000));
  }
  return reader.end();
}

describe('the hash of a frame that comes in pieces', () => {
  it.each([
    ['behind the table', frame],
    ['before the table, where the rest is not looked at', hashFirst],
    ['before the table, in a frame that breaks off', hashFirst.subarray(0, 4_000)],
  ])('is read %s', async (_, bytes) => {
    expect(await hashOf(bytes)).toBe(hash);
  });

  it.each([
    ['breaks off', frame.subarray(0, -9)],
    ['is no gzip', Buffer.from('{"config_hash":"a"}')],
    ['has a wrong checksum', Buffer.concat([frame.subarray(0, -8), Buffer.alloc(8)])],
    ['is empty', Buffer.alloc(0)],
  ])('is unknown where the frame %s', async (_, bytes) => {
    expect(await hashOf(bytes)).toBeUndefined();
  });

  it.each([
    ['as much as', 0, hash],
    ['more than', 1, undefined],
  ])('is looked for in %s a frame may inflate to', async (_, missing, expected) => {
    const jsonBytes = JSON.stringify({ config_table: { services }, config_hash: hash }).length;

    expect(await hashOf(frame, jsonBytes - missing)).toBe(expected);
  });

  it('is given up with the connection', async () => {
    const reader = new FrameHash(2 ** 30);
    await reader.write(frame.subarray(0, 1_000));

    reader.abandon();

    expect(await reader.end()).toBeUndefined();
  });
});
