import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { bundleEntry } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import type { ExportCost, World } from './world.ts';

// In turn, so that a slow moment of the machine meets all three; the best of each counts.
const rounds = 3;

/** Our export beside the floor and the naive way, in one run; times are the best of some, memory is the most of all. */
export async function exportCost(entities: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const runner = join(directory, 'export-run.mjs');
  // As the function is bundled, so that the measured memory holds no compiler.
  await bundleEntry('bench/export-run.ts', runner);
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=8192',
      '--import',
      'tsx',
      join(projectRoot, 'bench/export-world.ts'),
      String(entities),
    ],
    { cwd: projectRoot, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const world = await worldOf(child);
    const costs = { ours: [] as ExportCost[], floor: [] as ExportCost[], naive: [] as ExportCost[] };
    for (let round = 0; round < rounds; round += 1) {
      for (const way of ['ours', 'floor', 'naive'] as const) {
        costs[way].push(await run(runner, way, world));
      }
    }
    const [ours, floor, naive] = [summary(costs.ours), summary(costs.floor), summary(costs.naive)];
    return {
      entities,
      frameBytes: world.frameBytes,
      jsonBytes: world.jsonBytes,
      seconds: ours.seconds,
      floorSeconds: floor.seconds,
      naiveSeconds: naive.seconds,
      ratioToFloor: rounded(ours.seconds / floor.seconds),
      speedupOverNaive: rounded(naive.seconds / ours.seconds),
      peakRssMb: ours.peakRssMb,
      floorPeakRssMb: floor.peakRssMb,
      naivePeakRssMb: naive.peakRssMb,
    };
  } finally {
    child.stdin.end();
    await once(child, 'exit');
    await rm(directory, { recursive: true });
  }
}

async function worldOf(child: ReturnType<typeof spawn>): Promise<World> {
  if (child.stdout === null) {
    throw new Error('the bench’s control plane has no output');
  }
  for await (const line of createInterface({ input: child.stdout })) {
    return JSON.parse(line) as World;
  }
  throw new Error('the bench’s control plane did not start');
}

async function run(runner: string, way: string, world: World): Promise<ExportCost> {
  const child = spawn(process.execPath, ['--max-old-space-size=8192', runner, way], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  child.stdin.end(JSON.stringify(world));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) {
    throw new Error(`the ${way} export failed`);
  }
  return JSON.parse(output) as ExportCost;
}

function summary(costs: readonly ExportCost[]): ExportCost {
  return {
    seconds: rounded(Math.min(...costs.map(({ seconds }) => seconds))),
    peakRssMb: Math.round(Math.max(...costs.map(({ peakRssMb }) => peakRssMb))),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
