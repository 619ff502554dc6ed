/**
 * `npm run policy`: the matrix for people, and where it differs with other settings. Its last line counts.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { accountId, matrixTemplate, type Variant } from './deployment.ts';
import { evaluateMatrix, type Matrix } from './evaluate.ts';
import { hasStatement, KeyPolicyError, readKeyPolicy } from './key-policy.ts';
import type { MatrixRow } from './rows/row.ts';

interface Options {
  readonly keyPolicy?: string;
  readonly account?: string;
}

const write = (line: string) => process.stdout.write(`${line}\n`);

await new Command('npm run policy --')
  .description(
    'Prove who may do what in a deployment: every row, for every principal, against the synthesized policies. ' +
      'The last line counts what is not as it should be; the exit code is 1 when that is not 0.',
  )
  .option(
    '--key-policy <file>',
    'prove the policy of your own encryption key as well, as `aws kms get-key-policy --policy-name default --output text --key-id ...` prints it',
  )
  .option(
    '--account <id>',
    'the account that Lifeboat is deployed in; by default the one that the key policy names',
  )
  .action(({ keyPolicy, account }: Options, command: Command) =>
    print(keyPolicy === undefined ? undefined : keyPolicyIn(keyPolicy, account, command)),
  )
  .parseAsync();

function keyPolicyIn(
  file: string,
  account: string | undefined,
  command: Command,
): NonNullable<Variant['keyPolicy']> {
  const refuse = (message: string) => command.error(`error: ${message}`, { exitCode: 2 });
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    refuse('--account takes the twelve digits of an AWS account');
  }
  try {
    return readKeyPolicy(readFileSync(file, 'utf8'), account, accountId);
  } catch (error) {
    if (error instanceof KeyPolicyError || (error instanceof Error && 'syscall' in error)) {
      return refuse(`--key-policy ${file}: ${error.message}`);
    }
    throw error;
  }
}

/** The deployment that a key policy was made for, as far as it tells. */
function variantOf(keyPolicy: NonNullable<Variant['keyPolicy']>): Variant {
  return {
    existingKey: true,
    keyPolicy,
    lockdown: hasStatement(keyPolicy, 'OnlyKeepersChangeKey'),
    fileReaders: hasStatement(keyPolicy, 'ReadersDecrypt'),
  };
}

async function print(keyPolicy: Variant['keyPolicy']): Promise<void> {
  const plain = await evaluateMatrix();
  for (const row of plain.rows) {
    write(line(plain, row));
  }
  describeFaults(plain).forEach(write);
  const matrices = [plain];
  const variants: readonly (readonly [title: string, variant: Variant])[] = [
    ['With lockdown', { lockdown: true }],
    ['With an encryption key of the deployer’s, whose policy has the statements', { existingKey: true }],
    ['After changes of keys', { changedKeys: true }],
    ['With locked versions', { objectLock: true }],
    ['With cluster certificates beside IAM, for prod', { clusterCertificate: true }],
    ['With a network, its endpoints, a trail, and what services call', { network: true }],
    ['With a replica in a second region', { replica: true }],
    ['After changes of keys, of which one is the deployer’s', { changedKeys: true, existingKey: true }],
    ['After changes of keys, and with a replica', { changedKeys: true, replica: true }],
    [
      'With a replica of locked versions, lockdown, and cluster certificates',
      { replica: true, objectLock: true, lockdown: true, clusterCertificate: true },
    ],
    [
      'With a replica of what is encrypted with a key of the deployer’s',
      { replica: true, existingKey: true },
    ],
    ...(keyPolicy === undefined
      ? []
      : ([['With the policy of your encryption key', variantOf(keyPolicy)]] as const)),
  ];
  for (const [title, variant] of variants) {
    const matrix = await evaluateMatrix(matrixTemplate(variant), variant);
    matrices.push(matrix);
    writeVariant(title, matrix, plain);
  }
  const sum = (count: (matrix: Matrix) => number) =>
    matrices.reduce((total, matrix) => total + count(matrix), 0);
  const faults = sum((matrix) => describeFaults(matrix).length);
  write(
    `${sum(({ rows }) => rows.length)} rows, ${sum(({ cells }) => cells.length)} decisions, ${faults} unexpected`,
  );
  process.exitCode = faults === 0 ? 0 : 1;
}

function writeVariant(title: string, matrix: Matrix, plain: Matrix): void {
  const known = new Set(plain.rows.map((row) => line(plain, row)));
  const other = matrix.rows.filter((row) => !known.has(line(matrix, row)));
  write(`\n${title}: ${matrix.rows.length} rows, ${other.length === 0 ? 'all as above' : 'as above, but'}`);
  for (const row of other) {
    write(line(matrix, row));
  }
  describeFaults(matrix).forEach(write);
}

function line({ cells }: Matrix, row: MatrixRow): string {
  const allowed = cells.filter((cell) => cell.row === row && cell.allowed).map(({ principal }) => principal);
  const what = `${row.action}  ${row.resource}${row.when === '' ? '' : ` (${row.when})`}`;
  return `${what.padEnd(92)}  ${allowed.length === 0 ? 'nobody' : allowed.join(', ')}`;
}

function describeFaults({ unexpected, ignoredKeys, misspellings, keyPolicyFaults }: Matrix): string[] {
  return [
    ...unexpected.map(
      ({ row, principal, expected, reason }) =>
        `UNEXPECTED: ${principal} ${expected ? 'is refused' : 'is allowed'} ${row.action} on ${row.resource} ${row.when}: ${reason}`,
    ),
    ...ignoredKeys.map((key) => `IGNORED KEY: ${key}`),
    ...misspellings.map((misspelling) => `THERE IS NO ${misspelling}`),
    ...keyPolicyFaults.map((fault) => `KEY POLICY: ${fault}`),
  ];
}
