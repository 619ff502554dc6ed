import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { ApiPackage } from '@microsoft/api-extractor-model';
import tsconfig from '../tsconfig.json' with { type: 'json' };
import { projectRoot } from './project-root.ts';

const run = promisify(execFile);

/** What an app that uses the constructs can see of them. */
export interface Declarations {
  /** One file of types, which imports CDK and nothing else. */
  readonly types: string;
  /** The same with its comments, as API Extractor reads it. */
  readonly api: ApiPackage;
}

/** Thrown where something that lib/index.ts exports needs a type that it does not export. */
export class UnexportedTypeError extends Error {
  override readonly name = 'UnexportedTypeError';
}

/**
 * Makes the types of the package: the compiler writes them, without what is marked `@internal`, and API
 * Extractor puts into one file what lib/index.ts leads to.
 *
 * @throws UnexportedTypeError
 */
export async function makeDeclarations(): Promise<Declarations> {
  await mkdir(join(projectRoot, 'dist'), { recursive: true });
  // Inside the repository, where the packages that they import are found.
  const folder = await mkdtemp(join(projectRoot, 'dist/.declarations-'));
  try {
    await compile(folder);
    const [types, api] = [join(folder, 'rolled-up.d.ts'), join(folder, 'api.json')];
    extract(folder, types, api);
    return { types: await readFile(types, 'utf8'), api: ApiPackage.loadFromJsonFile(api) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compile(folder: string): Promise<void> {
  const settings = join(folder, 'tsconfig.json');
  await writeFile(
    settings,
    JSON.stringify({
      extends: join(projectRoot, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        stripInternal: true,
        rootDir: projectRoot,
        outDir: folder,
      },
      include: [],
      files: [join(projectRoot, 'lib/index.ts')],
    }),
  );
  await run(process.execPath, [join(projectRoot, 'node_modules/typescript/bin/tsc'), '-p', settings]);
}

function extract(folder: string, untrimmedFilePath: string, apiJsonFilePath: string): void {
  const mainEntryPointFilePath = join(folder, 'lib/index.d.ts');
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(projectRoot, 'package.json'),
    configObject: {
      projectFolder: projectRoot,
      mainEntryPointFilePath,
      compiler: {
        overrideTsconfig: {
          compilerOptions: tsconfig.compilerOptions,
          include: [],
          files: [mainEntryPointFilePath],
        },
      },
      apiReport: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath },
      dtsRollup: { enabled: true, untrimmedFilePath },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None },
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Error },
        },
        // Comments are written for people, and need not be TSDoc throughout.
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  const forgotten: string[] = [];
  Extractor.invoke(config, {
    messageCallback: (message) => {
      message.handled = true;
      if (message.logLevel === ExtractorLogLevel.Error) {
        forgotten.push(message.text);
      }
    },
  });
  if (forgotten.length > 0) {
    throw new UnexportedTypeError(
      `what the package exports leads to what it does not export. Export it in lib/index.ts, or mark what leads there @internal:\n${forgotten.map((text) => `- ${text}`).join('\n')}`,
    );
  }
}
