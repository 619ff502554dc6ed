import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';
import { readCdkContext } from '../../template/cdk-context.ts';

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
}

interface Ended extends Outcome {
  readonly stdout: string;
}

// Jest’s own loader is nothing for a child.
export const { NODE_OPTIONS: _, ...inherited } = process.env;

/** Runs a command in the project's folder to its end. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', failed).on('close', (code) => done({ code, stdout, stderr }));
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

const outcomes = v.array(v.object({ code: v.number(), stderr: v.string() }));

/**
 * Runs apps one after another as the CDK's command line does, without bundles. They share a process, because
 * starting the engine of the template rules takes longer than an app.
 *
 * @returns how each of them ended, as if it had had the process for itself
 */
export async function runApps(...apps: readonly ChildApp[]): Promise<readonly Outcome[]> {
  const steps = apps.map(({ app, settings, context, output }) => {
    const flags = readCdkContext(settings);
    const variables = {
      CDK_OUTDIR: output,
      CDK_CONTEXT_JSON: JSON.stringify({ ...flags, 'aws:cdk:disable-asset-staging': true, ...context }),
    };
    return { variables, module: pathToFileURL(app).href };
  });
  // An app reads its variables when it is made, and is synthesized when there is nothing else to do.
  const script = `
    const outcomes = [];
    let stderr = '';
    process.stderr.write = (text) => (stderr += text) !== '';
    for (const { variables, module } of ${JSON.stringify(steps)}) {
      Object.assign(process.env, variables);
      try {
        await import(module);
        process.emit('beforeExit', 0);
      } catch (error) {
        process.stderr.write(String(error.stack));
        process.exitCode = 1;
      }
      outcomes.push({ code: process.exitCode ?? 0, stderr });
      process.exitCode = undefined;
      stderr = '';
    }
    process.stdout.write('\\n' + JSON.stringify(outcomes));`;
  const ended = await run(
    process.execPath,
    ['--import', loader, '--input-type=module', '--eval', script],
    inherited,
  );
  if (ended.code !== 0) {
    throw new Error(`the apps ended with ${ended.code}: ${ended.stderr}`);
  }
  return v.parse(outcomes, JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? ''));
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
