/**
 * Makes a large frame (`make NAME FILE`), or reads one (`read FILE`): each in a process of its own, so that
 * the memory that is measured is that of the reader.
 */
import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ControlPlaneError } from '../../core/kong/errors.ts';
import { readFrame } from '../../core/kong/frame.ts';
import { largeFrames, peakRssMb } from './large-frames.ts';

const [, , way, ...parameters] = process.argv;
if (way === 'make') {
  const [name = '', file = ''] = parameters;
  const make = largeFrames[name as keyof typeof largeFrames];
  await pipeline(Readable.from(make()), createGzip({ level: 1 }), createWriteStream(file));
} else {
  const frame = readFileSync(parameters[0] ?? '');
  const before = peakRssMb();
  let outcome = 'accepted';
  try {
    await readFrame(frame, { maxJsonBytes: 2 ** 30, makeFile: false });
  } catch (error) {
    outcome = error instanceof ControlPlaneError ? 'refused' : 'crashed';
  }
  process.stdout.write(JSON.stringify({ outcome, grownMb: Math.round(peakRssMb() - before) }));
}
