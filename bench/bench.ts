import { Command, InvalidArgumentError } from 'commander';
import { coldStarts } from './cold-start.ts';
import { exportCost } from './export.ts';
import { assertedGrantCost, grantCost } from './grant.ts';
import { report } from './report.ts';
import { standbyCost } from './standby.ts';

const program = new Command('npm run bench --').description(
  'Measures what costs an operator time or money. Figures are of this machine; compare those of one run.',
);

program
  .command('presign')
  .description(
    'the presign function: its bundle, its cold start over an empty module’s, and the cost of a grant',
  )
  .option('--json', 'one JSON object')
  .action(async ({ json }: { readonly json?: true }) => {
    const { presign, emptyImportMs } = await coldStarts(['presign']);
    const microsecondsPerGrant = await grantCost();
    const { listed, issued } = await assertedGrantCost();
    report(
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
  .description('each function’s bundle and import time, beside an empty module’s')
  .option('--json', 'one JSON object')
  .action(async ({ json }: { readonly json?: true }) => {
    report(await coldStarts(['webhook', 'export', 'presign']), json);
  });

program
  .command('export')
  .description('an export from connect to published, beside the bare moving of the bytes and the naive way')
  .option('--entities <n>', 'how many, of about 1 kB', wholeNumber, 30_000)
  .option('--json', 'one JSON object')
  .action(async ({ entities, json }: { readonly entities: number; readonly json?: true }) => {
    report(await exportCost(entities), json);
  });

program
  .command('standby')
  .description('standby beside a data plane: its start, its memory, and the way of a file to the node')
  .option('--entities <n>', 'how many, of about 1 kB', wholeNumber, 30_000)
  .option('--json', 'one JSON object')
  .action(async ({ entities, json }: { readonly entities: number; readonly json?: true }) => {
    report(await standbyCost(entities), json);
  });

await program.parseAsync();

function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) {
    throw new InvalidArgumentError('a whole number above 0 is expected');
  }
  return Number(value);
}
