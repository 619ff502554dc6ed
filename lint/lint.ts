/**
 * `npm run lint` after Biome: the floors of the house, references that lead nowhere, and the width of
 * comments.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../build/project-root.ts';
import allowances from './allowances.json' with { type: 'json' };
import { beyondAllowances } from './allowances.ts';
import { checkCommentWidth } from './comment-width.ts';
import { checkFloors } from './floors.ts';
import { checkReferences, type SourceFiles } from './references.ts';

/** What git has or would take; never what it ignores. */
function sourceFiles(): SourceFiles {
  const paths = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: projectRoot,
    encoding: 'utf8',
  })
    .split('\n')
    // The tests of lint/ name what is not there.
    .filter(
      (path) =>
        /\.(ts|mjs|sh|md|ya?ml|env|service)$|(^|\/)Dockerfile$/.test(path) &&
        !/^test\/(fixtures|lint)\//.test(path) &&
        existsSync(join(projectRoot, path)),
    );
  return new Map(paths.map((path) => [path, readFileSync(join(projectRoot, path), 'utf8')]));
}

const files = sourceFiles();
const findings = [
  ...checkFloors(projectRoot),
  ...checkReferences(files, projectRoot),
  ...checkCommentWidth(files),
];
const { broken, tooLarge } = beyondAllowances(findings, allowances);
for (const { rule, file, line, message } of broken) {
  process.stdout.write(`${file}${line === undefined ? '' : `:${line}`} ${message} [${rule}]\n`);
}
for (const sentence of tooLarge) {
  process.stdout.write(`${sentence}\n`);
}
const faults = broken.length + tooLarge.length;
process.stdout.write(`${files.size} files, ${faults === 0 ? 'nothing' : faults} to mend\n`);
process.exitCode = faults === 0 ? 0 : 1;
