import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createApp,
  nodeVersions,
  pack,
  pnpm,
  reachesRegistry,
  readApiPages,
  readReadme,
  readTemplate,
  runIn,
  synthesizeBy,
  synthesizeCheckout,
} from './user-app.ts';

const isOnline = await reachesRegistry();
if (!isOnline) {
  process.stderr.write(
    '\nNOT TRIED: the package was not installed anywhere, because the registry of npm was not reached.\n',
  );
}

let folder: string;
let packed: Awaited<ReturnType<typeof pack>>;
let checkout: unknown;
let pagesBefore: ReadonlyMap<string, string>;
let pagesAfter: ReadonlyMap<string, string>;
const appOf = (manager: string) => join(folder, manager, 'gateway');

const npmInstall = ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
// `LIFEBOAT_TEST_PACKAGE=npm`: what a change must not break, in less time. The rest is for the night.
const isShort = process.env['LIFEBOAT_TEST_PACKAGE'] === 'npm';
const managers = (
  [
    ['npm', npmInstall],
    ['pnpm', ['../../pnpm-itself/node_modules/.bin/pnpm', 'add', '--ignore-scripts']],
  ] as const
).filter(([name]) => name === 'npm' || !isShort);
const triedNodes = isShort ? nodeVersions.slice(0, 1) : nodeVersions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-package-'));
  await Promise.all(managers.map(([manager]) => createApp(appOf(manager))));
  pagesBefore = await readApiPages();
  packed = await pack(folder);
  pagesAfter = await readApiPages();
  if (!isOnline) {
    return;
  }
  // Node itself, too, as npm has it.
  const platform = `node-${process.platform}-${process.arch}`;
  const nodes = triedNodes.map((version) => `node${version}@npm:${platform}@${version}`);
  await Promise.all([
    runIn(folder, [...npmInstall, '--prefix', 'nodes', ...nodes]),
    ...(isShort ? [] : [runIn(folder, [...npmInstall, '--prefix', 'pnpm-itself', pnpm])]),
  ]);
  [checkout] = await Promise.all([
    synthesizeCheckout(appOf('npm'), join(folder, 'checkout')),
    ...managers.map(([manager, install]) => runIn(appOf(manager), [...install, packed.file])),
  ]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('docs/api', () => {
  it('is what the comments in lib/ say: `npm run docs:api` writes it', () => {
    expect(pagesBefore).toEqual(pagesAfter);
    expect(pagesAfter.size).toBeGreaterThan(20);
  });
});

describe('the packed file', () => {
  it('has what an app needs, and nothing else', () => {
    const expected = [
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
      /^docs\/(api\/)?[\w-]+\.(md|svg|png)$/,
      /^dist\/functions\/(webhook|export|presign|inspect|listen)\/index\.mjs$/,
      /^dist\/source-maps\/(webhook|export|presign|inspect|listen)\.mjs\.map$/,
      /^dist\/source-maps\/lifeboat\.cjs\.map$/,
      /^dist\/lib\/index\.(cjs|d\.cts)$/,
      /^dist\/(lifeboat\.cjs|THIRD-PARTY-LICENSES\.txt|sbom\.cdx\.json)$/,
    ];

    const matched = (pattern: RegExp) => packed.paths.filter((path) => pattern.test(path)).length;
    expect(packed.paths.filter((path) => !expected.some((pattern) => pattern.test(path)))).toEqual([]);
    expect(expected.map(matched)).toEqual([4, expect.any(Number), 5, 5, 1, 2, 3]);
  });

  it('has types that lead to CDK and nowhere else', async () => {
    const types = await readFile('dist/lib/index.d.cts', 'utf8');

    const modules = [...types.matchAll(/\b(?:from|import\(|require\()\s*'([^']+)'/g)].map(
      ([, name = '']) => name,
    );
    expect(modules.length).toBeGreaterThan(3);
    expect(modules.filter((name) => !/^(aws-cdk-lib(\/aws-[\w-]+)?|constructs)$/.test(name))).toEqual([]);
  });

  it('has source maps, with which the command of docs/operating.md finds a line of the sources', async () => {
    const [, command = ''] =
      /^node -e '\n([\s\S]+?)\n' node_modules\/kong-lifeboat\/dist\/source-maps\/export\.mjs\.map 24:1234$/m.exec(
        await readFile('docs/operating.md', 'utf8'),
      ) ?? [];
    const lines = (await readFile('dist/functions/export/index.mjs', 'utf8')).split('\n');
    const written = 'lifeboat-status+jwt';
    const line = lines.findIndex((text) => text.includes(written));

    const said = await runIn('.', [
      process.execPath,
      ...['--eval', command, 'dist/source-maps/export.mjs.map'],
      `${line + 1}:${(lines[line]?.indexOf(written) ?? 0) + 1}`,
    ]);

    const [, source = '', number = ''] = /^(.+):(\d+)$/.exec(said.trim()) ?? [];
    const [found] = (await readFile(source, 'utf8')).split('\n').slice(Number(number) - 1);
    expect(found).toContain(written);
  });

  it('names the licence of each package in it, none of which asks for the source', async () => {
    const text = await readFile('dist/THIRD-PARTY-LICENSES.txt', 'utf8');

    const named = [...text.matchAll(/^(@?[\w./-]+) \d+\.\d+\.\d+\S* \((.+)\)$/gm)].map(([, ...each]) => each);
    expect(named.map(([name]) => name)).toEqual(
      expect.arrayContaining(['@aws-sdk/client-s3', '@smithy/core', 'commander', 'jose', 'valibot', 'ws']),
    );
    expect([...new Set(named.map(([, license]) => license))].sort()).toEqual(['Apache-2.0', 'MIT', 'MIT-0']);
    expect(text).toContain('Permission is hereby granted, free of charge');
  });

  it('lists the same packages as an SBOM, each with its hash and licence, and what it needs of the others', async () => {
    const text = await readFile('dist/THIRD-PARTY-LICENSES.txt', 'utf8');
    const named = [...text.matchAll(/^(@?[\w./-]+) (\d+\.\d+\.\d+\S*) \(.+\)$/gm)];

    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    const { bomFormat, metadata, components, dependencies } = JSON.parse(
      await readFile('dist/sbom.cdx.json', 'utf8'),
    );

    const refs = components.map(({ 'bom-ref': ref }: Readonly<Record<string, string>>) => ref);
    expect([bomFormat, metadata.component.purl]).toEqual(['CycloneDX', `pkg:npm/kong-lifeboat@${version}`]);
    expect(refs).toEqual(expect.arrayContaining(named.map(([, name, version]) => `${name}@${version}`)));
    expect(refs).toHaveLength(named.length);
    for (const { purl, hashes, licenses } of components) {
      expect(purl).toMatch(/^pkg:npm\/.+@\d/);
      expect(hashes).toEqual([{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }]);
      expect(licenses[0].license.id).toMatch(/^(Apache-2\.0|MIT|MIT-0)$/);
    }
    const needed = dependencies.slice(1).flatMap(({ dependsOn }: { dependsOn: string[] }) => dependsOn);
    expect(needed.length).toBeGreaterThan(0);
    expect(needed.filter((ref: string) => !refs.includes(ref))).toEqual([]);
  });
});

(isOnline ? describe : describe.skip).each(managers.map(([manager]) => manager))(
  'an app that installs it with %s',
  (manager) => {
    const app = () => appOf(manager);

    it('runs the commands of the README, and has the template of the checkout', async () => {
      const { install: written, afterwards } = await readReadme();
      expect([written, ...afterwards]).toEqual([
        'npm install kong-lifeboat',
        'npx cdk synth --quiet',
        'npx lifeboat --help',
      ]);
      const [synth = '', help = ''] = afterwards;
      // As the other apps are run: without metadata, which CDK's command line adds.
      const bare = ['--no-path-metadata', '--no-asset-metadata', '--no-version-reporting'];

      // The rules for templates take their time, and once is enough.
      const variables = manager === 'npm' ? {} : { CDK_VALIDATION: 'false' };
      await runIn(app(), [...synth.split(' '), ...bare], variables);

      expect(await readTemplate(join(app(), 'cdk.out'))).toEqual(checkout);
      expect(await runIn(app(), help.split(' '))).toMatch(/^Usage: lifeboat /);
    });

    it.each([
      ['ES modules', ['npx', 'tsx', 'esm/app.ts']],
      ['plain JavaScript', [process.execPath, 'plain/app.js']],
    ])('has the same template where it is made of %s', async (kind, command) => {
      expect(await synthesizeBy(app(), command, join(app(), `of ${kind}`))).toEqual(checkout);
    });
  },
);

(isOnline ? describe : describe.skip)('the package', () => {
  it.each(triedNodes)('runs on Node %s', async (version) => {
    const node = join(folder, 'nodes/node_modules', `node${version}`, 'bin/node');
    const app = appOf('npm');

    const made = await synthesizeBy(app, [node, 'plain/app.js'], join(app, `of-node-${version}`));

    expect(await runIn(app, [node, '--version'])).toMatch(`v${version}`);
    expect(made).toEqual(checkout);
    const client = resolve(app, 'node_modules/kong-lifeboat/dist/lifeboat.cjs');
    expect(await runIn(app, [node, client, '--help'])).toMatch(/^Usage: lifeboat /);
  });
});
