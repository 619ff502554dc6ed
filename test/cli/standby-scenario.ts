/** A data plane, its control plane and standby beside it, and what happens to them, step by step. */
import { appendFile, readFile, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { sharedCertificate } from '../../simulators/kong/control-plane/certificates.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { type Listening, listen } from '../../simulators/kong/control-plane/listening.ts';
import { startEchoUpstream } from '../../simulators/kong/echo-upstream.ts';
import { eventually, patienceSeconds } from '../local/processes.ts';
import {
  configurationHash,
  noConfiguration,
  removeEverything,
  startNode,
  type TestedKong,
  tableFor,
  temporaryDirectory,
} from '../simulators/kong/running-kong.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import { findLastingPort } from './lasting-port.ts';
import {
  type Answers,
  goodFile,
  goodGrant,
  goodStatus,
  newSigningKey,
  startStandIn,
} from './published-file.ts';

export const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
};
const key = newSigningKey();
/** So many scenarios run at once: half of its time each waits, for Kong's clocks. */
export const atOnce = 2 * availableParallelism();
const never = () => new Promise<never>(() => undefined);
const dayMs = 24 * 3600 * 1000;

/** Whose configuration answers a request: none, the control plane's, the vault's, or that of an old cache. */
export type Served = 'nothing' | 'theirs' | 'ours' | 'old';

/** What all scenarios of a file share. */
export interface Stage {
  readonly cli: Cli;
  readonly publicKey: string;
  readonly upstreamUrl: string;
  stop(): Promise<void>;
}

export async function newStage(): Promise<Stage> {
  const [cli, upstream] = await Promise.all([bundledCli(), startEchoUpstream()]);
  const publicKey = join(cli.directory, 'signing-key.pem');
  await writeFile(publicKey, key.pem);
  return {
    cli,
    publicKey,
    upstreamUrl: upstream.url,
    async stop() {
      await cli.stop();
      await upstream.stop();
      await removeEverything();
    },
  };
}

const fileOf = (table: object) =>
  Buffer.from(JSON.stringify({ _format_version: '3.0', _transform: false, ...table }));

function lastEvent(stdout: string): unknown {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  return line === '' ? undefined : (JSON.parse(line) as { readonly event: unknown }).event;
}

/** How a run with `--once` ends. */
const runEnds = {
  seeded: { exitCode: 0, last: 'seeded' },
  configured: { exitCode: 0, last: 'configured' },
  // The reason is on stderr.
  refused: { exitCode: 9, last: 'verified' },
} as const;

export async function newScenario(stage: Stage, { kong, loadMs, settle }: TestedKong) {
  const { cli, publicKey } = stage;
  const ends: (() => Promise<unknown>)[] = [];
  const tableOf = (whose: Served) => {
    const { services, routes } = tableFor(stage.upstreamUrl);
    return { services: services.map((service) => ({ ...service, path: `/${whose}` })), routes };
  };
  const published = (whose: Served, table: object = tableOf(whose)) => {
    const now = new Date();
    return goodFile(key, { builtAt: now, exportedAt: now }, fileOf(table));
  };
  const answers: Answers = {
    grant: goodGrant,
    file: () => published('ours'),
    status: () => goodStatus(key, { revision: 6 }),
  };
  const standIn = await startStandIn(answers);
  ends.push(standIn.stop);
  const [clusterPort, certificate, directory] = await Promise.all([
    findLastingPort(),
    sharedCertificate(),
    temporaryDirectory(),
  ]);
  const clusterEndpoint = `127.0.0.1:${clusterPort}`;
  const start = () => startNode(kong, { directory, certificate, clusterEndpoint, plugins: 'key-auth' });
  let node = await start();
  ends.push(() => node.stop());
  let controlPlane: ControlPlane | undefined;
  const environment = join(node.prefix, '.kong_env');
  const environmentText = () => readFile(environment, 'utf8');
  const hasLine = async () => (await environmentText()).includes('declarative_config = ');
  const cache = join(node.prefix, 'dbless.lmdb/data.mdb');

  /** The node's status API, which waits for ever at one point, so that standby waits there. */
  async function gate(holdAt: 'line written' | 'signalled' | 'loaded' | undefined) {
    let asked = 0;
    let isHeld = false;
    let questions = 0;
    const server = createServer(async (_, response) => {
      questions += 1;
      asked += (await hasLine()) ? 1 : 0;
      const hash = await configurationHash(node).catch(() => undefined);
      isHeld =
        (holdAt === 'line written' && asked === 1) ||
        (holdAt === 'signalled' && asked === 2) ||
        (holdAt === 'loaded' && asked > 1 && hash !== noConfiguration);
      if (!isHeld) {
        response.end(JSON.stringify({ configuration_hash: hash }));
      }
    });
    const { port, stop }: Listening = await listen(server, '127.0.0.1', 0);
    ends.push(stop);
    return { url: `http://127.0.0.1:${port}`, isHeld: () => isHeld, questions: () => questions };
  }

  /** Kong loads what it does not refuse, however long a busy machine takes to. */
  const patientLoad = ['--load-timeout', String(patienceSeconds)];
  const impatientLoad = ['--load-timeout', String(Math.ceil(loadMs / 1000))];
  const parameters = (statusUrl: string, more: readonly string[] = []) => [
    ...['standby', '--json', '--control-plane', 'prod', '--kong-version', '3.9.1', '--endpoint', standIn.url],
    ...[
      '--public-key',
      publicKey,
      '--prefix',
      node.prefix,
      '--status-url',
      statusUrl,
      '--after',
      '0',
      '--spread',
      '0',
    ],
    ...more,
  ];

  async function runOnce(end: keyof typeof runEnds, more: readonly string[] = []) {
    const load = end === 'refused' ? impatientLoad : patientLoad;
    const status = await gate(undefined);
    const { exitCode, stdout, stderr } = await cli.run(
      parameters(status.url, ['--once', ...load, ...more]),
      credentials,
    );
    // What it ends with it has seen: a run that looks at nothing passes no row.
    const hasLooked = status.questions() > 0;
    const seen = { exitCode, last: lastEvent(stdout), hasLine: await hasLine(), hasLooked, stderr };
    expect(seen).toMatchObject({ ...runEnds[end], hasLine: false, hasLooked: true });
  }

  const forOldCaches = ['--max-cache-age', '12h', '--after', '1', '--spread', '0'];

  interface Kill {
    readonly holdAt?: Parameters<typeof gate>[0];
    readonly more?: readonly string[];
    /** Whether the line is in `.kong_env` when standby is killed. */
    readonly leavesLine: boolean;
  }

  async function startUntilKilled(isThere: () => boolean, { holdAt, more = [], leavesLine }: Kill) {
    const status = await gate(holdAt);
    const running = cli.start(parameters(status.url, [...patientLoad, ...more]), credentials);
    const wasThere = await eventually(() => isThere() || status.isHeld());
    running.signal('SIGKILL');
    await running.ended;
    const seen = { wasThere, hasLine: await hasLine(), stdout: running.stdout() };
    expect(seen).toMatchObject({ wasThere: true, hasLine: leavesLine });
  }

  const killedWhenHeld = (holdAt: Kill['holdAt'], more: readonly string[] = []) =>
    startUntilKilled(() => false, { holdAt, more, leavesLine: true });

  async function controlPlaneUp(whose: Served = 'theirs') {
    const started = await startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: certificate, dataPlane: certificate },
      ports: { cluster: clusterPort },
      configuration: tableOf(whose),
    });
    controlPlane = started;
    const hash = started.builtHash();
    // A node that has it from before is connected only 10 s later.
    const hasDelivered = await eventually(
      async () =>
        started.connectedNodes().some(({ frames }) => frames > 0) && (await configurationHash(node)) === hash,
    );
    expect({ hasDelivered }).toEqual({ hasDelivered: true });
  }

  async function controlPlaneDown() {
    await controlPlane?.stop();
    controlPlane = undefined;
  }
  ends.push(controlPlaneDown);

  const requests = () => standIn.requests.length;
  const steps = {
    'standby seeds': () => runOnce('seeded'),
    'standby finds a configuration': () => runOnce('configured'),
    'standby has its file refused': () => runOnce('refused'),
    'standby for old caches seeds': () => runOnce('seeded', forOldCaches),
    'standby for old caches leaves it': () => runOnce('configured', forOldCaches),
    'standby for old caches has its file refused': () => runOnce('refused', forOldCaches),
    'killed while asking': async () => {
      answers.grant = never;
      await startUntilKilled(() => requests() === 1, { leavesLine: false });
      answers.grant = goodGrant;
    },
    'killed while downloading': async () => {
      answers.file = never;
      await startUntilKilled(() => requests() === 2, { leavesLine: false });
      answers.file = () => published('ours');
    },
    'killed with the line written': () => killedWhenHeld('line written'),
    'killed with the line written over an old cache': () =>
      killedWhenHeld('line written', ['--max-cache-age', '12h']),
    'killed after the SIGHUP': () => killedWhenHeld('signalled'),
    'killed before the line went': () => killedWhenHeld('loaded'),
    'ended by SIGTERM after the SIGHUP': async () => {
      const status = await gate('signalled');
      const running = cli.start(parameters(status.url, patientLoad), credentials);
      const wasHeld = await eventually(status.isHeld);
      running.signal('SIGTERM');
      const { exitCode, stdout } = await running.ended;
      expect({ wasHeld, exitCode, last: lastEvent(stdout), hasLine: await hasLine() }).toEqual({
        wasHeld: true,
        exitCode: 0,
        last: 'ended',
        hasLine: false,
      });
    },
    'the control plane delivers during the download': async () => {
      answers.file = async () => {
        await controlPlaneUp();
        return published('ours');
      };
      await runOnce('configured');
      // The grant and the file.
      expect(requests()).toBe(2);
    },
    'the vault has a file that Kong refuses': async () => {
      answers.file = () => published('ours', { ...tableOf('ours'), no_such_entities: [] });
    },
    'the line of a killed run': async () => {
      const file = join(node.prefix, 'lifeboat-config.json');
      await writeFile(file, fileOf(tableOf('ours')), { mode: 0o600 });
      await appendFile(environment, `declarative_config = ${file}\n`);
    },
    'halves of files': async () => {
      await writeFile(`${environment}.lifeboat`, 'half');
      await writeFile(join(node.prefix, 'lifeboat-config.json'), '{"half');
      const half = join(node.prefix, '.lifeboat-config.json.0');
      await writeFile(half, 'half');
      await utimes(half, 1, 1);
    },
    'an old cache': async () => {
      await controlPlaneUp('old');
      await controlPlaneDown();
      await node.stop();
      const old = (Date.now() - dayMs) / 1000;
      await utimes(cache, old, old);
      node = await start();
    },
    SIGHUP: async () =>
      process.kill(Number(await readFile(join(node.prefix, 'pids/nginx.pid'), 'utf8')), 'SIGHUP'),
    reload: () => node.reload(),
    restart: async () => {
      await node.stop();
      node = await start();
    },
    'control plane': () => controlPlaneUp(),
    'control plane that has the old': () => controlPlaneUp('old'),
    'no control plane': controlPlaneDown,
  } as const;

  async function served(): Promise<Served | number> {
    const response = await fetch(`${node.proxyUrl}/orders/7`);
    const { path } = (await response.json()) as { readonly path?: string };
    return response.status === 404 ? 'nothing' : ((path?.split('/')[1] as Served) ?? response.status);
  }

  return {
    node: () => node,
    endpoint: standIn.url,
    requests: standIn.requests,
    environmentText,
    served,
    /** Waits until this is served, for as long as a busy machine may need. */
    servesAtLast: (expected: Served) => eventually(async () => (await served()) === expected),
    async play(names: readonly (keyof typeof steps)[]) {
      for (const name of names) {
        await steps[name]();
        // So that a late effect of the step shows: a file that is loaded after all, a node that connects
        // again.
        await settle(node.prefix);
      }
    },
    async stop() {
      for (const end of ends.splice(0).reverse()) {
        await end();
      }
    },
  };
}

export type Step = Parameters<Awaited<ReturnType<typeof newScenario>>['play']>[0][number];

/** Plays the steps and says what is served then. */
export async function outcomeOf(
  stage: Stage,
  kong: TestedKong,
  steps: readonly Step[],
  expected: Served,
): Promise<Served | number> {
  const scenario = await newScenario(stage, kong);
  try {
    await scenario.play(steps);
    await scenario.servesAtLast(expected);
    return await scenario.served();
  } finally {
    await scenario.stop();
  }
}
