import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { projectRoot } from '../../build/project-root.ts';
import { credentialVariables } from '../../simulators/aws/identities.ts';
import type { LocalSystem } from '../local-system.ts';

const run = promisify(execFile);

export interface FetchedFile {
  readonly file: string;
  readonly sha256: string;
  readonly revision: number;
}

/** Runs `lifeboat fetch` in a process of its own, as a person or a boot script would. */
export async function fetchAsNewDataPlane(
  system: LocalSystem,
  controlPlane: string,
  kongVersion: string,
  publicKeyFile: string,
  output: string,
): Promise<FetchedFile> {
  const { stdout } = await run(
    process.execPath,
    [
      ...['--import', 'tsx', join(projectRoot, 'cli/lifeboat.ts'), 'fetch', '--json'],
      ...['--control-plane', controlPlane, '--kong-version', kongVersion, '--endpoint', system.apiUrl],
      ...['--public-key', publicKeyFile, '--output', output],
    ],
    {
      cwd: projectRoot,
      // As on a data plane's host: its role's credentials, and nothing of ours.
      env: {
        PATH: process.env['PATH'] ?? '',
        AWS_REGION: system.region,
        ...credentialVariables(system.dataPlane),
      },
    },
  );
  return JSON.parse(stdout) as FetchedFile;
}

/** Whether the file holds exactly this config table, the comment aside. */
export async function holdsTable(file: string, table: object): Promise<boolean> {
  const { _comment, ...content } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  return typeof _comment === 'string' && isDeepStrictEqual(content, JSON.parse(JSON.stringify(table)));
}
