import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const cdkJson = v.object({ context: v.record(v.string(), v.unknown()) });

export interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
}

// Jest’s own loader is nothing for a child.
export const { NODE_OPTIONS: _, ...inherited } = process.env;

/** Runs a command in the project's folder to its end. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', failed).on('close', (code) => done({ code, stderr }));
  });
}

export interface ChildApp {
  /** Its module. */
  readonly app: string;
  /** Its cdk.json, with the flags. */
  readonly settings: string;
  /** What else its context has. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Folder for what it synthesizes. */
  readonly output: string;
}

/**
 * Runs apps as the CDK's command line does, without bundles. They share a process, because starting the
 * engine of the template rules takes longer than an app.
 */
export async function runApps(...apps: readonly ChildApp[]): Promise<Outcome> {
  const steps = apps.map(async ({ app, settings, context, output }) => {
    const { context: flags } = v.parse(cdkJson, JSON.parse(await readFile(settings, 'utf8')));
    const variables = {
      CDK_OUTDIR: output,
      CDK_CONTEXT_JSON: JSON.stringify({ ...flags, 'aws:cdk:disable-asset-staging': true, ...context }),
    };
    // An app reads them when it is made, and is synthesized when there is nothing else to do.
    return `Object.assign(process.env, ${JSON.stringify(variables)}); await import(${JSON.stringify(pathToFileURL(app).href)});`;
  });
  const script = (await Promise.all(steps)).join('\n');
  return run(process.execPath, ['--import', loader, '--input-type=module', '--eval', script], inherited);
}

const validationReport = v.object({
  pluginReports: v.array(
    v.object({
      violations: v.array(
        v.object({
          ruleName: v.string(),
          violatingConstructs: v.array(v.object({ constructPath: v.string() })),
        }),
      ),
    }),
  ),
});

/** What cdk-nag and the template's own rules found and nobody acknowledged: rule and construct. */
export async function violations(output: string): Promise<readonly string[]> {
  const report: unknown = JSON.parse(await readFile(`${output}/validation-report.json`, 'utf8'));
  return v
    .parse(validationReport, report)
    .pluginReports.flatMap((plugin) => plugin.violations)
    .flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => `${ruleName} ${constructPath}`),
    );
}
