import { Command, InvalidArgumentError } from 'commander';
import { type Aims, listMissedAims } from './aims.ts';
import { measureChanges } from './changes.ts';
import { measureColdStarts } from './cold-start.ts';
import { measureCost } from './cost.ts';
import { measureDeployment } from './deployment.ts';
import { measureExport } from './export.ts';
import { fleetAims, measureFleetOf } from './fleet.ts';
import { measureFreshness } from './freshness.ts';
import { measureGrant, measureGrantByAssertion } from './grant.ts';
import { hookAims, measureHooks } from './hooks.ts';
import { measureInspection } from './inspect.ts';
import { measureListener } from './listen.ts';
import { type Figures, printFigures } from './print-figures.ts';
import { measureStandby } from './standby.ts';

const program = new Command('npm run bench --')
  .description(
    'Measures what costs an operator time or money. Figures depend on the machine: compare those of one run.',
  )
  .showHelpAfterError('(see npm run bench -- --help)');

program
  .command('presign')
  .description(
    'the presign function: its bundle, its import time beside an empty module’s, and the cost of a grant',
  )
  .option('--json', 'one JSON object')
  .action(async ({ json }: { readonly json?: true }) => {
    const { presign, emptyImportMs } = await measureColdStarts(['presign']);
    const microsecondsPerGrant = await measureGrant();
    const { listed, issued } = await measureGrantByAssertion();
    printFigures(
      {
        ...presign,
        emptyImportMs,
        microsecondsPerGrant,
        microsecondsByListedCertificate: listed,
        microsecondsByIssuedCertificate: issued,
      },
      json,
    );
  });

program
  .command('cold')
  .description('each function’s bundle and import time, beside an empty module’s and the SQS client’s')
  .option('--json', 'one JSON object')
  .action(async ({ json }: { readonly json?: true }) => {
    printFigures(await measureColdStarts(['webhook', 'export', 'presign', 'inspect']), json);
  });

program
  .command('export')
  .description(
    'an export from connect to published, beside only moving the bytes, and beside a simple implementation; ' +
      'and the check after a restart of the control plane',
  )
  .option('--entities <n>', 'how many, of about 1 kB', parseWholeNumber, 30_000)
  .option('--json', 'one JSON object')
  .action(async ({ entities, json }: { readonly entities: number; readonly json?: true }) => {
    printFigures(await measureExport(entities), json);
  });

program
  .command('changes')
  .description(
    'what an export takes to find out what its revisions have changed, and whether it leaves any out',
  )
  .option('--versions <n>', 'how many data-plane versions', parseWholeNumber, 10)
  .option('--entities <n>', 'how many in each file, of about 230 bytes', parseWholeNumber, 240_000)
  .option('--json', 'one JSON object')
  .action(
    async ({
      versions,
      entities,
      json,
    }: {
      readonly versions: number;
      readonly entities: number;
      readonly json?: true;
    }) => {
      printFigures(await measureChanges(versions, entities), json);
    },
  );

program
  .command('standby')
  .description('standby beside a data plane: its start, its memory, and how long a file takes to the node')
  .option('--entities <n>', 'how many, of about 1 kB', parseWholeNumber, 30_000)
  .option('--json', 'one JSON object')
  .action(async ({ entities, json }: { readonly entities: number; readonly json?: true }) => {
    printFigures(await measureStandby(entities), json);
  });

program
  .command('freshness')
  .description(
    'how long a change takes into the vault, with event hooks, with a listener, and with the schedule alone (whose ' +
      'wait is computed), and how much of that the control plane takes to serve it',
  )
  .option('--changes <n>', 'how many, at random moments', parseWholeNumber, 20)
  .option('--json', 'one JSON object')
  .action(async ({ changes, json }: { readonly changes: number; readonly json?: true }) => {
    printFigures(await measureFreshness(changes), json);
  });

program
  .command('listen')
  .description(
    'the listener: its memory, and how long a frame takes to the ring, also with the part of a core that it has',
  )
  .option('--entities <n>', 'how many, of about 1 kB', parseWholeNumber, 300_000)
  .option('--json', 'one JSON object')
  .action(async ({ entities, json }: { readonly entities: number; readonly json?: true }) => {
    printFigures(await measureListener(entities), json);
  });

program
  .command('inspect')
  .description(
    'what people’s questions take the inspect function: a diff, the verification of all revisions, the status',
  )
  .option('--entities <n>', 'how many, of about 1 kB', parseWholeNumber, 30_000)
  .option('--revisions <n>', 'how many', parseWholeNumber, 30)
  .option('--json', 'one JSON object')
  .action(
    async ({
      entities,
      revisions,
      json,
    }: {
      readonly entities: number;
      readonly revisions: number;
      readonly json?: true;
    }) => {
      printFigures(await measureInspection(entities, revisions), json);
    },
  );

program
  .command('hooks')
  .description(
    'valid and forged hooks at once: acknowledgements beside a function that only echoes, exports and messages of a ' +
      'window, and what forgers cause; ends with 1 when an aim is missed',
  )
  .option('--hooks <n>', 'how many valid ones, and as many forged ones', parseWholeNumber, 10_000)
  .option('--seconds <n>', 'in how many seconds', parseWholeNumber, 60)
  .option('--json', 'one JSON object')
  .action(
    async ({
      hooks,
      seconds,
      json,
    }: {
      readonly hooks: number;
      readonly seconds: number;
      readonly json?: true;
    }) => {
      printAimed(await measureHooks(hooks, seconds), hookAims, json);
    },
  );

program
  .command('fleet')
  .description(
    'data planes that start in the same moment: in the simulation, behind the template’s throttles, and as processes of ' +
      'standby, beside as many bare downloads; ends with 1 when an aim is missed',
  )
  .option('--nodes <n>', 'how many in the simulation', parseWholeNumber, 1_000)
  .option('--processes <n>', 'how many real ones', parseWholeNumber, 50)
  .option('--json', 'one JSON object')
  .action(
    async ({
      nodes,
      processes,
      json,
    }: {
      readonly nodes: number;
      readonly processes: number;
      readonly json?: true;
    }) => {
      printAimed(await measureFleetOf(nodes, processes), fleetAims, json);
    },
  );

program
  .command('deployment')
  .description(
    'a stack with everything on: what it takes of AWS’s limits, what it costs idle, how many control planes fit',
  )
  .option('--json', 'one JSON object')
  .action(({ json }: { readonly json?: true }) => {
    printFigures({ ...measureDeployment(), ...measureCost() }, json);
  });

await program.parseAsync();

/** Ends with 1 when a figure is above its aim. */
function printAimed(figures: Figures, aims: Aims, json: true | undefined): void {
  printFigures(figures, json);
  for (const sentence of listMissedAims(figures, aims)) {
    process.stderr.write(`${sentence}\n`);
    process.exitCode = 1;
  }
}

function parseWholeNumber(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) {
    throw new InvalidArgumentError('a whole number above 0 is expected');
  }
  return Number(value);
}
