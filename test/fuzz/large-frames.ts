/** Frames that are small and inflate to much: what is kept of one has bounds. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../build/project-root.ts';

const start =
  '{"type":"reconfigure","timestamp":1795377393,"config_table":{"_format_version":"3.0","_transform":false';

function* repeat(count: number, make: (index: number) => string): Generator<string> {
  for (let from = 0; from < count; from += 1_000) {
    yield Array.from({ length: Math.min(1_000, count - from) }, (_, index) => make(from + index)).join('');
  }
}

/** By what they hold; each must be refused. */
export const largeFrames = {
  *sixMillionNamesInTable() {
    yield start;
    yield* repeat(6_000_000, (index) => `,"n${index}":[]`);
    yield '}}';
  },
  *sixMillionNamesInFrame() {
    yield '{"type":"reconfigure"';
    yield* repeat(6_000_000, (index) => `,"n${index}":1`);
    yield `,${start.slice(1)}}}`;
  },
  *oneEntityOf400MiB() {
    yield `${start},"workspaces":[{"id":"a","name":"`;
    yield* repeat(400 * 1_024, () => 'x'.repeat(1_024));
    yield '"}]}}';
  },
} satisfies Readonly<Record<string, () => Generator<string>>>;

export interface LargeFrame {
  readonly outcome: 'refused' | 'accepted' | 'crashed';
  /** By how much the process that reads it has grown. */
  readonly grownMb: number;
}

export function readLargeFrames(): Readonly<Record<string, LargeFrame>> {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-fuzz-'));
  const file = join(directory, 'frame.gz');
  const run = (...parameters: readonly string[]) =>
    spawnSync(
      process.execPath,
      ['--import', 'tsx', join(projectRoot, 'test/fuzz/large-frame-run.ts'), ...parameters],
      {
        cwd: projectRoot,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    ).stdout;
  try {
    return Object.fromEntries(
      Object.keys(largeFrames).map((name) => {
        run('make', name, file);
        const said = run('read', file);
        return [name, said === '' ? { outcome: 'crashed', grownMb: 0 } : (JSON.parse(said) as LargeFrame)];
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Linux counts kilobytes (getrusage(2)). */
export function peakRssMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}
