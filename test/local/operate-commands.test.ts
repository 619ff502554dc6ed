/** What operators send with `lifeboat`, of a local system over HTTP. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { stepsBack } from '../../core/access/step-back.ts';
import { systemClock } from '../../core/clock.ts';
import type { StandbyError } from '../../core/fetch/errors.ts';
import { requestGrant } from '../../core/fetch/grant-request.ts';
import { systemRandom } from '../../core/random-source.ts';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { credentialVariables, type Identity } from '../../simulators/aws/identities.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { resourceId, type SynthesizedTemplate } from '../../template/template.ts';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';
import { eventually } from './processes.ts';

let directory: string;
let controlPlane: ControlPlane;
let system: LocalSystem;
let cli: Cli;

const policy = v.object({ PolicyDocument: v.object({ Statement: v.array(v.unknown()) }) });

/** The operator may look, too: the rights of both roles in one. */
function letOperatorsLook(template: SynthesizedTemplate): SynthesizedTemplate {
  const [operator, inspector] = ['Operator', 'Inspector'].map((role) =>
    resourceId(template, 'AWS::IAM::Policy', `${role}DefaultPolicy`),
  ) as [string, string];
  const statements = [operator, inspector].flatMap(
    (id) => v.parse(policy, template.Resources[id]?.Properties).PolicyDocument.Statement,
  );
  const changed = structuredClone(template);
  Object.assign(changed.Resources[operator]?.Properties ?? {}, {
    PolicyDocument: { Version: '2012-10-17', Statement: statements },
  });
  return changed;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-operate-'));
  controlPlane = await startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.2,
    customPlugins: {},
  });
  const subject = describeSimulated(controlPlane, 'prod');
  system = await startLocalSystem({
    template: letOperatorsLook(
      localTemplate({
        controlPlane: subject,
        dataPlaneVersions: ['3.9.1'],
        settings: { minimumIntervalSeconds: 0 },
      }),
    ),
    controlPlane: subject,
    dataDirectory: directory,
  });
  cli = await bundledCli();
}, 120_000);

afterAll(async () => {
  await Promise.all([system.stop(), controlPlane.stop(), cli.stop()]);
  await rm(directory, { recursive: true });
});

const variablesOf = (who: Identity) => ({ AWS_REGION: system.region, ...credentialVariables(who) });
const place = () => ['--control-plane', 'prod', '--endpoint', system.apiUrl];
const send = (parameters: readonly string[], who: Identity = system.operator) =>
  cli.run([...parameters, ...place()], variablesOf(who));

async function create(path: string, body: object): Promise<void> {
  const { ok, status } = await fetch(`${controlPlane.adminUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!ok) {
    throw new Error(`POST ${path} was answered with ${status}`);
  }
}

// An effect that never comes fails the test in two minutes.
const reason = ['--reason', 'INC-7', '--timeout', '120'];

describe('an operator', () => {
  it('asks for an export and sees it done', async () => {
    await create('/services', { name: 'one', url: 'http://one.example' });

    const { exitCode, stdout, stderr } = await send(['export', ...reason]);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(
      /^The export is in the queue \([\w-]+\)\.\nthe export is done\. Kong 3\.9\.1: revision 1\n$/,
    );
  });

  it('goes back: sees what that would change, confirms it, and sees what new data planes get', async () => {
    await create('/services', { name: 'two', url: 'http://two.example' });
    await send(['export', ...reason]);

    const { exitCode, stdout, stderr } = await send(['rollback', '1', '--yes', ...reason]);

    expect(stderr).toMatch(/^now {4}revision 2, built less than a minute ago, \d+ entities\n/);
    expect(stderr).toMatch(
      /\nthen {3}the content of revision 1, built less than a minute ago, \d+ entities, as a new/,
    );
    expect(stderr).toMatch(/\n {2}- service two\n/);
    expect(stdout).toBe(
      'Revision 3 has the content of revision 1, and is pinned.\nnew data planes of Kong 3.9.1 get revision 3, pinned\n',
    );
    expect(exitCode).toBe(0);
  });

  it('unpins it, as JSON', async () => {
    const { exitCode, stdout, stderr } = await send(['unpin', '--yes', '--json', ...reason]);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      plan: { current: expect.objectContaining({ revision: 3, pinned: true, rollbackOf: 1 }) },
      answer: expect.objectContaining({ revision: 4, pinned: false }),
      effect: { outcome: 'seen', what: 'new data planes of Kong 3.9.1 get revision 4' },
    });
  });

  it.each<[what: string, parameters: readonly string[], exitCode: number, sentence: string]>([
    ['the current one', ['rollback', '4', '--yes'], 10, 'revision 4 is the current one of Kong 3.9.1'],
    [
      'one that was never there',
      ['rollback', '77', '--yes'],
      10,
      'Revision 77 of prod/3.9.1/config.json is not there (any more)',
    ],
    ['none', ['rollback', '--yes'], 2, 'name the revision to go back to: lifeboat history lists them'],
    ['two', ['rollback', '1', '--revision', '2', '--yes'], 2, 'two revisions are named, 1 and 2: name one'],
    [
      'one of another version',
      ['rollback', '1', '--kong-version', '3.8.0', '--yes'],
      2,
      'prod has no files for Kong 3.8.0: there is 3.9.1',
    ],
    [
      'one while another is current than was seen',
      ['rollback', '2', '--sees', '3', '--yes'],
      10,
      'answered 409',
    ],
    ['what is not pinned', ['unpin', '--yes'], 10, 'revision 4 of Kong 3.9.1 is not pinned'],
    ['what is not held', ['approve', '--yes'], 10, 'nothing is held, so there is nothing to approve'],
    [
      'without a confirmation, and without a terminal',
      ['rollback', '1'],
      2,
      'nobody is at a terminal to confirm it: give --yes, or --sees 4',
    ],
  ])('is told why nothing was done: %s', async (_what, parameters, exitCode, sentence) => {
    const ended = await send([...parameters, ...reason]);

    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain(sentence);
    expect(ended.exitCode).toBe(exitCode);
  });

  it('is told what is missing where nobody can be asked why', async () => {
    expect(await send(['export'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--reason is missing: it says why, for the log and the status'),
    });
  });

  it('needs the right to: who may look alone is told which', async () => {
    const { exitCode, stderr } = await send(['rollback', '1', '--yes', ...reason], system.inspector);

    expect(stderr).toContain('/control-planes/prod/commands/rollback, and to be on the list');
    expect(exitCode).toBe(3);
  });

  it('approves what is held once it was shown, and sees it published', async () => {
    for (let index = 0; index < 12; index += 1) {
      await create('/consumers', { username: `consumer-${index}` });
    }
    await send(['export', ...reason]);
    await controlPlane.loseRows('consumers', ({ username }) => String(username).startsWith('consumer-'));
    await send(['export', ...reason]);

    // No schedule comes and nothing changes: it asks for the export itself.
    const { exitCode, stdout, stderr } = await send(['approve', '--yes', ...reason]);

    expect(stderr).toMatch(
      /^held since {3}less than a minute ago, as mass deletion\nbecause {6}.*\ngone {9}12 consumers\n/,
    );
    expect(stdout).toMatch(
      /^Approved until 20[\d-]+T[\d:.]+Z\. An export was asked for, which publishes it\.\nwhat was held is published, or is not served any more\n$/,
    );
    expect(exitCode).toBe(0);
    expect((await send(['status'])).stdout).toMatch(/last command +approve, /);
  });
});

describe('a data plane', () => {
  it('gets by their ids the revisions just before the current one, and by neither way one that is older', async () => {
    const { clients, bucket, region, apiUrl, grantFunctionArn, awsEndpoints } = system;
    const { Versions = [] } = await clients.s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: 'prod/3.9.1/' }),
    );
    const statusOf = async (versionId: string | undefined, endpoint: string) => {
      try {
        const { url } = await requestGrant({
          ...{ endpoint: new URL(endpoint), controlPlane: 'prod', kongVersion: '3.9.1', versionId },
          authentication: { by: 'iam', region, credentials: async () => system.dataPlane },
          lambdaEndpoint: new URL(awsEndpoints.AWS_ENDPOINT_URL_LAMBDA),
          ...{ timeoutMs: 120_000, clock: systemClock, random: systemRandom },
        });
        return (await fetch(url)).headers.get('x-amz-version-id');
      } catch (error) {
        return (error as StandbyError).code;
      }
    };
    const ids = Versions.map(({ VersionId }) => VersionId);

    const [byApi, invoked] = [[], []] as (string | null)[][];
    for (const id of ids) {
      byApi?.push(await statusOf(id, apiUrl));
      invoked?.push(await statusOf(id, grantFunctionArn));
    }

    expect(ids.length).toBeGreaterThanOrEqual(6);
    const expected = ids.map((id, index) => (index <= stepsBack ? id : 'no-file'));
    expect({ byApi, invoked }).toEqual({ byApi: expected, invoked: expected });
  });
});

describe('the words of the runbook', () => {
  /** Whole commands in code: `lifeboat diff 41 42`, also over several lines. */
  const written = [
    ...readFileSync('docs/runbook.md', 'utf8')
      .replaceAll(/\\\n\s*/g, '')
      .matchAll(/(?:^ *|`)lifeboat ((?:certificate )?[a-z]+(?: [^`\n]*)?)(?=`|$)/gm),
  ].map(([, words = '']) => words.replace(/ +#.*$/, '').trim());
  // What needs more words is only mentioned.
  const isMentioned = (words: string) => /^(fetch|show|rollback|diff|grant|drill)$/.test(words);
  // Of those that differ in the reason one is played.
  const commands = [
    ...new Map(written.map((words) => [words.replace(/--reason '[^']*'/, '--reason'), words])).values(),
  ].filter((words) => !isMentioned(words));
  // A local system has no second region and no Kong (test/cli/restore.test.ts); test/local/stack.test.ts
  // plays those of event hooks.
  const elsewhere = (words: string) => /LifeboatReplica|--run|^hooks /.test(words);

  beforeAll(async () => {
    const { certificate, key } = controlPlane.certificates;
    await writeFile(join(directory, 'cluster.crt'), certificate);
    await writeFile(join(directory, 'cluster.key'), key, { mode: 0o600 });
    const publicKey = await cli.run(['public-key', '--key-id', system.signingKeyArn], {
      ...variablesOf(system.administrator),
      ...system.awsEndpoints,
    });
    await writeFile(join(directory, 'signing-key.pem'), publicKey.stdout);
  });

  it('are many', () => {
    expect(commands.length).toBeGreaterThan(11);
    expect(commands.filter(elsewhere)).toHaveLength(4);
  });

  function whoSends(words: string, bootsNodes: boolean): Identity {
    if (words.includes('--revision')) {
      return system.revisionFetcher;
    }
    if (words.startsWith('certificate')) {
      return system.administrator;
    }
    return bootsNodes ? system.dataPlane : system.operator;
  }

  it.each(commands.filter((words) => !elsewhere(words)))('lifeboat %s', async (words) => {
    const [name = ''] = words.split(' ');
    const asks = ['rollback', 'unpin', 'approve', 'certificate'].includes(name);
    const bootsNodes = ['fetch', 'grant', 'drill'].includes(name);
    const who = whoSends(words, bootsNodes);
    const script = `lifeboat() { "$NODE" "$CLI" "$@"; }; lifeboat ${words
      .replace(/\b41\b/, '1')
      .replace(/\b42\b/, '2')}${asks ? ' --yes' : ''}`;

    const child = spawn('bash', ['-c', script], {
      cwd: directory,
      env: {
        ...{ HOME: directory, NODE: process.execPath, CLI: cli.file, PATH: process.env['PATH'] ?? '' },
        ...variablesOf(who),
        ...system.awsEndpoints,
        LIFEBOAT_CONTROL_PLANE: 'prod',
        // A data plane's role may not look at stacks.
        ...(bootsNodes ? { LIFEBOAT_ENDPOINT: system.apiUrl } : { LIFEBOAT_STACK: 'Lifeboat' }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        said += data.toString();
      });
    }
    const [exitCode] = await once(child, 'close');

    // Nothing is held, or pinned, by the time that these come.
    const isNeedless = /nothing is held|is not pinned/.test(said) && exitCode === 10;
    expect(isNeedless ? 0 : [exitCode, exitCode === 0 ? '' : said]).toEqual(isNeedless ? 0 : [0, '']);
  });
});

// script(1) of util-linux gives a process a terminal.
const hasTerminal = spawnSync('script', ['--version']).status === 0;
(hasTerminal ? describe : describe.skip)('at a terminal', () => {
  async function type(answers: string, parameters: readonly string[]) {
    const command = [process.execPath, cli.file, ...parameters, ...place()];
    const child = spawn(
      'script',
      ['--quiet', '--return', '--command', command.map((part) => `'${part}'`).join(' '), '/dev/null'],
      {
        env: { HOME: directory, PATH: process.env['PATH'] ?? '', ...variablesOf(system.operator) },
        stdio: 'pipe',
      },
    );
    let shown = '';
    child.stdout.on('data', (data: Buffer) => {
      shown += data.toString();
    });
    // Who answers has read the question.
    await eventually(() => shown.includes('[y/N]'));
    child.stdin.write(answers);
    const [exitCode] = await once(child, 'close');
    return { exitCode, shown };
  }

  it.each([['n'], [''], ['yesterday']])('nothing is done without a yes: %j', async (answer) => {
    const { exitCode, shown } = await type(`${answer}\n`, ['rollback', '1', ...reason]);

    expect(shown).toContain('Publish it and pin it? [y/N]');
    expect(shown).toContain('it was not confirmed, and nothing was sent');
    expect(exitCode).toBe(10);
  });

  it('a yes is followed by the question why', async () => {
    const { exitCode, shown } = await type('y\nINC-8\n', ['rollback', '1']);

    expect(shown).toContain('Why? (for the log and the status)');
    expect(shown).toContain('has the content of revision 1, and is pinned.');
    expect(exitCode).toBe(0);
  });
});
