import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const { dependencies, devDependencies, engines, peerDependencies, scripts } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);

/** Whether a version is in a range such as `^2.276.0`: equal or newer, and of the same major version. */
function isInRange(version: string, range: string): boolean {
  const [given, least] = [version, range.replace(/^\^/, '')].map((each) => each.split('.').map(Number));
  const differs = given?.findIndex((part, index) => part !== least?.[index]) ?? -1;
  return given?.[0] === least?.[0] && (differs === -1 || (given?.[differs] ?? 0) > (least?.[differs] ?? 0));
}

describe('what the package asks of an app', () => {
  it('is CDK, which app and constructs must share, and no other package: the bundles hold the rest', () => {
    expect(dependencies).toBeUndefined();
    expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
  });

  it.each(Object.entries<string>(peerDependencies))('is what it is tested with: %s %s', (name, range) => {
    expect(isInRange(devDependencies[name], range)).toBe(true);
  });

  it('runs nothing while it is installed', () => {
    const atInstall = ['preinstall', 'install', 'postinstall', 'prepare'];

    expect(atInstall.filter((name) => name in scripts)).toEqual([]);
  });

  it('is the Node that the bundles are made for', () => {
    expect(engines).toEqual({ node: '>=20.18.0' });
  });
});
