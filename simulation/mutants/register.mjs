// Loaded with --import before tsx, so that it sees the sources as they are written.
import { register } from 'node:module';

if (process.env.SIMULATION_MUTANT !== undefined) {
  register('./edit-source.mjs', import.meta.url, { data: JSON.parse(process.env.SIMULATION_MUTANT) });
}
