import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../../lint/finding.ts';
import { checkFloors } from '../../lint/floors.ts';

/**
 * What is found among files that import these files, by path. `type` before a path makes it an import of a
 * type.
 */
function findingsOf(imports: Readonly<Record<string, readonly string[]>>): readonly Finding[] {
  const root = mkdtempSync(join(tmpdir(), 'lifeboat-floors-test-'));
  try {
    const paths = Object.entries(imports).flatMap(([from, to]) => [
      from,
      ...to.map((path) => path.replace(/^type /, '')),
    ]);
    for (const path of new Set(paths)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), (imports[path] ?? []).map((to) => importOf(path, to)).join('\n'));
    }
    return checkFloors(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function importOf(from: string, to: string): string {
  if (to.startsWith('node_modules/')) {
    return `import '${dirname(to).replace('node_modules/', '')}';`;
  }
  const up = '../'.repeat(from.split('/').length - 1);
  return to.startsWith('type ')
    ? `import type { A } from '${up}${to.replace('type ', '')}';`
    : `import '${up}${to}';`;
}

const refused: readonly (readonly [from: string, to: string, rule: string])[] = [
  ['core/kong/a.ts', 'lambdas/a.ts', 'floors'],
  ['core/kong/a.ts', 'type lib/settings/a.ts', 'floors'],
  ['lambdas/a.ts', 'lib/settings/a.ts', 'floors'],
  ['lib/settings/a.ts', 'simulators/aws/a.ts', 'floors'],
  ['simulators/aws/a.ts', 'simulators/kong/a.ts', 'floors'],
  ['simulators/aws/a.ts', 'template/a.ts', 'floors'],
  ['template/a.ts', 'policy/a.ts', 'floors'],
  ['policy/a.ts', 'local/a.ts', 'floors'],
  ['local/a.ts', 'bench/a.ts', 'floors'],
  ['core/kong/a.ts', 'core/vault/a.ts', 'rooms-of-core'],
  ['core/clock.ts', 'core/kong/a.ts', 'rooms-of-core'],
  ['lib/settings/a.ts', 'lib/api/a.ts', 'rooms-of-lib'],
  ['lib/replica/a.ts', 'lib/index.ts', 'rooms-of-lib'],
  ['lib/export/a.ts', 'lambdas/export.ts', 'lib-names-entries'],
  ['cli/a.ts', 'lib/settings/a.ts', 'cli-uses-core'],
  ['bench/a.ts', 'test/a.ts', 'tests-are-for-tests'],
  ['local/a.ts', 'node_modules/@cloud-copilot/iam-simulate/index.js', 'package @cloud-copilot/'],
  ['core/kong/a.ts', 'node_modules/aws-cdk-lib/index.js', 'package aws-cdk-lib/'],
  ['core/vault/a.ts', 'node_modules/@aws-sdk/client-s3/index.js', 'package @aws-sdk/client-s3/'],
  ['lambdas/presign.ts', 'node_modules/@aws-sdk/client-kms/index.js', 'package @aws-sdk/client-kms/'],
];

describe('the floors', () => {
  const importsOf = (file: string) => refused.filter(([from]) => from === file).map(([, to]) => to);
  const found = findingsOf(Object.fromEntries(refused.map(([from]) => [from, importsOf(from)])));

  it('let everybody import what stands below', () => {
    const fine = findingsOf({
      'local/a.ts': ['policy/a.ts', 'simulators/kong/a.ts'],
      'policy/a.ts': ['template/a.ts'],
      'template/a.ts': ['lib/replica/a.ts', 'simulators/aws/a.ts'],
      'simulators/kong/a.ts': ['simulators/aws/a.ts', 'core/kong/a.ts'],
      'lib/replica/a.ts': ['lib/settings/a.ts', 'lambdas/environment/a.ts', 'lambdas/telemetry.ts'],
      'lambdas/export.ts': ['core/export/a.ts', 'node_modules/@aws-sdk/client-sqs/index.js'],
      'lambdas/vault-connection.ts': ['node_modules/@aws-sdk/client-s3/index.js'],
      'core/standby/a.ts': ['core/fetch/a.ts', 'core/kong/a.ts', 'core/clock.ts'],
      'core/vault/s3-vault.ts': ['node_modules/@aws-sdk/client-s3/index.js'],
      'cli/a.ts': ['core/standby/a.ts'],
      'test/core/a.ts': ['test/core/b.ts', 'local/a.ts', 'bench/a.ts'],
    });

    expect(fine).toEqual([]);
  });

  it.each(refused)('refuse %s an import of %s', (from, to, rule) => {
    const what = to.replace(/^type /, '').replace(/^node_modules\//, '');

    expect(found).toContainEqual({ rule, file: from, message: expect.stringContaining(`imports ${what}: `) });
  });

  it('find nothing else', () => {
    expect(found).toHaveLength(refused.length);
  });

  it('refuse a circle, one of types included', () => {
    const circle = findingsOf({
      'core/kong/a.ts': ['core/kong/b.ts'],
      'core/kong/b.ts': ['type core/kong/a.ts'],
    });

    expect(circle.map(({ rule, file }) => `${file} ${rule}`)).toEqual(['core/kong/a.ts no-circle']);
  });
});
