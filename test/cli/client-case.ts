import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { projectRoot } from '../../build/project-root.ts';
import { certificateFingerprint } from '../../core/access/cluster-trust.ts';
import { assertionVerifier } from '../../core/access/verify-assertion.ts';
import { systemClock } from '../../core/clock.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { type Issued, issue } from '../core/access/certificates.ts';
import { type Ended, processes } from '../local/processes.ts';
import { bundledCli } from './bundled-cli.ts';
import {
  type Answers,
  content,
  goodFile,
  goodGrant,
  goodStatus,
  newSigningKey,
  type StandInRequest,
  startStandIn,
  urlSecret,
} from './published-file.ts';

/** The two programs that fetch a file. Both read the same variables. */
export type Client = 'lifeboat fetch' | 'lifeboat-fetch.sh';
export type Environment = Readonly<Record<string, string>>;

/** A case that is tried with both of them. What is not said is as it should be. */
export interface Case {
  readonly case: string;
  /** What cannot occur in the other one. @default both */
  readonly only?: Client;
  /** What is set otherwise. */
  readonly set?: Environment | ((at: Place) => Environment | Promise<Environment>);
  /** A command that the client is started by, in a process of its own: it is added at its end. */
  readonly by?: readonly string[];
  readonly answers?: () => Partial<Answers>;
  /** Where they are answered, as an address of this machine. @default 127.0.0.1 */
  readonly host?: string;
  /** Several where each is right. @default 0 */
  readonly exits?: number | readonly number[];
  /** What it says when it fails. */
  readonly says?: RegExp;
  /** What it says on the way when it does not. @default nothing */
  readonly warns?: RegExp;
  /** Requests for a grant when it fails: 0 where a mistake is told before. @default any number */
  readonly asks?: number;
  /** What else is right. */
  readonly also?: (at: Place, ended: Ended) => void | Promise<void>;
}

/** Where a client runs. */
export interface Place {
  /** Its working directory and home, and where the file goes. */
  readonly directory: string;
  readonly output: string;
  /** Of the HTTP API. */
  readonly url: string;
  /** Paths of the requests for grants. */
  asked(): readonly string[];
  /** Writes a file. */
  write(name: string, text: string | Buffer): Promise<string>;
}

/** A proxy that connects nobody, and notes whom it was to connect. */
export interface RefusingProxy {
  readonly url: string;
  readonly connects: { readonly authority: string; readonly authorization: string | undefined }[];
}

export interface ClientTrials {
  readonly cluster: Issued;
  readonly proxy: RefusingProxy;
  /** Runs a client as a case says, and holds what comes of it to what is right. */
  tryCase(client: Client, given: Case): Promise<void>;
  stop(): Promise<void>;
}

export const signingKey = newSigningKey();
export const toBase64 = (text: string) => Buffer.from(text).toString('base64');

/** The base64 in a PEM text. */
export const pemLines = (pem: string) =>
  pem.split('\n').filter((line) => line !== '' && !line.includes('-----'));

/** As root the owner's rights do not count, unless root is without this. */
export const withoutPrivilege =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];

/** A test for each case and client. */
export function tryCases(trials: () => ClientTrials, cases: readonly Case[]): void {
  const clients: readonly Client[] = ['lifeboat fetch', 'lifeboat-fetch.sh'];
  const rows = cases.flatMap((given) =>
    clients
      .filter((client) => given.only === undefined || given.only === client)
      .map((client) => [given.case, client, given] as const),
  );
  it.each(rows)('%s: %s', (_, client, given) => trials().tryCase(client, given));
}

/** Everything that the cases of a file need. */
export async function startClientTrials(): Promise<ClientTrials> {
  const script = join(projectRoot, 'examples/data-plane/shell/lifeboat-fetch.sh');
  const children = processes();
  const cli = await bundledCli();
  const cluster = await issue({ notAfter: new Date(Date.now() + 3_600_000) });
  const { stop: stopProxy, ...proxy } = await startRefusingProxy();

  async function tryCase(client: Client, given: Case): Promise<void> {
    const directory = await mkdtemp(join(cli.directory, 'case-'));
    const answers: Answers = {
      grant: goodGrant,
      file: () => goodFile(signingKey),
      status: () => goodStatus(signingKey),
    };
    const standIn = await startStandIn({ ...answers, ...given.answers?.() }, given.host);
    const at: Place = {
      directory,
      output: join(directory, 'config.json'),
      url: standIn.url,
      asked: () => standIn.requests.map(({ path }) => path).filter((path) => !path.startsWith('/vault/')),
      async write(name, text) {
        await writeFile(join(directory, name), text);
        return join(directory, name);
      },
    };
    proxy.connects.length = 0;
    try {
      const env = { ...goodEnvironment(at, cluster), ...(await environmentOf(given, at)) };
      const before = await readdir(directory);
      const command = client === 'lifeboat fetch' ? [process.execPath, cli.file, 'fetch'] : [script];
      const parameters = ['--chdir', directory, ...(given.by ?? []), ...command];

      const ended = await (client === 'lifeboat fetch' && given.by === undefined
        ? cli.run(['fetch'], env)
        : children.run('env', parameters, { env }));

      const writes =
        client === 'lifeboat fetch' ? ['config.json', 'config.json.manifest.json'] : ['config.json'];
      await requireRight(given, at, { before, writes }, ended, cluster);
      await requireProof(standIn.requests, cluster);
    } finally {
      await standIn.stop();
    }
  }

  return {
    cluster,
    proxy,
    tryCase,
    async stop() {
      await children.stop();
      await stopProxy();
      await cli.stop();
    },
  };
}

async function startRefusingProxy() {
  const connects: RefusingProxy['connects'] = [];
  const server = createServer().on('connect', ({ url: authority = '', headers }, socket) => {
    connects.push({ authority, authorization: headers['proxy-authorization'] });
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  const { port, stop } = await listen(server, '127.0.0.1', 0);
  return { url: `http://127.0.0.1:${port}`, connects, stop };
}

const environmentOf = ({ set }: Case, at: Place) => (typeof set === 'function' ? set(at) : (set ?? {}));

function goodEnvironment(at: Place, cluster: Issued): Environment {
  return {
    LIFEBOAT_AUTH: 'cluster-certificate',
    LIFEBOAT_ENDPOINT: at.url,
    LIFEBOAT_CONTROL_PLANE: 'prod',
    LIFEBOAT_KONG_VERSION: '3.9.1',
    LIFEBOAT_PUBLIC_KEY: signingKey.pem,
    LIFEBOAT_OUTPUT: at.output,
    LIFEBOAT_RETRY_SECONDS: '300',
    KONG_CLUSTER_CERT: cluster.pem,
    KONG_CLUSTER_CERT_KEY: cluster.keyPem,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    HOME: at.directory,
  };
}

/** What was sent proves who asks, as the deployed function checks it. */
async function requireProof(requests: readonly StandInRequest[], cluster: Issued): Promise<void> {
  const verify = assertionVerifier({
    controlPlane: 'prod',
    trust: {
      certificates: [certificateFingerprint(cluster.certificate)],
      authorities: [],
      commonNames: [],
    },
    clock: systemClock,
  });
  for (const { body } of requests.filter((request) => request.body !== '')) {
    const { assertion } = JSON.parse(body) as { readonly assertion: string };
    await expect(verify(assertion)).resolves.toMatchObject({ assertionId: expect.any(String) });
  }
}

async function requireRight(
  { exits = 0, says = /./, warns = /^$/, asks, also }: Case,
  at: Place,
  { before, writes }: Readonly<Record<'before' | 'writes', readonly string[]>>,
  ended: Ended,
  cluster: Issued,
): Promise<void> {
  const { exitCode, stdout, stderr } = ended;
  const isRight = [exits].flat().includes(exitCode ?? -1);
  expect({ exitCode, stderr }).toEqual({
    exitCode: isRight ? exitCode : exits,
    stderr: expect.stringMatching(exitCode === 0 ? warns : says),
  });
  if (exitCode !== 0 && asks !== undefined) {
    expect(at.asked()).toHaveLength(asks);
  }
  const secrets = [...pemLines(cluster.keyPem), toBase64(cluster.keyPem).slice(0, 60), urlSecret, 'pass-w'];
  for (const secret of secrets) {
    expect(`${stdout}${stderr}`).not.toContain(secret);
  }
  // Nothing half is there, and nothing of others is gone.
  const names = exitCode === 0 ? new Set([...before, ...writes]) : before;
  expect((await readdir(at.directory)).sort()).toEqual([...names].sort());
  if (exitCode === 0) {
    expect(await readFile(at.output)).toEqual(content);
    expect((await stat(at.output)).mode & 0o777).toBe(0o600);
  }
  await also?.(at, ended);
}
