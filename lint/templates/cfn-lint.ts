/** cfn-lint, the linter of AWS's CloudFormation team: a Python program, used where there is one. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import type { NamedTemplates } from './deployments.ts';

interface Exception {
  readonly rule: string;
  /** Where. @default everywhere */
  readonly place?: RegExp;
  readonly reason: string;
  /** Whether only versions of cfn-lint that are not the newest find it. @default false */
  readonly isOfOldVersions?: boolean;
}

/** What it finds and we leave. */
export const exceptions: readonly Exception[] = [
  {
    rule: 'W3005',
    reason:
      'CDK lists the dependencies of a construct beside the references that imply them. It says twice what is true.',
  },
  {
    rule: 'E3002',
    place: /^Resources\/\w*OperationsDashboard\w+\/Properties\/Tags$/,
    reason: 'AWS has added tags of dashboards. Seen in 1.51.0; 1.58.0 knows them.',
    isOfOldVersions: true,
  },
];

const matchesSchema = v.array(
  v.object({
    Rule: v.object({ Id: v.string() }),
    Message: v.string(),
    Filename: v.string(),
    Location: v.object({ Path: v.nullish(v.array(v.union([v.string(), v.number()])), []) }),
  }),
);

export interface CfnLintResult {
  readonly version: string;
  /** A sentence for each finding without a reason to leave it. */
  readonly findings: readonly string[];
  /** Rules of `exceptions` that found nothing, and should have. */
  readonly needless: readonly string[];
}

/**
 * Lets cfn-lint look at the templates, which takes it some seconds for each.
 *
 * @param command a program, for example `cfn-lint`
 * @returns undefined where there is no such program
 * @throws Error when it cannot read a template, or answers as nobody expects
 */
export function runCfnLint(command: string, templates: NamedTemplates): CfnLintResult | undefined {
  const { error, stdout: version } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  if (error !== undefined) {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-cfn-lint-'));
  try {
    const names = new Map([...templates.keys()].map((name, index) => [join(folder, `${index}.json`), name]));
    for (const [file, name] of names) {
      writeFileSync(file, JSON.stringify(templates.get(name)));
    }
    const { stdout, stderr } = spawnSync(command, ['--format', 'json', '--', ...names.keys()], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const found = v
      .parse(matchesSchema, parseAnswer(stdout, stderr))
      .map(({ Rule, Message, Filename, Location }) => ({
        rule: Rule.Id,
        message: Message,
        name: names.get(Filename) ?? Filename,
        place: Location.Path?.join('/') ?? '',
      }));
    const isMeant = ({ rule, place }: Exception, each: (typeof found)[number]) =>
      each.rule === rule && (place?.test(each.place) ?? true);
    return {
      version: version.trim(),
      findings: found
        .filter((each) => !exceptions.some((exception) => isMeant(exception, each)))
        .map(({ rule, message, name, place }) => `${name}: ${place}: ${message} [cfn-lint ${rule}]`),
      needless: exceptions
        .filter((exception) => !exception.isOfOldVersions && !found.some((each) => isMeant(exception, each)))
        .map(({ rule }) => rule),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parseAnswer(stdout: string, stderr: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`cfn-lint did not answer in JSON. It said: ${(stderr || stdout).slice(0, 1000)}`);
  }
}
