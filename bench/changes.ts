import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { bundleEntry } from '../build/bundle.ts';

/** Two revisions of a file, compressed, and how many data-plane versions have them. */
export interface ComparedFiles {
  readonly before: string;
  readonly after: string;
  /** Of the newer one, uncompressed. */
  readonly sizeBytes: number;
  readonly versions: number;
}

type ComparisonCost = {
  /** Revisions of which the changes were told; the others were left out for want of time or memory. */
  readonly told: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
};

/** As Node in a function of 1,024 MiB. */
const heapMiB = 900;

/** In what way the newer revision is written. */
type Writing = 'as before' | 'by another node';

/**
 * Measures what an export takes to find out what its revisions have changed: a thousandth of the entities
 * were changed, added and removed. Once the control plane has written them as before, and once its keys stand
 * in another order, as after a restart: then each row must be read.
 */
export async function measureChanges(versions: number, entities: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  try {
    const runner = join(directory, 'changes-run.mjs');
    await bundleEntry('bench/changes-run.ts', runner);
    const before = join(directory, 'before.json.gz');
    await writeRevision(before, entities, 0, 'as before');
    const costs: ComparisonCost[] = [];
    let sizeBytes = 0;
    for (const writing of ['as before', 'by another node'] as const) {
      const after = join(directory, `${writing}.json.gz`);
      sizeBytes = await writeRevision(after, entities, 1, writing);
      costs.push(await run(runner, { before, after, sizeBytes, versions }));
    }
    const [same, other] = costs.map(roundAll);
    return { versions, entities, jsonBytes: sizeBytes, ...same, afterRestart: other };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function run(runner: string, files: ComparedFiles): Promise<ComparisonCost> {
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMiB}`, runner], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(files));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) {
    throw new Error('the comparison failed');
  }
  return JSON.parse(output) as ComparisonCost;
}

/** @returns the size of the uncompressed file */
async function writeRevision(
  file: string,
  entities: number,
  revision: number,
  writing: Writing,
): Promise<number> {
  let sizeBytes = 0;
  const pieces = function* () {
    for (const piece of makePieces(entities, revision, writing)) {
      sizeBytes += Buffer.byteLength(piece);
      yield piece;
    }
  };
  await pipeline(Readable.from(pieces()), createGzip(), createWriteStream(file));
  return sizeBytes;
}

function* makePieces(entities: number, revision: number, writing: Writing): Generator<string> {
  yield '{"_format_version":"3.0","_transform":false,"consumers":[';
  let isFirst = true;
  for (let index = 0; index < entities; index += 1) {
    // Of each thousand one is in the older revision alone, one in the newer one alone, and one differs.
    const place = index % 1_000;
    if (place !== (revision === 0 ? 10 : 20)) {
      yield `${isFirst ? '' : ','}${makeRow(index, place === 30 ? revision : 0, writing)}`;
      isFirst = false;
    }
  }
  yield `],"_comment":"revision ${revision}"}`;
}

/** Some 230 bytes, as a consumer or its credential has. */
function makeRow(index: number, change: number, writing: Writing): string {
  const hex = createHash('md5').update(String(index)).digest('hex');
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  const members = Object.entries({
    id,
    username: `consumer-${index}-${change}`,
    custom_id: hex,
    created_at: 1_764_000_000,
    updated_at: 1_764_000_000 + change,
    tags: ['team-a', 'bench'],
    type: 0,
    ws_id: '0c1f7a3e-1111-4222-8333-444455556666',
  });
  return JSON.stringify(Object.fromEntries(writing === 'as before' ? members : members.reverse()));
}

function roundAll({ told, seconds, cpuSeconds, peakRssMb }: ComparisonCost): ComparisonCost {
  const round = (value: number) => Math.round(value * 100) / 100;
  return { told, seconds: round(seconds), cpuSeconds: round(cpuSeconds), peakRssMb: Math.round(peakRssMb) };
}
