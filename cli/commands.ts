/** All commands of `lifeboat`, in the order in which its help lists them. */
import type { Command } from 'commander';
import { certificateCommand } from './certificate.ts';
import { doctorCommand } from './doctor.ts';
import { drillCommand } from './drill.ts';
import { fetchCommand } from './fetch.ts';
import { grantCommand } from './grant.ts';
import { hooksCommand } from './hooks.ts';
import { inspectCommands } from './inspect.ts';
import { operatorCommands } from './operate.ts';
import { publicKeyCommand } from './public-key.ts';
import { restoreCommand } from './restore.ts';
import { standbyCommand } from './standby.ts';

/** Those of nodes, those of people who look, those of operators, and those that set things up. */
export function listCommands(): readonly Command[] {
  return [
    fetchCommand(),
    standbyCommand(),
    ...inspectCommands(),
    doctorCommand(),
    ...operatorCommands(),
    restoreCommand(),
    publicKeyCommand(),
    grantCommand(),
    drillCommand(),
    certificateCommand(),
    hooksCommand(),
  ];
}
