import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { projectRoot } from '../build/project-root.ts';
import { listenNodeOptions } from '../lambdas/environment/listen.ts';
import { bundleFile, findFunctionBundle } from '../lib/functions/function-bundle.ts';
import { throttleProcess } from './throttled-process.ts';
import type { ListenWorld } from './world.ts';

// The first frame finds the code cold.
const frames = 3;
/** What a function of 128 MB has: 1,769 MB come with one (Lambda Developer Guide, "Configure memory"). */
const percentOfCore = (100 * 128) / 1769;

/** Calls the function as Lambda does, and ends with its stdin. */
const runner = `
const { handler } = await import(process.argv[1]);
const deadlineMs = Date.now() + 900_000;
void handler({}, { getRemainingTimeInMillis: () => deadlineMs - Date.now() });
for await (const _ of process.stdin);
// Linux counts kilobytes (getrusage(2)).
process.stderr.write(JSON.stringify({ peakRssMb: process.resourceUsage().maxRSS / 1024 }), () => process.exit());`;

/**
 * Measures the bundled listener in a process of its own: its memory, and how long a frame takes from the
 * control plane to the ring in the queue. Once with the whole machine, once with the part of a core that
 * Lambda gives it. Says on stderr how that part was made.
 */
export async function measureListener(entities: number) {
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=8192',
      ...['--import', 'tsx'],
      join(projectRoot, 'bench/listen-world.ts'),
      String(entities),
    ],
    { cwd: projectRoot, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const nextLine = async () => JSON.parse((await lines.next()).value ?? '{}') as unknown;
    const world = (await nextLine()) as ListenWorld;
    const nextSeconds = async () => {
      const said = (await nextLine()) as { readonly seconds?: number; readonly error?: string };
      if (said.seconds === undefined) {
        throw new Error(said.error ?? 'the bench’s other process has ended');
      }
      return said.seconds;
    };
    const whole = await measureOnce(world, child, nextSeconds, undefined);
    const part = await measureOnce(world, child, nextSeconds, percentOfCore);
    return {
      entities,
      frameBytes: world.frameBytes,
      jsonBytes: world.jsonBytes,
      peakRssMb: Math.max(whole.peakRssMb, part.peakRssMb),
      frameToRingSeconds: whole.frameToRingSeconds,
      atSevenPercentOfCore: part.frameToRingSeconds,
    };
  } finally {
    child.stdin.end();
    await once(child, 'exit');
  }
}

async function measureOnce(
  { variables }: ListenWorld,
  world: ChildProcess,
  nextSeconds: () => Promise<number>,
  percent: number | undefined,
) {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', runner, join(findFunctionBundle('listen'), bundleFile)],
    {
      env: {
        ...variables,
        NODE_OPTIONS: listenNodeOptions,
        AWS_LAMBDA_FUNCTION_NAME: 'listen',
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        POWERTOOLS_SERVICE_NAME: 'lifeboat-listen',
      },
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  );
  const throttle = percent === undefined ? undefined : throttleProcess(child.pid ?? 0, percent);
  if (throttle !== undefined) {
    process.stderr.write(`${percentOfCore.toFixed(1)} % of a core, by ${throttle.by}\n`);
  }
  const seconds = [await nextSeconds()];
  while (seconds.length < frames) {
    world.stdin?.write('\n');
    seconds.push(await nextSeconds());
  }
  child.stdin.end();
  const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  throttle?.remove();
  const { peakRssMb } = JSON.parse(said) as { readonly peakRssMb: number };
  const [first = 0, ...later] = seconds;
  return {
    peakRssMb: Math.round(peakRssMb),
    frameToRingSeconds: { first: round(first), later: round(Math.min(...later)) },
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
