/**
 * Plays cells in the simulation, in a process of its own: there the work of Node's threads is made
 * synchronous, and a fault may be built into the model while it is loaded.
 */
import { makeThreadWorkSynchronous } from '../engine/synchronous.ts';
import type { Cell } from './cells.ts';
import type { CellView } from './scenario.ts';

export type ModelAnswer = { readonly views: readonly CellView[] } | { readonly error: string };

// Before anything is loaded that takes what it replaces.
makeThreadWorkSynchronous();
const { playCell } = await import('./scenario.ts');
const { SimulatedSystem } = await import('./simulated-system.ts');
const { makeSigningKey } = await import('../world/keys.ts');

async function playAll(cells: readonly Cell[]): Promise<ModelAnswer> {
  const keys = { own: [await makeSigningKey()], stranger: await makeSigningKey() };
  const views: CellView[] = [];
  for (const cell of cells) {
    views.push(await playCell(new SimulatedSystem(keys), cell));
  }
  return { views };
}

process.once('message', (cells: readonly Cell[]) => {
  playAll(cells)
    .catch((error: unknown) => ({ error: error instanceof Error ? String(error.stack) : String(error) }))
    .then((answer) => process.send?.(answer, () => process.exit()));
});
