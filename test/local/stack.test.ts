/** `--stack`: commands find endpoint, region and control planes in the outputs of a local system's stack. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { credentialVariables, type Identity } from '../../simulators/aws/identities.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { bundledCli, type Cli } from '../cli/bundled-cli.ts';
import { eventually } from './processes.ts';

let directory: string;
let controlPlane: ControlPlane;
let system: LocalSystem;
let cli: Cli;

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
  system.putStack({ name: 'Website', outputs: { ApiUrl: 'https://example.com' } });
  system.putStack({ name: 'Beginning', outputs: {}, status: 'CREATE_IN_PROGRESS' });
  cli = await bundledCli();
}, 120_000);

afterAll(async () => {
  await Promise.all([system.stop(), controlPlane.stop(), cli.stop()]);
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
    const exported = await ask(['export', '--stack', 'Lifeboat', '--reason', 'a test'], {}, system.operator);

    expect(exported).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await eventually(() => system.measurements().some(({ name }) => name === 'Published'))).toBe(true);
    const publicKey = await ask(['public-key', '--key-id', system.signingKeyArn], {}, system.administrator);
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
      /there is no stack "Lifebaot" in region eu-central-1, in the account of access key ASIA\w+: did you mean Lifeboat\? The stacks of Lifeboat there are Lifeboat, Several$/,
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

  it('names the missing right where the role may not look at the stack', async () => {
    const { exitCode, stderr } = await ask(['history', '--stack', 'Lifeboat'], {}, system.dataPlane);

    expect(exitCode).toBe(3);
    expect(stderr).toContain(
      'The role needs cloudformation:DescribeStacks on arn:*:cloudformation:eu-central-1:*:stack/Lifeboat/*',
    );
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
