/** A life against an emulator: what is started for it, and cleaned up afterwards. */
import { join } from 'node:path';
import { type Account, clientsOf, cloudFormationsOf, emulatedEnvironment } from './account.ts';
import { type Cleanups, withCleanups } from './cleanups.ts';
import { startReachableControlPlane } from './control-plane.ts';
import { gaps, probeEmulator } from './emulator/gaps.ts';
import {
  besideMiniStack,
  provedVersion,
  type RunningEmulator,
  startMiniStack,
} from './emulator/ministack.ts';
import { installProgram, makePythonFolder } from './emulator/python-program.ts';
import { Life } from './life.ts';
import { type Played, play } from './play.ts';
import { type ToldProgress, tellProgress } from './progress.ts';
import { bootstrapStep, firstLife, laterLife } from './whole-life.ts';

export interface RehearsalOptions {
  readonly endpoint?: string | undefined;
  readonly ministack?: string | undefined;
  readonly short?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export const regions = { first: 'eu-central-1', second: 'eu-west-1' };
const kongVersion = '3.9.1';

/**
 * Plays it, tells on standard error how it goes, and with `json` the result on standard output.
 *
 * @throws LifeError `unplayable` when it cannot begin
 */
export function rehearseDeployment(options: RehearsalOptions): Promise<Played> {
  const progress = tellProgress((line) => process.stderr.write(`${line}\n`));
  return withCleanups(async (cleanups) => {
    const startedMs = performance.now();
    const played = await playWithSome(options, cleanups, progress);
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    progress.tell(`${seconds} s, the installation included`);
    if (options.json === true) {
      const { failure } = played;
      const told = failure && { step: failure.step, error: String(failure.error) };
      process.stdout.write(`${JSON.stringify({ ...played, seconds, failure: told })}\n`);
    }
    return played;
  });
}

type EmulatedPlay = Played & { readonly emulator: string; readonly gaps: readonly string[] };

/** The newest MiniStack; should a life fail with it, the proved one, and both are told. */
async function playWithSome(
  { endpoint, ministack, short }: RehearsalOptions,
  cleanups: Cleanups,
  progress: ToldProgress,
): Promise<EmulatedPlay> {
  const playWith = (emulator: Pick<RunningEmulator, 'url' | 'name'>) =>
    playOnce(emulator, short === true, cleanups, progress);
  if (endpoint !== undefined) {
    return playWith({ url: endpoint, name: endpoint });
  }
  const python = join(cleanups.folder, 'python');
  progress.tell('installing MiniStack (PyPI), into a folder of its own');
  await makePythonFolder(python);
  const newest = await installProgram(python, 'ministack', ministack, besideMiniStack);
  const start = async (program: typeof newest) => {
    const running = await startMiniStack(program, cleanups.folder, regions.first);
    cleanups.add(running.stop);
    return running;
  };
  const isTheOne = ministack !== undefined || newest.version === provedVersion;
  if (isTheOne) {
    return playWith(await start(newest));
  }
  const first = await start(newest).then(playWith, (error: unknown) => error);
  if (isPlayed(first) && first.ok) {
    return first;
  }
  if (!isPlayed(first)) {
    progress.warn(first instanceof Error ? first.message : String(first));
  }
  progress.warn(
    `MiniStack ${newest.version} is newer than ${provedVersion}, with which this was proved, and failed: trying that one`,
  );
  return playWith(await start(await installProgram(python, 'ministack', provedVersion, besideMiniStack)));
}

function isPlayed(outcome: unknown): outcome is EmulatedPlay {
  return typeof outcome === 'object' && outcome !== null && 'ok' in outcome;
}

async function playOnce(
  { url, name }: Pick<RunningEmulator, 'url' | 'name'>,
  isShort: boolean,
  cleanups: Cleanups,
  progress: ToldProgress,
): Promise<EmulatedPlay> {
  const environment = emulatedEnvironment(url, regions.first);
  const clients = clientsOf(environment, regions.first);
  const { accountId, open } = await probeEmulator(cloudFormationsOf(environment, regions), name);
  for (const gap of gaps) {
    if (open.includes(gap)) {
      progress.tell(`${name} lacks ${gap.name}: ${gap.what}`);
    } else {
      progress.warn(
        `${name} has ${gap.name}: the work-around for ${gap.neededFor} is needed no more, take it out of life/emulator/gaps.ts`,
      );
    }
  }
  const controlPlane = await startReachableControlPlane(kongVersion);
  cleanups.add(controlPlane.stop);
  const account: Account = {
    id: accountId,
    regions,
    environment,
    clients,
    emulator: { url, name, gaps: open },
  };
  const { subject, clusterEndpoint } = controlPlane;
  const notes: string[] = [];
  const life = new Life({
    account,
    stackName: 'Lifeboat',
    folder: cleanups.folder,
    subject,
    clusterEndpoint,
    notes,
    kept: [],
  });
  const steps = isShort
    ? [bootstrapStep([regions.first]), ...firstLife]
    : [bootstrapStep([regions.first, regions.second]), ...firstLife, ...laterLife()];
  const played = await play(life, steps, progress);
  notes.forEach(progress.warn);
  return { ...played, emulator: name, gaps: open.map((gap) => gap.name) };
}
