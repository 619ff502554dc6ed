import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bundleEntry } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import { type ExportCost, readWorld, type World } from './world.ts';

type Way = 'ours' | 'floor' | 'naive' | 'known' | 'restarted';

// They take turns, so that a slow moment of the machine slows all of them; the best of each counts.
const rounds = 5;

/**
 * Measures an export after a change beside one that only moves the bytes and beside a simple implementation,
 * and two checks that find nothing new: in known bytes, and after a restart of the control plane. Times are
 * the best of some rounds, memory is the highest. Where others use the machine as well, the ratio of
 * processor times is the one to go by: the median of the rounds, in each of which both ran within moments.
 */
export async function measureExport(entities: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const runner = join(directory, 'export-run.mjs');
  // Bundled like the function, so that the measured memory has no compiler in it.
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
    const world = await readWorld<World>(child);
    await runExport(runner, 'first', world);
    const costs: Readonly<Record<Way, ExportCost[]>> = {
      ours: [],
      floor: [],
      naive: [],
      known: [],
      restarted: [],
    };
    for (let done = 0; done < rounds; done += 1) {
      for (const way of Object.keys(costs) as Way[]) {
        costs[way].push(await runExport(runner, way, world));
      }
    }
    const [ours, floor, naive] = [summarize(costs.ours), summarize(costs.floor), summarize(costs.naive)];
    const [known, restarted] = [summarize(costs.known), summarize(costs.restarted)];
    return {
      entities,
      frameBytes: world.frameBytes,
      jsonBytes: world.jsonBytes,
      seconds: ours.seconds,
      floorSeconds: floor.seconds,
      naiveSeconds: naive.seconds,
      ratioToFloor: round(ours.seconds / floor.seconds),
      cpuRatioToFloor: round(medianRatio(costs.ours, costs.floor)),
      cpuSeconds: ours.cpuSeconds,
      floorCpuSeconds: floor.cpuSeconds,
      speedupOverNaive: round(naive.seconds / ours.seconds),
      peakRssMb: ours.peakRssMb,
      floorPeakRssMb: floor.peakRssMb,
      naivePeakRssMb: naive.peakRssMb,
      unchangedSeconds: known.seconds,
      afterRestartSeconds: restarted.seconds,
      afterRestartCpuSeconds: restarted.cpuSeconds,
      afterRestartRatioToFloor: round(restarted.seconds / floor.seconds),
      afterRestartCpuRatioToFloor: round(medianRatio(costs.restarted, costs.floor)),
      afterRestartPeakRssMb: restarted.peakRssMb,
    };
  } finally {
    child.stdin.end();
    await once(child, 'exit');
    await rm(directory, { recursive: true });
  }
}

async function runExport(runner: string, way: string, world: World): Promise<ExportCost> {
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

function summarize(costs: readonly ExportCost[]): ExportCost {
  return {
    seconds: round(Math.min(...costs.map(({ seconds }) => seconds))),
    cpuSeconds: round(Math.min(...costs.map(({ cpuSeconds }) => cpuSeconds))),
    peakRssMb: Math.round(Math.max(...costs.map(({ peakRssMb }) => peakRssMb))),
  };
}

/** Of the processor times of two ways, round by round. */
function medianRatio(costs: readonly ExportCost[], floors: readonly ExportCost[]): number {
  const ratios = costs
    .map(({ cpuSeconds }, index) => cpuSeconds / (floors[index]?.cpuSeconds ?? Number.NaN))
    .sort((a, b) => a - b);
  return ratios[ratios.length >> 1] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
