import { Command } from 'commander';
import { listPlayedCells } from './cells.ts';
import { compareCells, type Difference } from './compare.ts';
import type { CellView } from './scenario.ts';

interface FaultsOptions {
  readonly json?: true;
  readonly only?: string;
}

const program = new Command('npm run faults --')
  .description(
    'Plays cells of the simulation’s table of faults a second time: over HTTP, with the AWS SDK’s clients and their retries. What comes out must be what the simulation says.',
  )
  .option('--only <text>', 'play the cells whose name has this text')
  .option('--json', 'one JSON object')
  .addHelpText('after', '\nIt ends with 1 when the two differ.')
  .action(async (options: FaultsOptions) => {
    process.exitCode = (await run(options)) ? 0 : 1;
  });

/** @returns whether nothing differs */
async function run({ json, only = '' }: FaultsOptions): Promise<boolean> {
  const startMs = performance.now();
  const cells = listPlayedCells().filter(({ name }) => name.includes(only));
  if (cells.length === 0) {
    program.error(`no cell has "${only}" in its name`);
  }
  const differences = await compareCells(cells);
  const figures = {
    cells: cells.length,
    differences: differences.length,
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
  };
  if (json === true) {
    console.log(JSON.stringify({ ...figures, different: differences }));
  } else {
    for (const difference of differences) {
      console.log(tellDifference(difference));
    }
    console.log(JSON.stringify(figures, undefined, 2));
  }
  return differences.length === 0;
}

/** The two sides, line by line. */
function tellDifference({ cell, model, real }: Difference): string {
  const [modelLines, realLines] = [model, real].map(tellView) as [string[], string[]];
  return [
    `DIFFERENT: ${cell}`,
    '  the simulation:',
    ...modelLines.map((line) => `  ${realLines.includes(line) ? ' ' : '-'} ${line}`),
    '  over HTTP:',
    ...realLines.map((line) => `  ${modelLines.includes(line) ? ' ' : '+'} ${line}`),
    '',
  ].join('\n');
}

function tellView({ isFaultSpent, hook, batches, afterFault, afterSchedule, fetches }: CellView): string[] {
  return [
    ...(isFaultSpent ? [] : ['the fault has hit no call']),
    hook,
    ...batches.map(({ versions, measured }, index) => {
      const counted = Object.entries(measured).filter(([, value]) => value !== 0);
      return `batch ${index + 1}: ${versions.join(', ')} (${counted.map(([name, value]) => `${name} ${value}`).join(', ')})`;
    }),
    `after the fault: ${[...afterFault.files, 'status', ...afterFault.status].join(', ')}`,
    `after the schedule: ${[...afterSchedule.files, 'status', ...afterSchedule.status].join(', ')}`,
    ...fetches.map(({ outcome, file }, index) => `fetch ${index + 1}: ${outcome}, on disk ${file}`),
  ];
}

await program.parseAsync();
