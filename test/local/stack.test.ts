/** `--stack`: commands find endpoint, region and control planes in the outputs of a local system's stack. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { credentialVariables, type Identity } from '../../simulators/aws/identities.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';
import { issue } from '../core/access/certificates.ts';
import { eventually, processes } from './processes.ts';

let directory: string;
let controlPlane: ControlPlane;
let system: LocalSystem;
let cli: Cli;
const terminals = processes();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-stack-'));
  controlPlane = await startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.2,
    customPlugins: {},
  });
  const subject = describeSimulated(controlPlane, 'prod-eu');
  system = await startLocalSystem({
    template: localTemplate({ controlPlane: subject, dataPlaneVersions: ['3.9.1'] }),
    controlPlane: subject,
    dataDirectory: directory,
  });
  system.putStack({
    name: 'Several',
    outputs: {
      ApiUrl: system.apiUrl,
      GrantUrlprodXeu: `${system.apiUrl}/control-planes/prod-eu/fallback-config`,
      GrantUrlother: `${system.apiUrl}/control-planes/other/fallback-config`,
    },
  });
  system.putStack({
    name: 'Both',
    outputs: {
      OneApiUrl: system.apiUrl,
      OneDefaultApiUrl: 'https://default.example',
      OneGrantUrlprodXeu: `${system.apiUrl}/control-planes/prod-eu/fallback-config`,
      TwoApiUrl: 'http://127.0.0.1:9',
      TwoGrantUrlother: 'http://127.0.0.1:9/control-planes/other/fallback-config',
    },
  });
  system.putStack({ name: 'Website', outputs: { ApiUrl: 'https://example.com' } });
  system.putStack({ name: 'Beginning', outputs: {}, status: 'CREATE_IN_PROGRESS' });
  cli = await bundledCli();
}, 120_000);

afterAll(async () => {
  await Promise.all([terminals.stop(), system.stop(), controlPlane.stop(), cli.stop()]);
  await rm(directory, { recursive: true });
});

const variablesOf = (who: Identity) => ({
  AWS_REGION: system.region,
  ...credentialVariables(who),
  ...system.awsEndpoints,
});
const ask = (
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  who: Identity = system.inspector,
) => cli.run(parameters, { ...variablesOf(who), ...environment });

describe('a command with --stack', () => {
  it.each<[string, readonly string[], Readonly<Record<string, string>>]>([
    ['as an option', ['--stack', 'Lifeboat'], {}],
    ['as a variable', [], { LIFEBOAT_STACK: 'Lifeboat' }],
    [
      'that counts more than the other’s variable',
      ['--stack', 'Lifeboat'],
      { LIFEBOAT_ENDPOINT: 'http://127.0.0.1:9' },
    ],
    ['with one of its deployments named', ['--stack', 'Both/One'], {}],
    ['with its only control plane named', ['--stack', 'Lifeboat', '--control-plane', 'prod-eu'], {}],
    [
      'of several control planes with one of them named',
      ['--stack', 'Several', '--control-plane', 'prod-eu'],
      {},
    ],
  ])('finds what it is to ask, %s', async (_what, options, environment) => {
    const { exitCode, stdout, stderr } = await ask(['history', ...options], environment);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^prod-eu, Kong 3\.9\.1\n/);
  });

  it('sends commands of operators, and asks for grants', async () => {
    const exported = await ask(
      ['export', '--stack', 'Lifeboat', '--reason', 'a test', '--no-wait'],
      {},
      system.operator,
    );

    expect(exported).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await eventually(() => system.measurements().some(({ name }) => name === 'Published'))).toBe(true);
    const publicKey = await ask(['public-key', '--stack', 'Lifeboat'], {}, system.administrator);
    const output = join(directory, 'config.json');
    const fetched = await ask(
      [
        'fetch',
        '--stack',
        'Lifeboat',
        '--kong-version',
        '3.9.1',
        '--public-key',
        publicKey.stdout,
        '--output',
        output,
      ],
      {},
      system.administrator,
    );
    expect(fetched).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('control plane "prod-eu"'),
    });
  });

  it.each<[number, string, readonly string[], Readonly<Record<string, string>>, RegExp]>([
    [
      2,
      'there is none of this name',
      ['--stack', 'Lifebaot'],
      {},
      /there is no stack "Lifebaot" in region eu-central-1, in the account of access key ASIA\w+: did you mean Lifeboat\? The stacks of Lifeboat there are Lifeboat, Several, Both$/,
    ],
    [
      2,
      'it is another application’s',
      ['--stack', 'Website'],
      {},
      /stack "Website" \(CREATE_COMPLETE\) has no outputs of Lifeboat: /,
    ],
    [
      2,
      'it is not done',
      ['--stack', 'Beginning'],
      {},
      /\(CREATE_IN_PROGRESS\) has no outputs of Lifeboat, nor any other: /,
    ],
    [
      2,
      'it has several control planes',
      ['--stack', 'Several'],
      {},
      /stack "Several" has several control planes, other, prod-eu: name one with --control-plane$/,
    ],
    [
      2,
      'two of its deployments match',
      ['--stack', 'Both'],
      {},
      /stack "Both" has several deployments of Lifeboat: give one of --stack Both\/One, --stack Both\/Two$/,
    ],
    [
      2,
      'it has no such deployment',
      ['--stack', 'Both/Three'],
      {},
      /stack "Both" has no deployment of Lifeboat "Three": there is --stack Both\/One, --stack Both\/Two$/,
    ],
    [
      2,
      'it has no such control plane',
      ['--stack', 'Several', '--control-plane', 'prod'],
      {},
      /has no control plane "prod": there is other, prod-eu$/,
    ],
    [
      2,
      'no stack can have the name',
      ['--stack', 'a_b'],
      {},
      /the name of a CloudFormation stack, or its ARN, is expected/,
    ],
    [
      2,
      'there is also --endpoint',
      ['--stack', 'Lifeboat', '--endpoint', 'http://127.0.0.1:9'],
      {},
      /give --stack or --endpoint, not both$/,
    ],
    [
      2,
      'both are variables',
      [],
      { LIFEBOAT_STACK: 'Lifeboat', LIFEBOAT_ENDPOINT: 'http://127.0.0.1:9' },
      /LIFEBOAT_STACK and LIFEBOAT_ENDPOINT are both set: unset one of them/,
    ],
    [
      2,
      '--endpoint counts more, and lacks the control plane',
      ['--endpoint', 'http://127.0.0.1:9'],
      { LIFEBOAT_STACK: 'Lifeboat' },
      /--control-plane \(LIFEBOAT_CONTROL_PLANE\) is missing$/,
    ],
    [
      2,
      'nothing is named',
      [],
      {},
      /error: --control-plane \(LIFEBOAT_CONTROL_PLANE\) and --endpoint \(LIFEBOAT_ENDPOINT\) or --stack \(LIFEBOAT_STACK\) are missing\n/,
    ],
    [
      5,
      'CloudFormation does not answer',
      ['--stack', 'Lifeboat'],
      { AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:9' },
      /CloudFormation was asked for stack "Lifeboat" in region eu-central-1, .*ECONNREFUSED.* give --endpoint instead of --stack$/,
    ],
    [
      3,
      'the credentials are good for nothing',
      ['--stack', 'Lifeboat'],
      { AWS_ACCESS_KEY_ID: 'ASIAGONE' },
      /InvalidClientTokenId: .*Check the credentials, which may have expired/,
    ],
  ])('ends with %i where %s', async (code, _what, options, environment, words) => {
    const { exitCode, stdout, stderr } = await ask(['history', ...options], environment);

    expect({ exitCode, stdout, stderr: stderr.trimEnd() }).toEqual({
      exitCode: code,
      stdout: '',
      stderr: expect.stringMatching(words),
    });
  });

  it('has no public key where the stack is a replica’s', async () => {
    expect(await ask(['public-key', '--stack', 'Several'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('stack "Several" signs nothing: it is a replica’s'),
    });
  });

  it('names the missing right where the role may not look at the stack', async () => {
    const { exitCode, stderr } = await ask(['history', '--stack', 'Lifeboat'], {}, system.dataPlane);

    expect(exitCode).toBe(3);
    expect(stderr).toContain(
      'The role needs cloudformation:DescribeStacks on arn:*:cloudformation:eu-central-1:*:stack/Lifeboat/*',
    );
  });
});

describe('status of a stack', () => {
  it('tells of its control planes in one call, and of the certificate', async () => {
    const { exitCode, stdout, stderr } = await ask(['status', '--stack', 'Lifeboat']);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^Control plane prod-eu\n +can boot +yes\n/);
    expect(stdout).toMatch(/ certificate +ends in \d+ (days|hours)\n/);
    expect(stdout).toMatch(/Nothing needs attention\.\n\nNo alarm\.\n$/);
    const told = JSON.parse((await ask(['status', '--stack', 'Lifeboat', '--json'])).stdout);
    expect(told).toMatchObject({
      state: 'good',
      controlPlanes: [{ controlPlane: 'prod-eu', versions: [{ state: 'ready' }], concerns: [] }],
      alarms: { ringing: [] },
    });
  });

  it('tells of all stacks of the region that publish, also where one does not answer', async () => {
    system.putStack({
      name: 'Lifeboat2',
      outputs: {
        ApiUrl: 'http://127.0.0.1:9',
        SigningKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1',
        GrantUrlteamX7: 'http://127.0.0.1:9/control-planes/team-7/fallback-config',
      },
    });
    // What the shell has for other commands.
    const shell = { LIFEBOAT_STACK: 'Lifeboat', LIFEBOAT_CONTROL_PLANE: 'prod-eu' };

    const inJson = await ask(['status', '--all-stacks', '--json'], shell);
    const inWords = await ask(['status', '--all-stacks']);
    const monitored = await ask(['status', '--all-stacks', '--monitoring'], shell);

    expect(inJson.stderr).toBe('');
    expect({ ...JSON.parse(inJson.stdout), exitCode: inJson.exitCode }).toMatchObject({
      exitCode: 11,
      state: 'critical',
      stacks: [
        {
          stack: 'Lifeboat',
          region: 'eu-central-1',
          state: 'good',
          controlPlanes: [{ controlPlane: 'prod-eu', versions: [{ state: 'ready' }] }],
          alarms: { ringing: [] },
        },
        {
          stack: 'Lifeboat2',
          state: 'critical',
          error: { code: 'failed' },
          controlPlanes: [{ controlPlane: 'team-7' }],
        },
      ],
    });
    expect(inWords.exitCode).toBe(11);
    expect(inWords.stdout).toMatch(/^Stack Lifeboat \(eu-central-1\)\n\nControl plane prod-eu\n/);
    expect(inWords.stdout).toMatch(
      /\nStack Lifeboat2 \(eu-central-1\)\n\nteam-7: .+\n\n2 control planes in 2 stacks, of which 1 need nothing\.\n$/,
    );
    expect(monitored.exitCode).toBe(2);
    expect(monitored.stdout).toMatch(/^LIFEBOAT CRITICAL - Lifeboat2: .+; 2 control planes in 2 stacks/);
  });

  it.each([
    [['--stack', 'Lifeboat'], 2, /give --all-stacks or --stack, not both\n/],
    [['--watch'], 2, /cannot be used with option '--watch/],
  ] as const)('is not told of all stacks with %j', async (parameters, exitCode, sentence) => {
    const refused = await ask(['status', '--all-stacks', ...parameters]);

    expect(refused.exitCode).toBe(exitCode);
    expect(refused.stderr).toMatch(sentence);
  });

  it('goes on where a control plane does not answer, and where the role may not see alarms', async () => {
    const several = await ask(['status', '--stack', 'Several', '--json']);

    expect(several.exitCode).toBe(11);
    expect(JSON.parse(several.stdout)).toMatchObject({
      state: 'critical',
      controlPlanes: [
        {
          controlPlane: 'other',
          error: { code: 'failed' },
          concerns: [expect.stringContaining('right endpoint')],
        },
        { controlPlane: 'prod-eu', versions: [{ state: 'ready' }] },
      ],
    });
    const blind = await ask(['status', '--stack', 'Lifeboat'], {
      AWS_ENDPOINT_URL_CLOUDWATCH: 'http://127.0.0.1:9',
    });
    expect(blind).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Alarms: not known. CloudWatch was not read (ECONNREFUSED)'),
    });
  });

  it('names the alarms that ring, each with its section of the runbook, and only those of the stack', async () => {
    system.setAlarmState('Lifeboat prod-eu: Control plane unreachable', 'ALARM');
    system.setAlarmState('Lifeboat: Webhook failing', 'ALARM');

    const { exitCode, stdout } = await ask(['status', '--stack', 'Lifeboat']);
    const monitored = await ask(['status', '--stack', 'Lifeboat', '--monitoring']);
    const named = await ask(['status', '--stack', 'Lifeboat', '--control-plane', 'prod-eu', '--json']);

    expect(exitCode).toBe(11);
    expect(stdout).toMatch(
      /Alarms:\n- Control plane unreachable \(prod-eu\), since \S+\n {2}https:\S+#control-plane-unreachable\n- Webhook failing, since \S+\n/,
    );
    expect(monitored).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(
        /^LIFEBOAT WARNING - prod-eu: Kong 3\.9\.1 ready revision 1; alarms: Control plane unreachable \(prod-eu\), Webhook failing\n$/,
      ),
    });
    expect(JSON.parse(named.stdout)).toMatchObject({
      controlPlane: 'prod-eu',
      state: 'attention',
      alarms: { ringing: [{ controlPlane: 'prod-eu' }, { heading: 'Webhook failing' }] },
    });
    system.setAlarmState('Lifeboat prod-eu: Control plane unreachable', 'OK');
    system.setAlarmState('Lifeboat: Webhook failing', 'OK');
  });

  it.each<[number, string, readonly string[], Readonly<Record<string, string>>]>([
    [0, 'OK - prod-eu: Kong 3.9.1 ready revision 1', ['--stack', 'Lifeboat'], {}],
    [2, 'CRITICAL - ', ['--stack', 'Several'], {}],
    [
      2,
      'CRITICAL - http://127.0.0.1:9 did not answer',
      ['--control-plane', 'prod-eu', '--endpoint', 'http://127.0.0.1:9'],
      {},
    ],
    [3, 'UNKNOWN - no AWS credentials', ['--stack', 'Lifeboat'], { AWS_ACCESS_KEY_ID: '' }],
    [3, 'UNKNOWN - there is no stack', ['--stack', 'None'], {}],
  ])('ends for monitoring with %i: %s', async (code, words, options, environment) => {
    const { exitCode, stdout, stderr } = await ask(['status', '--monitoring', ...options], environment);

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: '' });
    expect(stdout).toMatch(/^LIFEBOAT [^\n]+\n$/);
    expect(stdout).toContain(`LIFEBOAT ${words}`);
  });

  it('is watched: one line for each change, until Ctrl-C', async () => {
    const watching = cli.start(
      ['status', '--stack', 'Lifeboat', '--watch', '1'],
      variablesOf(system.inspector),
    );
    expect(await eventually(() => watching.stdout().includes('\n'))).toBe(true);

    system.setAlarmState('Lifeboat prod-eu: Configuration held', 'ALARM');
    expect(await eventually(() => watching.stdout().includes('alarms:'))).toBe(true);
    watching.signal('SIGINT');

    const { stdout, stderr, endedBy } = await watching.ended;
    expect({ stderr, endedBy }).toEqual({ stderr: '', endedBy: 'SIGINT' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^\d{4}-\S+Z prod-eu: Kong 3\.9\.1 ready revision 1$/),
      expect.stringMatching(
        /Z prod-eu: Kong 3\.9\.1 ready revision 1; alarms: Configuration held \(prod-eu\)$/,
      ),
      '',
    ]);
    system.setAlarmState('Lifeboat prod-eu: Configuration held', 'OK');
  });
});

describe('doctor', () => {
  const examine = async (
    options: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    who: Identity = system.inspector,
  ) => {
    const ended = await ask(['doctor', '--json', ...options], environment, who);
    const { findings = [], skipped = [] } = ended.stdout === '' ? {} : JSON.parse(ended.stdout);
    const outcomes: Record<string, string> = {};
    for (const { check, outcome } of findings) {
      outcomes[check] ??= outcome;
    }
    return { ...ended, findings, skipped, outcomes };
  };
  const good = {
    ...{ credentials: 'good', clock: 'good', endpoint: 'good', 'control-plane': 'good', certificate: 'good' },
  };

  it('finds nothing wrong but that nobody is told of alarms, and says the next steps', async () => {
    const { exitCode, stdout, stderr } = await ask(['doctor', '--stack', 'Lifeboat']);

    expect({ exitCode, stderr }).toEqual({ exitCode: 11, stderr: '' });
    expect(stdout).toMatch(/^good {6}credentials {4}arn:aws:sts::0{12}:assumed-role\/\S+\/local\n/);
    expect(stdout).toContain('prod-eu: a new data plane can boot (Kong 3.9.1 revision 1), verified');
    expect(stdout).toMatch(
      /attention {1}notifications {2}(\d+) of \1 alarms notify nobody\n {4}next: name an SNS topic/,
    );
    expect(stdout).toMatch(/attention {1}runbook .*lifeboat\.example\.com.*\n {4}next: .*runbookUrl/);
    expect(stdout).toMatch(/Not checked: plugins, wasm-filters, versions\./);
  });

  it('compares the control plane with the settings, and with the files', async () => {
    const other = await startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: controlPlane.certificates, dataPlane: controlPlane.certificates },
      customPlugins: { ours: '1.0.0' },
      wasmFilters: ['guard'],
      adminToken: 'a-token-nobody-sees',
    });
    const settings = join(directory, 'cdk.json');
    const write = (parts: object) =>
      writeFile(settings, JSON.stringify({ context: { lifeboat: { controlPlanes: { 'prod-eu': parts } } } }));
    const place = ['--control-plane', 'prod-eu', '--endpoint', system.apiUrl];
    const options = [...place, '--admin-url', other.adminUrl, '--settings', settings];
    const token = join(directory, 'admin-token');
    await writeFile(token, 'a-token-nobody-sees\n');

    await write({ customPlugins: ['ours'], wasmFilters: ['guard'] });
    const named = await examine(options, { KONG_ADMIN_TOKEN_FILE: token });
    await write({});
    const lacking = await examine(options, { KONG_ADMIN_TOKEN: 'a-token-nobody-sees' });
    const denied = await examine(options);
    await other.stop();
    const gone = await examine(options);

    expect(named).toMatchObject({ exitCode: 0, stderr: '' });
    expect(named.outcomes).toEqual({ ...good, plugins: 'good', 'wasm-filters': 'good', versions: 'good' });
    expect(named.skipped).toEqual([expect.objectContaining({ checks: expect.arrayContaining(['alarms']) })]);
    expect(lacking).toMatchObject({
      exitCode: 11,
      outcomes: { plugins: 'attention', 'wasm-filters': 'bad' },
    });
    const unknown = { plugins: 'unknown', 'wasm-filters': 'unknown', versions: 'unknown' };
    expect(denied).toMatchObject({ exitCode: 11, outcomes: { ...good, ...unknown } });
    expect(denied.stdout).toContain('put one into KONG_ADMIN_TOKEN');
    expect(gone).toMatchObject({ exitCode: 11, outcomes: { ...good, ...unknown } });
    expect(JSON.stringify([named, lacking])).not.toContain('a-token-nobody-sees');
  });

  it('says what it could not ask, and never that it is good', async () => {
    const silent = 'http://127.0.0.1:9';
    const without = await examine(['--stack', 'Lifeboat'], { AWS_ACCESS_KEY_ID: '' });
    const unknownKey = await examine(['--stack', 'Lifeboat'], { AWS_ACCESS_KEY_ID: 'ASIAGONE' });
    const deaf = await examine(['--stack', 'Lifeboat'], {
      ...{ AWS_ENDPOINT_URL_CLOUDWATCH: silent, AWS_ENDPOINT_URL_STS: silent },
    });
    const noRight = await examine(
      ['--control-plane', 'prod-eu', '--endpoint', system.apiUrl],
      {},
      system.dataPlane,
    );

    const unknown = Object.fromEntries(
      ['clock', 'endpoint', 'control-plane', 'certificate', 'alarms', 'notifications', 'runbook'].map(
        (check) => [check, 'unknown'],
      ),
    );
    expect(without).toMatchObject({ exitCode: 11, outcomes: { ...unknown, credentials: 'bad' } });
    expect(unknownKey).toMatchObject({
      exitCode: 11,
      outcomes: { ...unknown, credentials: 'bad', endpoint: 'bad' },
    });
    expect(deaf.outcomes).toMatchObject({
      credentials: 'unknown',
      alarms: 'unknown',
      'control-plane': 'good',
    });
    expect(noRight).toMatchObject({
      exitCode: 11,
      outcomes: { credentials: 'good', endpoint: 'good', 'control-plane': 'unknown', certificate: 'unknown' },
    });
  });

  it('names the alarm that rings, and a control plane that does not answer', async () => {
    system.setAlarmState('Lifeboat prod-eu: Control plane unreachable', 'ALARM');
    const ringing = await examine(['--stack', 'Lifeboat']);
    system.setAlarmState('Lifeboat prod-eu: Control plane unreachable', 'OK');
    const several = await examine(['--stack', 'Several']);

    expect(ringing.findings).toContainEqual(
      expect.objectContaining({
        check: 'alarms',
        outcome: 'bad',
        what: expect.stringMatching(/^Control plane unreachable \(prod-eu\) rings/),
        next: 'docs/runbook.md, "Control plane unreachable"',
      }),
    );
    expect(
      several.findings.map(({ check, outcome }: Record<string, string>) => `${check} ${outcome}`),
    ).toEqual(expect.arrayContaining(['control-plane bad', 'control-plane good', 'alarms bad']));
  });

  it.each<[string, readonly string[], RegExp]>([
    [
      'a file of other settings',
      ['--settings', 'package.json'],
      /--settings package\.json has no settings of Lifeboat/,
    ],
    ['no such file', ['--settings', 'none.json'], /--settings none\.json cannot be read/],
    [
      'a URL with a password',
      ['--admin-url', 'http://a:b@kong:8001'],
      /the http:\/\/ or https:\/\/ URL of an Admin API/,
    ],
  ])('ends with 2 for %s', async (_what, options, words) => {
    const { exitCode, stdout, stderr } = await ask(['doctor', '--stack', 'Lifeboat', ...options]);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(words);
  });

  it('sends no token over a network in clear text', async () => {
    const { exitCode, stderr } = await ask(
      ['doctor', '--stack', 'Lifeboat', '--admin-url', 'http://kong.example:8001'],
      { KONG_ADMIN_TOKEN: 'a-token-nobody-sees' },
    );

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/KONG_ADMIN_TOKEN would go to http:\/\/kong\.example:8001 in clear text/);
  });
});

describe('hooks', () => {
  let kong: ControlPlane;
  const token = 'a-token-nobody-sees';
  const run = (
    parameters: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    who: Identity = system.administrator,
  ) =>
    ask(
      ['hooks', ...parameters],
      {
        LIFEBOAT_STACK: 'Lifeboat',
        LIFEBOAT_ADMIN_URL: kong.adminUrl,
        KONG_ADMIN_TOKEN: token,
        ...environment,
      },
      who,
    );
  const admin = async (path: string, method = 'GET', body?: object) => {
    const response = await fetch(`${kong.adminUrl}${path}`, {
      method,
      headers: { 'kong-admin-token': token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return method === 'DELETE' ? undefined : response.json();
  };
  const accepted = () => system.measurements().filter(({ name }) => name === 'HooksAccepted').length;
  const startKong = (edition: 'enterprise' | 'community') =>
    startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: controlPlane.certificates, dataPlane: controlPlane.certificates },
      edition,
      adminToken: token,
    });

  beforeAll(async () => {
    kong = await startKong('enterprise');
  });
  afterAll(() => kong.stop());

  it('install says what it would do, does it once, and changes ring then', async () => {
    const dry = await run(['install', '--dry-run']);
    const nothing = await admin('/event-hooks');
    const first = await run(['install']);
    const again = await run(['install', '--json', '--workspace', 'default']);
    await kong.hooksDelivered();
    const before = accepted();
    kong.configuration.create('consumers', { username: 'new' });
    await kong.hooksDelivered();

    expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
    expect(dry.stdout).toMatch(
      /^An event hook would be created: \S+\/control-planes\/prod-eu\/events\nNothing was written/,
    );
    expect(nothing).toEqual({ data: [], next: null });
    expect(first).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: expect.stringContaining('`kong reload`'),
    });
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'unchanged', changes: [], duplicates: [] });
    expect(await admin('/event-hooks')).toMatchObject({
      data: [
        { source: 'crud', handler: 'webhook', config: { url: system.webhookUrl, secret: system.hookSecret } },
      ],
    });
    expect(await eventually(() => accepted() > before)).toBe(true);
    expect(JSON.stringify([dry, first, again])).not.toContain(system.hookSecret);
  });

  it('install mends what is not as it should be, and tells of a second one', async () => {
    const { data } = (await admin('/event-hooks')) as { data: { id: string }[] };
    const config = { url: system.webhookUrl, secret: 'old' };
    await admin(`/event-hooks/${data[0]?.id}`, 'PATCH', { event: 'consumers', snooze: 60, config });
    await admin('/event-hooks', 'POST', { source: 'crud', handler: 'webhook', config });

    const mended = await run(['install']);

    expect(mended.stdout).toContain(`${data[0]?.id} was changed (event, snooze, config.secret): `);
    expect(mended.stdout).toContain('1 more go to the same place');
    expect(await admin('/event-hooks')).toMatchObject({
      data: [
        { event: null, snooze: null, config: { secret: system.hookSecret } },
        { config: { secret: 'old' } },
      ],
    });
  });

  it('list names them without what may be secret, and remove takes ours alone', async () => {
    const config = { url: 'https://chat.example/T0/a-secret-path', secret: 'another' };
    await admin('/event-hooks', 'POST', { source: 'crud', handler: 'webhook', config });

    const listed = await run(['list']);
    const json = await run(['list', '--json']);
    const dry = await run(['remove', '--dry-run']);
    const removed = await run(['remove', '--json']);
    const none = await run(['remove']);

    expect(listed.stdout).toMatch(/crud +webhook +\S+\/control-planes\/prod-eu\/events +Lifeboat\n/);
    expect(listed.stdout).toMatch(/crud +webhook +https:\/\/chat\.example\n/);
    expect(JSON.parse(json.stdout).hooks.map(({ isOwn }: { isOwn: boolean }) => isOwn)).toEqual([
      true,
      true,
      false,
    ]);
    expect(JSON.stringify([listed, json])).not.toMatch(
      new RegExp(`a-secret-path|another|${system.hookSecret}`),
    );
    expect(dry.stdout).toMatch(/would be removed/);
    expect(JSON.parse(removed.stdout).removed).toHaveLength(2);
    expect(none).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing to remove') });
    expect(await admin('/event-hooks')).toMatchObject({ data: [{ config }] });
  });

  it('on a Kong without them says what to do instead', async () => {
    const community = await startKong('community');
    const ended = await run(['install', '--json', '--admin-url', community.adminUrl]);
    await community.stop();

    expect({ exitCode: ended.exitCode, stdout: ended.stdout }).toEqual({ exitCode: 10, stdout: '' });
    expect(JSON.parse(ended.stderr).error).toMatchObject({
      code: 'refused',
      message: expect.stringMatching(
        /Kong 3\.9\.1 \(community\), and only Enterprise has them\. Set "listen": true/,
      ),
    });
  });

  it('test pings Lifeboat, and says what was answered', async () => {
    const place = ['--control-plane', 'prod-eu', '--endpoint', system.apiUrl];
    const secret = join(directory, 'hook-secret');
    await writeFile(secret, `${system.hookSecret}\n`);
    const before = system.countAccesses('sqs:SendMessage');

    const byStack = await run(['test']);
    // Nothing of AWS is needed.
    const byFile = await cli.run(['hooks', 'test', '--json', '--sha1', ...place], {
      LIFEBOAT_HOOK_SECRET_FILE: secret,
    });

    expect(byStack).toMatchObject({ exitCode: 0, stderr: '' });
    expect(byStack.stdout).toMatch(
      /answered 200 to a ping that was signed with sha256.*: place and secret are right\.\n$/,
    );
    expect(JSON.parse(byFile.stdout)).toMatchObject({
      status: 200,
      algorithm: 'sha1',
      controlPlane: 'prod-eu',
    });
    // Nothing asks for an export.
    expect(system.countAccesses('sqs:SendMessage')).toBe(before);
  });

  it.each<[number, string, readonly string[], Readonly<Record<string, string>>, RegExp]>([
    [
      3,
      'the secret is another one',
      ['test'],
      { LIFEBOAT_HOOK_SECRET: 'guess' },
      /answered 401 .*it knows another secret/,
    ],
    [
      2,
      'the secret is empty space',
      ['test'],
      { LIFEBOAT_HOOK_SECRET: ' ' },
      /LIFEBOAT_HOOK_SECRET cannot sign hooks/,
    ],
    [
      5,
      'nobody answers',
      ['list', '--admin-url', 'http://127.0.0.1:9'],
      {},
      /did not answer \(ECONNREFUSED\)\. Check --admin-url/,
    ],
    [
      3,
      'there is no token',
      ['list'],
      { KONG_ADMIN_TOKEN: '' },
      /answered 401 .*put one into KONG_ADMIN_TOKEN/,
    ],
    [
      3,
      'the token is wrong',
      ['remove'],
      { KONG_ADMIN_TOKEN: 'guess' },
      /the token in KONG_ADMIN_TOKEN may not do that/,
    ],
    [
      10,
      'there is no such workspace',
      ['list', '--workspace', 'team'],
      {},
      /there is nothing in workspace "team": check --admin-url and --workspace/,
    ],
    [
      2,
      'the secret would go over a network',
      ['install', '--admin-url', 'http://kong.example:8001'],
      { KONG_ADMIN_TOKEN: '' },
      /the hook secret would go to http:\/\/kong\.example:8001 in clear text/,
    ],
    [
      2,
      'no Admin API is named',
      ['list'],
      { LIFEBOAT_ADMIN_URL: '' },
      /--admin-url \(LIFEBOAT_ADMIN_URL\) is missing/,
    ],
  ])('end with %i where %s', async (code, _what, parameters, environment, words) => {
    const { exitCode, stdout, stderr } = await run(parameters, environment);

    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain(token);
  });

  it('name the missing right where the role may not read the secret, and the variable without a stack', async () => {
    const denied = await run(['test'], {}, system.inspector);
    const blind = await ask(['hooks', 'test', '--control-plane', 'prod-eu', '--endpoint', system.apiUrl]);

    expect(denied).toMatchObject({ exitCode: 3, stdout: '' });
    expect(denied.stderr).toContain('The role needs secretsmanager:GetSecretValue on it');
    expect(blind).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('LIFEBOAT_HOOK_SECRET_FILE'),
    });
  });
});

describe('on a terminal of 60 columns', () => {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  /** `script` gives the command a terminal (util-linux, in every Debian). */
  const onTerminal = (parameters: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    terminals.start(
      'script',
      [
        '-qec',
        `stty cols 60; exec ${[process.execPath, cli.file, ...parameters].map(quote).join(' ')}`,
        '/dev/null',
      ],
      {
        env: {
          TERM: 'xterm',
          SHELL: '/bin/sh',
          ...variablesOf(system.inspector),
          ...environment,
        },
      },
    );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the beginning of a tone
  const widthOf = (line: string) => line.replaceAll(/\u001b\[[\dHJ]+m?/g, '').length;

  it('status has colour, and lines that fit, but for names that are copied whole', async () => {
    system.setAlarmState('Lifeboat prod-eu: Data plane version without a file', 'ALARM');
    const { stdout } = await onTerminal(['status', '--stack', 'Lifeboat']).ended;
    const dull = await Promise.all([
      onTerminal(['status', '--stack', 'Lifeboat', '--no-color']).ended,
      onTerminal(['status', '--stack', 'Lifeboat'], { NO_COLOR: '1' }).ended,
      onTerminal(['status', '--stack', 'Lifeboat'], { TERM: 'dumb' }).ended,
    ]);
    system.setAlarmState('Lifeboat prod-eu: Data plane version without a file', 'OK');

    expect(stdout).toContain('\u001b[32mready\u001b[0m');
    for (const line of stdout.split('\r\n').filter((each) => !/https:|arn:/.test(each))) {
      expect(widthOf(line)).toBeLessThanOrEqual(60);
    }
    for (const { stdout: text } of dull) {
      expect(text).toContain('Kong 3.9.1: ready');
      expect(text).not.toContain('\u001b');
    }
  });

  it('status --watch draws itself anew', async () => {
    const watching = onTerminal(['status', '--stack', 'Lifeboat', '--watch', '1']);
    const pictures = () => watching.stdout().split('\u001b[H\u001b[2J').length - 1;

    expect(await eventually(() => pictures() >= 2)).toBe(true);
    watching.signal('SIGTERM');
    await watching.ended;

    expect(watching.stdout()).toMatch(/Every 1 s, \S+Z\. Ctrl-C ends it\./);
  });
});

describe('lifeboat grant', () => {
  const asDataPlane = (...more: readonly string[]) =>
    ask(['grant', '--stack', 'Lifeboat', '--kong-version', '3.9.1', ...more], {}, system.dataPlane);
  /** A data plane's role may not look at stacks. */
  const byEndpoint = (...more: readonly string[]) =>
    ask(
      [
        'grant',
        '--endpoint',
        system.apiUrl,
        '--control-plane',
        'prod-eu',
        '--kong-version',
        '3.9.1',
        ...more,
      ],
      {},
      system.dataPlane,
    );

  it('says that a data plane may, and shows no URL', async () => {
    const { exitCode, stdout, stderr } = await byEndpoint();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ grants a download for control plane "prod-eu" and Kong 3\.9\.1, for 1\d\d s, with the status\./,
    );
    expect(stdout).not.toContain('X-Amz-Signature');
    const { stdout: json } = await byEndpoint('--json');
    expect(Object.keys(JSON.parse(json))).toEqual([
      'controlPlane',
      'kongVersion',
      'endpoint',
      'expiresAt',
      'seconds',
      'hasStatus',
    ]);
  });

  it('prints the URL alone where it is asked for', async () => {
    const { stdout } = await byEndpoint('--url');

    expect(stdout.trim().split('\n')).toEqual([expect.stringContaining('X-Amz-Signature=')]);
    expect((await fetch(stdout.trim())).status).toBe(200);
  });

  it('says who may not, and what is wrong with a version', async () => {
    expect(await ask(['grant', '--stack', 'Lifeboat', '--kong-version', '3.9.1'])).toMatchObject({
      exitCode: 3,
      stdout: '',
    });
    expect(await byEndpoint('--kong-version', '2.8.0')).toMatchObject({ exitCode: 4, stdout: '' });
    expect(await asDataPlane()).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('cloudformation:DescribeStacks'),
    });
  });
});

describe('lifeboat certificate put', () => {
  const files = { certificate: '', key: '', otherKey: '', expired: '', expiredKey: '' };

  beforeAll(async () => {
    const dayMs = 86_400_000;
    const good = await issue({
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + 90 * dayMs),
    });
    const expired = await issue({
      notBefore: new Date(Date.now() - 9 * dayMs),
      notAfter: new Date(Date.now() - dayMs),
    });
    const texts = {
      certificate: good.pem,
      key: good.keyPem,
      otherKey: expired.keyPem,
      expired: expired.pem,
      expiredKey: expired.keyPem,
    };
    for (const [name, text] of Object.entries(texts)) {
      const file = join(directory, `${name}.pem`);
      await writeFile(file, text, { mode: 0o600 });
      files[name as keyof typeof files] = file;
    }
  });

  const put = (certificate: string, key: string, ...more: readonly string[]) =>
    ask(
      [
        'certificate',
        'put',
        '--stack',
        'Lifeboat',
        '--cluster-cert',
        certificate,
        '--cluster-cert-key',
        key,
        ...more,
      ],
      {},
      system.administrator,
    );
  const secret = async () => {
    const client = new SecretsManagerClient({
      region: system.region,
      endpoint: system.awsEndpoints.AWS_ENDPOINT_URL_SECRETS_MANAGER,
      credentials: system.administrator,
    });
    return (await client.send(new GetSecretValueCommand({ SecretId: await secretArn() }))).SecretString ?? '';
  };
  const secretArn = async () => {
    const { stdout } = await put(files.certificate, files.key, '--dry-run', '--json');
    return String(JSON.parse(stdout).secretId);
  };

  it.each<[what: string, pair: readonly (keyof typeof files)[], sentence: string]>([
    [
      'a key of another certificate',
      ['certificate', 'otherKey'],
      'the key does not belong to the certificate',
    ],
    ['what has ended', ['expired', 'expiredKey'], 'the certificate ended on'],
    ['both exchanged', ['key', 'certificate'], 'perhaps certificate and key were exchanged'],
  ])('refuses %s, and writes nothing', async (_what, [certificate = 'key', key = 'key'], sentence) => {
    const before = await secret();

    const { exitCode, stdout, stderr } = await put(files[certificate], files[key], '--yes');

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('BEGIN');
    expect(await secret()).toBe(before);
  });

  it('refuses an empty file, and to write what nobody has confirmed', async () => {
    const before = await secret();
    const empty = join(directory, 'empty.pem');
    await writeFile(empty, '');

    expect(await put(empty, files.key, '--yes')).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await put(files.certificate, files.key)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('nobody is at a terminal to confirm it: give --yes'),
    });
    expect(await put(files.certificate, files.key, '--dry-run')).toMatchObject({
      exitCode: 0,
      stdout: 'Nothing was written (--dry-run).\n',
    });
    expect(await secret()).toBe(before);
  });

  it('writes what exports read, and shows nothing of the key', async () => {
    const { exitCode, stdout, stderr } = await put(files.certificate, files.key, '--yes');

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^It is in the secret\./);
    expect(stderr).toMatch(/\ncertificate {3}CN=kong_clustering\n.*\nends {10}20.*, in 89 days\n$/s);
    const written = JSON.parse(await secret());
    expect(Object.keys(written)).toEqual(['certificate', 'key']);
    expect(written.key).toContain('PRIVATE KEY');
    expect(`${stdout}${stderr}`).not.toContain(written.key.split('\n')[1]);
  });

  it('names the missing right', async () => {
    const { exitCode, stderr } = await ask(
      [
        'certificate',
        'put',
        '--secret',
        await secretArn(),
        '--yes',
        '--cluster-cert',
        files.certificate,
        '--cluster-cert-key',
        files.key,
      ],
      {},
      system.inspector,
    );

    expect(stderr).toContain('secretsmanager:PutSecretValue');
    expect(exitCode).toBe(3);
  });
});

describe('--profile', () => {
  it('takes credentials and region of the profile, whatever the environment says', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = system.inspector;
    const config = join(directory, 'aws-config');
    await writeFile(
      config,
      `[default]\nregion = us-east-1\n[profile on-call]\nregion = ${system.region}\naws_access_key_id = ${accessKeyId}\n` +
        `aws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\n[sso-session corp]\n`,
    );
    const environment = {
      ...system.awsEndpoints,
      AWS_CONFIG_FILE: config,
      AWS_ACCESS_KEY_ID: 'ASIAOTHER',
      AWS_SECRET_ACCESS_KEY: 'x',
    };

    const asked = await cli.run(['history', '--stack', 'Lifeboat', '--profile', 'on-call'], environment);
    const missing = await cli.run(['history', '--stack', 'Lifeboat', '--profile', 'oncall'], environment);

    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(missing).toMatchObject({
      exitCode: 3,
      stderr:
        'lifeboat: there is no AWS profile "oncall", which --profile names: there are "default", "on-call"\n',
    });
  });
});
