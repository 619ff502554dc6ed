import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../build/project-root.ts';
import { processes } from '../../local/processes.ts';

/** A type of Kubernetes' API, as TypeScript names it in kubernetes-types, and a value that is to be one. */
export interface Claim {
  /** For example `apps/v1`. */
  readonly module: string;
  readonly type: string;
  readonly value: unknown;
}

/**
 * What the compiler has against the values: a field that the API does not have, a missing one, a wrong type.
 * Kubernetes' own JSON schemas let unknown fields pass.
 */
export async function typeErrors(claims: readonly Claim[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-types-'));
  const children = processes();
  try {
    const lines = claims.map(({ module, type, value }, index) => {
      const file = join(projectRoot, 'node_modules/kubernetes-types', `${module}.d.ts`);
      return `export const value${index}: import(${JSON.stringify(file)}).${type} = ${JSON.stringify(value, undefined, 2)};`;
    });
    const source = join(folder, 'claims.ts');
    await writeFile(source, `${lines.join('\n')}\n`);
    const tsc = join(projectRoot, 'node_modules/.bin/tsc');
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--types', ''];
    const { exitCode, stdout, stderr } = await children.run(tsc, [...flags, source]);
    return exitCode === 0 ? '' : `${stdout}${stderr}`.replaceAll(folder, '');
  } finally {
    await rm(folder, { recursive: true });
  }
}
