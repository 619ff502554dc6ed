/** How every command says that it has failed: in words, as JSON, and by its exit code. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundledCli, type Cli } from './bundled-cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await bundledCli();
});
afterAll(() => cli.stop());

const nowhere = {
  LIFEBOAT_ENDPOINT: 'http://127.0.0.1:9',
  LIFEBOAT_CONTROL_PLANE: 'prod',
  AWS_REGION: 'eu-central-1',
};
const credentials = { AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'a-secret' };

describe('a failure with --json', () => {
  it.each<[string, readonly string[], Readonly<Record<string, string>>, object]>([
    [
      'a command that is not known',
      ['stauts', '--json'],
      {},
      { code: 'usage', exitCode: 2, message: expect.stringContaining("unknown command 'stauts'") },
    ],
    [
      'an option that is not known',
      ['status', '--json', '--fast'],
      nowhere,
      { code: 'usage', exitCode: 2, message: expect.stringContaining("unknown option '--fast'") },
    ],
    ['no command at all', ['--json'], {}, { code: 'usage', exitCode: 2 }],
    [
      'missing options',
      ['fetch', '--json'],
      {},
      {
        code: 'usage',
        exitCode: 2,
        message:
          '--control-plane (LIFEBOAT_CONTROL_PLANE), --kong-version (LIFEBOAT_KONG_VERSION), --endpoint (LIFEBOAT_ENDPOINT) or ' +
          '--stack (LIFEBOAT_STACK), --public-key (LIFEBOAT_PUBLIC_KEY) and --output (LIFEBOAT_OUTPUT) are missing',
      },
    ],
    [
      'a wrong value',
      ['show', 'one', '--json'],
      nowhere,
      { code: 'usage', exitCode: 2, message: expect.stringContaining('a whole number') },
    ],
    [
      'wrong options for monitoring, where 2 would be an outage',
      ['status', '--monitoring', '--watch', '--json'],
      nowhere,
      { code: 'usage', exitCode: 3, message: expect.stringContaining('cannot be used with') },
    ],
    [
      'what a command finds wrong',
      ['verify', '1', '--all', '--json'],
      nowhere,
      { code: 'usage', exitCode: 2 },
    ],
    ['no credentials', ['status', '--json'], nowhere, { code: 'denied', exitCode: 3 }],
    [
      'nobody who answers',
      ['status', '--json'],
      { ...nowhere, ...credentials },
      { code: 'failed', exitCode: 5 },
    ],
  ])('is one line of JSON on stderr: %s', async (_what, parameters, environment, error) => {
    const { exitCode, stdout, stderr } = await cli.run(parameters, environment);

    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual({ error: { message: expect.stringMatching(/^[^\n]+/), ...error } });
    expect(exitCode).toBe(JSON.parse(stderr).error.exitCode);
  });

  it('has no value in it that may be secret', async () => {
    const { stderr } = await cli.run(
      ['status', '--json', '--endpoint', 'https://user:my-secret@api.example'],
      {},
    );

    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage' } });
    expect(stderr).not.toContain('my-secret');
  });
});

describe('a failure in words', () => {
  it('is said once, with the way to the help where the options are wrong', async () => {
    expect((await cli.run(['rollback'])).stderr).toBe(
      'error: --control-plane (LIFEBOAT_CONTROL_PLANE) and --endpoint (LIFEBOAT_ENDPOINT) or --stack (LIFEBOAT_STACK) are missing\n' +
        '(see lifeboat rollback --help)\n',
    );
    expect(
      (await cli.run(['status'], { ...nowhere, ...credentials })).stderr.match(/ECONNREFUSED/g),
    ).toHaveLength(1);
  });
});

describe('a variable that nothing reads', () => {
  it.each([
    ['LIFEBOAT_ENPOINT', 'LIFEBOAT_ENDPOINT'],
    ['lifeboat_stack', 'LIFEBOAT_STACK'],
    ['LIFEBOT_OUTPUT', 'LIFEBOAT_OUTPUT'],
    ['LIFEBOAT_PUBLIC_KEY_FLIE', 'LIFEBOAT_PUBLIC_KEY_FILE'],
  ])('is told where it looks like one that is read: %s', async (name, meant) => {
    const { stderr } = await cli.run(['fetch', '--json'], { [name]: 'my-secret' });

    const [warning = '', error = ''] = stderr.split('\n');
    expect(JSON.parse(warning)).toEqual({
      warning: { message: `the variable ${name} is none that is read: did you mean ${meant}?` },
    });
    expect(JSON.parse(error)).toHaveProperty('error');
    expect(stderr).not.toContain('my-secret');
  });

  it('is nobody’s business otherwise', async () => {
    const { stderr } = await cli.run(['fetch'], {
      LIFEBOAT_IMAGE_VERSION: '1',
      LIFE_STACK: '1',
      LOGNAME: 'x',
      LIFEBOAT_STACK_FILE: '',
    });

    expect(stderr).toMatch(/^error: /);
  });
});
