/**
 * Who may import whom: the floors of the house, its rooms, and the packages that belong to some of them only.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ICruiseResult } from 'dependency-cruiser';
import { projectRoot } from '../build/project-root.ts';
import type { Finding } from './finding.ts';

/** From low to high: nothing imports what stands further down this list. */
const floors = [
  'core',
  'lambdas',
  'lib',
  'build',
  'simulators/aws',
  'simulators/kong',
  'template',
  'policy',
  'local',
];
/** Programs and tests. Nothing below imports them. */
const roof = ['cli', 'bench', 'bin', 'examples', 'life', 'lint', 'simulation', 'test'];

/** The folders of the root that have code. */
export const houses = [...new Set([...floors, ...roof].map((house) => house.split('/')[0] ?? house))];

const coreRooms = [
  'kong',
  'vault',
  'inspect',
  'access',
  'intake',
  'listen',
  'export',
  'fetch',
  'drill',
  'standby',
];
const libRooms = [
  'settings',
  'conventions',
  'functions',
  'vault',
  'api',
  'grants',
  'export',
  'inspection',
  'intake',
  'operations',
  'deployment',
  'replica',
];

interface Rule {
  readonly name: string;
  /** What to do about an import that breaks it. */
  readonly comment: string;
  readonly severity: 'error';
  readonly from: { readonly path?: string; readonly pathNot?: string[] };
  readonly to: {
    readonly path?: string;
    readonly pathNot?: string[];
    readonly circular?: boolean;
    readonly couldNotResolve?: boolean;
  };
}

const rules: readonly Rule[] = [
  rule({
    name: 'no-circle',
    comment: 'move what both need into a file of its own that imports neither',
    from: {},
    to: { circular: true },
  }),
  ...notUpwards('floors', floors, roof),
  ...notUpwards('rooms-of-core', ['[^/]+\\.ts$', ...coreRooms.map((room) => `${room}/`)], [], 'core/'),
  ...notUpwards('rooms-of-lib', [...libRooms.map((room) => `${room}/`), 'index\\.ts$'], [], 'lib/'),
  rule({
    name: 'lib-names-entries',
    comment: 'a construct takes the types of lambdas/environment and of lambdas/telemetry.ts, and no code',
    from: { path: '^lib/' },
    to: { path: '^lambdas/', pathNot: ['^lambdas/environment/', '^lambdas/telemetry\\.ts$'] },
  }),
  rule({
    name: 'cli-uses-core',
    comment: 'the client runs on a data plane: move what it needs into core/',
    from: { path: '^cli/' },
    to: { path: anyOf([...floors.slice(1), ...roof.filter((house) => house !== 'cli')]) },
  }),
  rule({
    name: 'not-resolved',
    comment: 'it is not found: correct the path, or add the package to package.json',
    from: {},
    to: { couldNotResolve: true },
  }),
  rule({
    name: 'tests-are-for-tests',
    comment: 'move what both need out of test/',
    from: { pathNot: ['^test/'] },
    to: { path: '^test/' },
  }),
  ...Object.entries({
    '@cloud-copilot/': [
      'only the IAM simulator and the proof decide about policies (AGPL: never at run time)',
      ['^simulators/aws/', '^policy/', '^test/'],
    ],
    'aws-cdk-lib/': [
      'core/, lambdas/ and cli/ know no CDK: describe the deployment in lib/',
      ['^lib/', '^template/', '^policy/', '^local/', '^bin/', '^bench/', '^examples/', '^life/', '^test/'],
    ],
    '(@types/aws-lambda|@aws-lambda-powertools)/': [
      'core/ and cli/ know no Lambda: keep events and telemetry in lambdas/',
      ['^lambdas/', '^simulators/aws/', '^local/', '^test/'],
    ],
    '@aws-cdk/(aws-service-spec|service-spec-types)/': [
      'what AWS says of resource types is asked by lint/ alone: no deployment depends on it',
      ['^lint/', '^test/'],
    ],
    'esbuild/': ['bundles are made in build/', ['^build/', '^test/']],
    '@microsoft/api-extractor': ['the types of the package are made in build/', ['^build/']],
    '@aws-sdk/client-s3/': client([
      '^core/vault/s3-',
      '^lambdas/vault-connection\\.ts$',
      '^simulation/(ports|real-time)/',
      '^local/',
    ]),
    '@aws-sdk/client-kms/': client([
      '^core/vault/kms-',
      '^lambdas/vault-connection\\.ts$',
      '^cli/public-key\\.ts$',
      '^simulation/real-time/',
      '^local/',
    ]),
    '@aws-sdk/client-sqs/': client([
      '^core/(intake|export)/sqs-',
      '^lambdas/(export|listen|queue|webhook)\\.ts$',
      '^simulators/aws/(event-source|scheduler)\\.ts$',
      '^simulation/(ports|real-time)/',
      '^local/',
    ]),
    '@aws-sdk/client-secrets-manager/': client([
      '^core/intake/secrets-manager-',
      '^core/export/(json|cluster-certificate|forward-proxy)-secret\\.ts$',
      '^cli/(certificate|hooks)/',
      '^lambdas/(export|listen|webhook|cluster-address)\\.ts$',
      '^simulation/(ports|real-time)/',
      '^local/',
    ]),
  } satisfies Readonly<Record<string, readonly [comment: string, allowed: string[]]>>).map(
    ([packages, [comment, allowed]]) =>
      rule({
        name: `package ${packages}`,
        comment,
        from: { pathNot: allowed },
        to: { path: `(^|/)node_modules/${packages}` },
      }),
  ),
];

const options = {
  parser: 'swc',
  // Types count: they tie files together as values do.
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  // As Node resolves an import; without it a package with `exports` is not found, and no rule would see it.
  enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
};

const cruiser = join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

function rule(described: Omit<Rule, 'severity'>): Rule {
  return { ...described, severity: 'error' };
}

function anyOf(folders: readonly string[]): string {
  return `^(${folders.join('|')})/`;
}

/** A rule for each place of a list: it imports nothing further down the list, nor any of `above`. */
function notUpwards(
  name: string,
  lowToHigh: readonly string[],
  above: readonly string[],
  under?: string,
): readonly Rule[] {
  return lowToHigh.flatMap((place, index) => {
    const higher = [...lowToHigh.slice(index + 1), ...above];
    const pathOf = (places: readonly string[]) =>
      under === undefined ? anyOf(places) : `^${under}(${places.join('|')})`;
    return higher.length === 0
      ? []
      : [
          rule({
            name,
            comment: `imports go down, never up (${lowToHigh.map(readable).join(' → ')}): move what it needs down, or pass it in`,
            from: { path: pathOf([place]) },
            to: { path: pathOf(higher) },
          }),
        ];
  });
}

function readable(place: string): string {
  return place.replace('[^/]+\\.ts$', 'its own files').replace('\\.ts$', '.ts').replace(/\/$/, '');
}

/**
 * An SDK client belongs to its adapters, whose names begin with the technology, and to the entries that make
 * it.
 */
function client(allowed: string[]): readonly [comment: string, allowed: string[]] {
  return [
    'only an adapter and the entry that makes the client import it: reach it through a port',
    [...allowed, '^bench/', '^life/', '^test/'],
  ];
}

/**
 * Finds imports that break a rule.
 *
 * @param root the folder that has core/, lib/ and so on
 */
export function checkFloors(root: string): readonly Finding[] {
  const configFolder = mkdtempSync(join(tmpdir(), 'lifeboat-floors-'));
  try {
    const config = join(configFolder, 'floors.json');
    writeFileSync(config, JSON.stringify({ forbidden: rules, options }));
    const result = spawnSync(
      process.execPath,
      [
        cruiser,
        '--config',
        config,
        '--output-type',
        'json',
        ...houses.filter((each) => existsSync(join(root, each))),
      ],
      { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 },
    );
    return violationsIn(result.stdout, result.stderr);
  } finally {
    rmSync(configFolder, { recursive: true });
  }
}

function violationsIn(output: string, errors: string): readonly Finding[] {
  if (!output.startsWith('{')) {
    throw new Error(`dependency-cruiser gave no result: ${errors || output}`);
  }
  const { summary } = JSON.parse(output) as ICruiseResult;
  return summary.violations.map(({ from, to, rule: broken, cycle }) => ({
    rule: broken.name,
    file: from,
    message:
      cycle === undefined
        ? `imports ${to.replace(/^.*node_modules\//, '')}: ${commentOf(broken.name)}`
        : `is in a circle, ${[from, ...cycle.map(({ name }) => name)].join(' → ')}: ${commentOf(broken.name)}`,
  }));
}

function commentOf(name: string): string {
  return rules.find((each) => each.name === name)?.comment ?? '';
}
