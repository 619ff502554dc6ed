import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { sharedCertificate } from '../../simulators/kong/control-plane/certificates.ts';
import type { Cell } from './cells.ts';
import { FastClock } from './fast-clock.ts';
import { HttpSystem } from './http-system.ts';
import type { ModelAnswer } from './model-worker.ts';
import { type CellView, playCell } from './scenario.ts';

/** A cell in which the model and the real thing differ. */
export interface Difference {
  readonly cell: string;
  readonly model: CellView;
  readonly real: CellView;
}

/** Cells over HTTP wait most of the time. */
const cellsAtOnce = 16;

/** Plays cells in the simulation and over HTTP, side by side. */
export async function compareCells(cells: readonly Cell[]): Promise<readonly Difference[]> {
  const [models, reals] = await Promise.all([playInModel(cells), playOverHttp(cells)]);
  return cells.flatMap(({ name }, index) => {
    const model = models[index];
    const real = reals[index];
    return model === undefined || real === undefined
      ? []
      : isDeepStrictEqual(model, real)
        ? []
        : [{ cell: name, model, real }];
  });
}

async function playInModel(cells: readonly Cell[]): Promise<readonly CellView[]> {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const child = fork(here('model-worker.ts'), [], {
    execArgv: ['--import', here('../mutants/register.mjs'), '--import', 'tsx'],
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const answer = await new Promise<ModelAnswer>((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the model ended with ${code} and no answer`)));
    child.send(cells);
  });
  if ('error' in answer) {
    throw new Error(answer.error);
  }
  return answer.views;
}

async function playOverHttp(cells: readonly Cell[]): Promise<readonly CellView[]> {
  const certificate = await sharedCertificate();
  const clock = new FastClock();
  const views: CellView[] = [];
  // Those that wait longest come first, so that none of them is left alone at the end.
  const isLong = ({ fault }: Cell) => fault.kind === 'late' || fault.kind === 'never answers';
  const waiting = [...cells.entries()].sort(
    ([, one], [, other]) => Number(isLong(other)) - Number(isLong(one)),
  );
  const playNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, cell] = next;
      const system = await HttpSystem.start({ controlPlane: certificate, dataPlane: certificate }, clock);
      try {
        views[index] = await playCell(system, cell);
      } finally {
        await system.stop();
      }
    }
  };
  await Promise.all(Array.from({ length: cellsAtOnce }, playNext));
  clock.stop();
  return views;
}
