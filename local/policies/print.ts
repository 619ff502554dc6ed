/** `npm run policy`: the matrix for people. Its last line counts. */
import { evaluateMatrix } from './matrix.ts';

const { rows, cells, unexpected, ignoredKeys, misspellings } = await evaluateMatrix();
const write = (line: string) => process.stdout.write(`${line}\n`);

for (const row of rows) {
  const allowed = cells.filter((cell) => cell.row === row && cell.allowed).map(({ principal }) => principal);
  const what = `${row.action}  ${row.resource}${row.when === '' ? '' : ` (${row.when})`}`;
  write(`${what.padEnd(92)}  ${allowed.length === 0 ? 'nobody' : allowed.join(', ')}`);
}
for (const { row, principal, expected, reason } of unexpected) {
  write(
    `UNEXPECTED: ${principal} ${expected ? 'is refused' : 'is allowed'} ${row.action} on ${row.resource} ${row.when}: ${reason}`,
  );
}
for (const key of ignoredKeys) {
  write(`IGNORED KEY: ${key}`);
}
for (const misspelling of misspellings) {
  write(`THERE IS NO ${misspelling}`);
}
const count = unexpected.length + ignoredKeys.length + misspellings.length;
write(`${rows.length} rows, ${cells.length} decisions, ${count} unexpected`);
process.exitCode = count === 0 ? 0 : 1;
