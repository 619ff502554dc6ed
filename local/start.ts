import { runStart } from './run-start.ts';
import { startProgram } from './start-program.ts';

await startProgram(async (options) => {
  process.exitCode = (await runStart(options, process)) ? 0 : 1;
}).parseAsync();
