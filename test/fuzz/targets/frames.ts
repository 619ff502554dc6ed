import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import { readFrame } from '../../../core/kong/frame.ts';
import { changed, hostileJson, type Outcome, target } from '../target.ts';

const recorded = readFileSync(
  new URL('../../fixtures/kong-3.9.1/cluster/reconfigure-3.9.1.json', import.meta.url),
);
const small = Buffer.from(
  JSON.stringify({
    type: 'reconfigure',
    timestamp: 1_795_377_393.298,
    config_hash: '0123456789abcdef0123456789abcdef',
    config_table: {
      _format_version: '3.0',
      _transform: false,
      services: [{ id: 'a', name: 'ü', tags: [1, -2.5e3, true, null, '\u{1f600}"\\'] }],
      parameters: [{ key: 'cluster_id', value: 'b' }],
    },
  }),
);
const [recordedGzip, smallGzip] = [gzipSync(recorded), gzipSync(small)];

/** Names without end, at the root of the table or of the frame. */
const manyNames = fc
  .record({ count: fc.integer({ min: 1, max: 3_000 }), inTable: fc.boolean() })
  .map(({ count, inTable }) => {
    const names = Array.from({ length: count }, (_, index) => `"n${index}":[],`).join('');
    return gzipSync(small.toString().replace(inTable ? '"services"' : '"type"', (name) => names + name));
  });

/** Bytes within a text, of which few are UTF-8. */
const otherBytes = fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => {
  const at = small.indexOf('ü');
  return gzipSync(Buffer.concat([small.subarray(0, at), bytes, small.subarray(at + 2)]));
});

const frames = fc.oneof(
  { weight: 2, arbitrary: otherBytes },
  { weight: 5, arbitrary: changed(small).map((json) => gzipSync(json)) },
  { weight: 1, arbitrary: changed(recorded).map((json) => gzipSync(json)) },
  { weight: 2, arbitrary: changed(smallGzip) },
  { weight: 1, arbitrary: changed(recordedGzip) },
  // Members of gzip may follow one another (RFC 1952, 2.2), cut anywhere, or be nonsense.
  {
    weight: 2,
    arbitrary: fc
      .record({
        at: fc.nat(small.length),
        more: fc.constantFrom(Buffer.alloc(0), smallGzip, Buffer.from('x')),
      })
      .map(({ at, more }) =>
        Buffer.concat([gzipSync(small.subarray(0, at)), gzipSync(small.subarray(at)), more]),
      ),
  },
  {
    weight: 2,
    arbitrary: hostileJson.map((value) =>
      gzipSync(small.toString().replace('"b"', () => JSON.stringify(value))),
    ),
  },
  { weight: 1, arbitrary: manyNames },
);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What Node makes of it: the whole inflated, decoded and parsed, and what a full configuration needs. */
function isConfiguration(frame: Uint8Array): boolean {
  try {
    const { type, config_table: table } = JSON.parse(utf8.decode(gunzipSync(frame)));
    return (
      type === 'reconfigure' &&
      typeof table === 'object' &&
      table._transform === false &&
      Object.entries(table).every(([name, rows]) => name.startsWith('_') || typeof rows === 'object')
    );
  } catch {
    return false;
  }
}

/** Frames as a control plane, or whoever stands in its place, may send them. */
export const frameTarget = target('frames', frames, async (frame): Promise<Outcome> => {
  try {
    await readFrame(frame, { maxJsonBytes: 2 ** 24, makeFile: true });
  } catch (error) {
    if (error instanceof ControlPlaneError) {
      return 'refused';
    }
    throw error;
  }
  return isConfiguration(frame) ? 'good' : 'accepted';
});
