/** `npm run policy`: the matrix for people, and where it differs with other settings. Its last line counts. */
import { evaluateMatrix, type Matrix, type MatrixRow, matrixTemplate, type Variant } from './matrix.ts';

const write = (line: string) => process.stdout.write(`${line}\n`);

const plain = await evaluateMatrix();
const matrices = [plain];
for (const row of plain.rows) {
  writeRow(plain, row);
}
writeFaults(plain);
await writeVariant('With lockdown', { lockdown: true });
await writeVariant('With an encryption key of the deployer’s, whose policy has the statements', {
  existingKey: true,
});
await writeVariant('With locked versions', { objectLock: true });
const decisions = sum(({ cells }) => cells.length);
const faults = sum(faultsOf);
write(`${sum(({ rows }) => rows.length)} rows, ${decisions} decisions, ${faults} unexpected`);
process.exitCode = faults === 0 ? 0 : 1;

async function writeVariant(title: string, variant: Variant): Promise<void> {
  const matrix = await evaluateMatrix(matrixTemplate(variant), variant);
  matrices.push(matrix);
  const known = new Set(plain.rows.map((row) => line(plain, row)));
  const other = matrix.rows.filter((row) => !known.has(line(matrix, row)));
  write(`\n${title}: ${matrix.rows.length} rows, ${other.length === 0 ? 'all as above' : 'as above, but'}`);
  for (const row of other) {
    writeRow(matrix, row);
  }
  writeFaults(matrix);
}

function line({ cells }: Matrix, row: MatrixRow): string {
  const allowed = cells.filter((cell) => cell.row === row && cell.allowed).map(({ principal }) => principal);
  const what = `${row.action}  ${row.resource}${row.when === '' ? '' : ` (${row.when})`}`;
  return `${what.padEnd(92)}  ${allowed.length === 0 ? 'nobody' : allowed.join(', ')}`;
}

function writeRow(matrix: Matrix, row: MatrixRow): void {
  write(line(matrix, row));
}

function writeFaults({ unexpected, ignoredKeys, misspellings }: Matrix): void {
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
}

function faultsOf({ unexpected, ignoredKeys, misspellings }: Matrix): number {
  return unexpected.length + ignoredKeys.length + misspellings.length;
}

function sum(count: (matrix: Matrix) => number): number {
  return matrices.reduce((total, matrix) => total + count(matrix), 0);
}
