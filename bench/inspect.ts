import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bundleEntry, bundleFunction } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import type { InspectRun } from './inspect-run.ts';
import { type InspectWorld, readWorld } from './world.ts';

/** As Node in a function of 1,024 MiB. */
const heapMiB = 900;

/**
 * Measures the bundled inspect function, in a process of its own for each thing that is asked: a diff of two
 * revisions, by how many of their entities differ and by how they are written; a verification of all
 * revisions; and the status, beside the two requests that it cannot do without.
 */
export async function measureInspection(entities: number, revisions: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const [runner, bundle] = [join(directory, 'run.mjs'), join(directory, 'inspect.mjs')];
  await Promise.all([bundleEntry('bench/inspect-run.ts', runner), bundleFunction('inspect', bundle)]);
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=8192',
      ...['--import', 'tsx'],
      join(projectRoot, 'bench/inspect-world.ts'),
      String(entities),
      String(revisions),
    ],
    {
      cwd: projectRoot,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    },
  );
  try {
    const world = await readWorld<InspectWorld>(child);
    const run = (way: InspectRun) => runOnce([runner, way, bundle], world);
    const few = await run('few');
    const everything = await run('everything');
    const otherBytes = await run('otherBytes');
    const verified = await run('verifyAll');
    const { firstMs, statusMs, floorMs, ratioToFloor } = await run('status');
    return {
      ...{ entities, revisions, jsonBytes: world.jsonBytes, gzipBytes: world.gzipBytes },
      diffSeconds: few['seconds'],
      // Start included; what else the machine does hardly changes it.
      diffCpuSeconds: few['cpuSeconds'],
      diffPeakRssMb: few['peakRssMb'],
      ...{ diff: few, diffOfEverything: everything, diffOfOtherBytes: otherBytes },
      verifyAllSeconds: verified['seconds'],
      verifyAllCpuSeconds: verified['cpuSeconds'],
      verifySlowestSeconds: verified['slowestSeconds'],
      verifyPeakRssMb: verified['peakRssMb'],
      ...{ statusFirstMs: firstMs, statusMs, floorMs, statusRatioToFloor: ratioToFloor },
    };
  } finally {
    child.stdin.end();
    await once(child, 'exit');
    await rm(directory, { recursive: true });
  }
}

type Figures = Readonly<Record<string, number>>;

async function runOnce(command: readonly string[], world: InspectWorld): Promise<Figures> {
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMiB}`, ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      // Its answer alone is read.
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_SERVICE_NAME: 'lifeboat-inspect',
    },
  });
  child.stdin.end(JSON.stringify(world));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) {
    throw new Error(`the inspect function failed (${command[1]})`);
  }
  const figures = JSON.parse(output) as Figures;
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
