import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { selectBundled } from '../../build/bill-of-materials.ts';
import { tableOf } from '../docs/markdown.ts';

const contributing = readFileSync('CONTRIBUTING.md', 'utf8');
const { devDependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const names = Object.keys(devDependencies);

/** As far as it is read, of a package in the lock file. */
interface Installed {
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
  /** Whether it comes in the file of another one, whose hash has it too. */
  readonly inBundle?: boolean;
}

const installed = Object.entries<Installed>(
  JSON.parse(readFileSync('package-lock.json', 'utf8')).packages,
).filter(([path]) => path !== '');

describe('the packages that the repository needs', () => {
  it('are counted and have a reason in CONTRIBUTING.md, each once', () => {
    const reasons = tableOf('CONTRIBUTING.md', ['packages', 'why']);
    const listed = reasons.flatMap(([packages = '']) =>
      [...packages.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );

    expect([...listed].sort()).toEqual([...names].sort());
    expect(contributing).toContain(`${names.length} packages, each pinned exactly`);
    expect(reasons.filter(([, why]) => why === '')).toEqual([]);
  });

  it('are pinned exactly, and come from the registry of npm with a hash', () => {
    const loose = Object.entries<string>(devDependencies).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );

    expect(loose).toEqual([]);
    expect(Object.keys(peerDependencies).filter((name) => !names.includes(name))).toEqual([]);
    // npm takes them from the registry that it is set to, and by these from nowhere else.
    const odd = installed.filter(
      ([, { integrity = '', resolved = 'https://registry.npmjs.org/', inBundle, link }]) =>
        link === true ||
        !resolved.startsWith('https://registry.npmjs.org/') ||
        (inBundle !== true && !integrity.startsWith('sha512-')),
    );
    expect(odd.map(([path]) => path)).toEqual([]);
  });

  it('are with all that they need no more than CONTRIBUTING.md says', () => {
    const most = Number(/there are at most (\d+)\./.exec(contributing)?.[1]);

    expect(installed.length).toBeLessThanOrEqual(most);
    expect(installed.length).toBeGreaterThan(most - 100);
  });

  it.each(['.ci/run', '.ci/nightly'])('run nothing of their own when %s installs them', (script) => {
    const installs = readFileSync(script, 'utf8').match(/npm ci.*/g);

    expect(installs).toEqual([expect.stringContaining('--ignore-scripts')]);
  });

  // What is bundled has a list of its own, which is shorter: build/third-party-licenses.ts.
  it('have licences that may be used here, and tools alone have others', () => {
    const free = /^\(?(0BSD|Apache-2\.0|BlueOak-1\.0\.0|BSD-[23]-Clause|CC0-1\.0|ISC|MIT|MIT-0)\b/;
    const others = installed
      .filter(([, { license = 'none' }]) => !free.test(license))
      .map(
        ([path, { license, dev }]) =>
          `${path.replace(/^.*node_modules\//, '')} ${license}${dev === true ? '' : ', not a tool'}`,
      );

    expect(others.sort()).toEqual([
      '@cloud-copilot/iam-policy AGPL-3.0-or-later',
      '@cloud-copilot/iam-simulate AGPL-3.0-or-later',
      '@cloud-copilot/iam-utils AGPL-3.0-or-later',
      'axe-core MPL-2.0',
      'caniuse-lite CC-BY-4.0',
    ]);
  });

  it('are updated a week after their publication, and two weeks where much may change', () => {
    const { updates } = parse(readFileSync('.github/dependabot.yml', 'utf8'));

    expect(updates).toMatchObject([
      { 'package-ecosystem': 'npm', cooldown: { 'default-days': 7, 'semver-major-days': 14 } },
      { 'package-ecosystem': 'github-actions', cooldown: { 'default-days': 7 } },
    ]);
  });
});

describe('the list of what is bundled', () => {
  const component = (name: string, version: string) => ({
    'bom-ref': `${name}@${version}`,
    ...{
      name,
      version,
      scope: 'optional',
      properties: [{ name: 'cdx:npm:package:development', value: 'true' }],
    },
  });
  const all = {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber: 'urn:uuid:of-this-build' },
    metadata: { timestamp: 'now', component: { 'bom-ref': 'kong-lifeboat@0.1.0', name: 'folder' } },
    components: [
      component('one', '1.0.0'),
      component('one', '2.0.0'),
      component('tool', '1.0.0'),
      component('two', '1.0.0'),
    ],
    dependencies: [
      { ref: 'kong-lifeboat@0.1.0', dependsOn: ['tool@1.0.0', 'two@1.0.0'] },
      { ref: 'two@1.0.0', dependsOn: ['one@2.0.0', 'tool@1.0.0'] },
      { ref: 'two@1.0.0', dependsOn: ['one@2.0.0', 'tool@1.0.0'] },
      { ref: 'tool@1.0.0', dependsOn: [] },
    ],
  };
  const party = (name: string, version: string) => ({ name, version, license: 'MIT', texts: [] });

  it('has that alone, and nothing that differs from build to build', () => {
    const selected = selectBundled(all, [party('one', '2.0.0'), party('two', '1.0.0')]);

    expect(JSON.parse(JSON.stringify(selected))).toEqual({
      ...{ bomFormat: 'CycloneDX', specVersion: '1.5' },
      metadata: { component: { 'bom-ref': 'kong-lifeboat@0.1.0', name: 'kong-lifeboat' } },
      components: [
        { 'bom-ref': 'one@2.0.0', name: 'one', version: '2.0.0', scope: 'required' },
        { 'bom-ref': 'two@1.0.0', name: 'two', version: '1.0.0', scope: 'required' },
      ],
      dependencies: [
        { ref: 'kong-lifeboat@0.1.0', dependsOn: ['one@2.0.0', 'two@1.0.0'] },
        { ref: 'two@1.0.0', dependsOn: ['one@2.0.0'] },
      ],
    });
  });

  it('is refused with a package that the lock file does not have', () => {
    expect(() => selectBundled(all, [party('one', '3.0.0')])).toThrow(
      'one 3.0.0 is bundled, and package-lock.json does not have it: run npm ci',
    );
  });
});

describe('the check of signatures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-signatures-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['passes where all are signed', 'audited 582 packages', 0, {}, 0, /audited/],
    ['says that it could not try', 'npm error code ENOTFOUND', 1, {}, 0, /NOT TRIED: no signature/],
    [
      'must be able to try on GitHub',
      'npm error code ENOTFOUND',
      1,
      { GITHUB_ACTIONS: 'true' },
      1,
      /ENOTFOUND/,
    ],
    ['fails for one that is wrong', '1 package has an invalid registry signature', 1, {}, 1, /invalid/],
  ])('%s', (_what, says, ends, environment, status, words) => {
    const npm = join(folder, 'npm');
    writeFileSync(npm, `#!/bin/sh\n[ "$1" = audit ] || exit 0\necho '${says}' >&2\nexit ${ends}\n`);
    chmodSync(npm, 0o755);

    const ended = spawnSync('.ci/audit-signatures', {
      env: { PATH: `${folder}:${process.env['PATH']}`, ...environment },
      encoding: 'utf8',
    });

    expect(ended.status).toBe(status);
    expect(ended.stdout + ended.stderr).toMatch(words);
  });
});
